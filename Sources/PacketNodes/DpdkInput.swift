internal import CDPDK
internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// A receive queue of a DPDK port that a lane polls.
public struct DpdkQueue: Sendable {
    /// DPDK's number of the port.
    public let port: UInt16
    /// The receive queue on the port, from 0.
    public let queue: UInt16
    /// The `sw_if_index` that packets from it get.
    public let interface: UInt16

    /// Names a queue, which this lane alone polls.
    public init(port: UInt16, queue: UInt16, interface: UInt16) {
        self.port = port
        self.queue = queue
        self.interface = interface
    }
}

/// Receives from the lane's queues of DPDK ports, up to a frame from each in a turn.
public struct DpdkInput: InputNode {
    /// Good packets go to `ethernet-input`.
    public enum Next: UInt16, Exit {
        case ethernetInput, drop

        /// The name of the graph node behind the exit.
        public var target: String {
            switch self {
            case .ethernetInput: "ethernet-input"
            case .drop: "error-drop"
            }
        }
    }

    /// The node's name in the graph: `dpdk-input`.
    public static let name = "dpdk-input"
    /// The reasons for which it drops: a packet in several buffers, which no port is set up to
    /// make.
    public static let errors = ["packet in several buffers"]

    private let context: UnsafeMutablePointer<LaneContext>
    private let queues: UnsafeMutablePointer<DpdkQueue>
    private let queueCount: Int
    private let mbufs: UnsafeMutablePointer<Mbuf>

    /// Makes the node of a lane.
    ///
    /// - Parameters:
    ///   - context: the lane's.
    ///   - queues: those that the lane polls; none is fine.
    public init(context: UnsafeMutablePointer<LaneContext>, queues: [DpdkQueue]) {
        self.context = context
        self.queues = .allocate(capacity: max(1, queues.count))
        self.queues.initialize(from: queues, count: queues.count)
        queueCount = queues.count
        mbufs = UnsafeMutableRawPointer.allocate(
            byteCount: frameCapacity * MemoryLayout<Mbuf>.stride,
            alignment: 64
        ).bindMemory(to: Mbuf.self, capacity: frameCapacity)
    }

    /// Takes a burst of at most `frameCapacity` packets from each queue, and counts it.
    ///
    /// - Parameter output: gets the packets.
    /// - Returns: how many came in, dropped ones included.
    public mutating func poll(_ output: Output<Next>) -> Int {
        var total = 0
        for index in 0..<queueCount { total &+= receive(queues[index], output) }
        return total
    }

    private func receive(_ queue: DpdkQueue, _ output: Output<Next>) -> Int {
        let count = mbufs.withMemoryRebound(
            to: UnsafeMutablePointer<cw_mbuf>?.self,
            capacity: frameCapacity
        ) { Int(cw_rx_burst(queue.port, queue.queue, $0, UInt16(frameCapacity))) }
        guard count > 0 else { return 0 }
        var bytes: UInt64 = 0
        var chained = 0
        for index in 0..<count {
            if index &+ 4 < count { mbufs[index &+ 4].prefetchHeader() }
            let mbuf = mbufs[index]
            bytes &+= UInt64(mbuf.pointer.pointee.pkt_len)
            if mbuf.pointer.pointee.nb_segs != 1 { chained &+= 1 }
            mbuf.enterGraph(rxInterface: queue.interface)
        }
        let counters = context.pointee.block.interface(Int(queue.interface))
        counters[LaneBlock.InterfaceWord.rxPackets.rawValue] &+= UInt64(count)
        counters[LaneBlock.InterfaceWord.rxBytes.rawValue] &+= bytes
        let kept = chained == 0 ? count : freeChained(count, queue, output)
        if kept > 0 { output.emit(mbufs, count: kept, to: .ethernetInput) }
        return count
    }

    /// Frees packets that lie in several buffers, which no port is set up to make; gives the number
    /// of the others.
    @inline(never)
    private func freeChained(_ count: Int, _ queue: DpdkQueue, _ output: Output<Next>) -> Int {
        var kept = 0
        for index in 0..<count {
            if mbufs[index].pointer.pointee.nb_segs == 1 {
                mbufs[kept] = mbufs[index]
                kept &+= 1
            } else {
                cw_mbuf_free(mbufs[index].pointer)
                context.pointee.block.errors[Int(output.errorBase)] &+= 1
                let counters = context.pointee.block.interface(Int(queue.interface))
                counters[LaneBlock.InterfaceWord.drops.rawValue] &+= 1
            }
        }
        return kept
    }
}
