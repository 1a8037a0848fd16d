internal import CDPDK
internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Transmits on the lane's queue of one DPDK port.
///
/// The graph has one such node a port, named after its interface.
public struct DpdkOutput: Node {
    /// What the driver does not take is dropped.
    public enum Next: UInt16, Exit {
        case drop

        /// The name of the graph node behind the exit.
        public var target: String { "error-drop" }
    }

    /// The node's name, unless the graph gives it that of its port.
    public static let name = "dpdk-tx"
    /// The reasons for which it drops: a transmit queue that stays full.
    public static let errors = ["Tx packet drops (dpdk tx failure)"]
    /// How often a burst that the driver did not take whole is offered again.
    public static let attempts = 16

    private let context: UnsafeMutablePointer<LaneContext>
    private let port: UInt16
    private let queue: UInt16
    private let interface: UInt16

    /// Makes the node of a lane and a port.
    ///
    /// - Parameters:
    ///   - context: the lane's.
    ///   - port: DPDK's number of the port.
    ///   - queue: the transmit queue that is this lane's alone.
    ///   - interface: the port's `sw_if_index`, for the counters.
    public init(
        context: UnsafeMutablePointer<LaneContext>,
        port: UInt16,
        queue: UInt16,
        interface: UInt16
    ) {
        self.context = context
        self.port = port
        self.queue = queue
        self.interface = interface
    }

    /// Gives the driver the frame, drops what it does not take in `attempts` bursts, and counts
    /// both.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let count = frame.count
        // The driver frees what it takes, so bytes are counted first and taken back for what it
        // leaves.
        var bytes: UInt64 = 0
        for index in 0..<count {
            bytes &+= UInt64(frame.mbufs[index].length)
            frame.nexts[index] = Frame<Next>.consumed
        }
        var sent = 0
        var attempt = 0
        while sent < count, attempt < Self.attempts {
            let rest = count &- sent
            sent &+= (frame.mbufs + sent).withMemoryRebound(
                to: UnsafeMutablePointer<cw_mbuf>.self,
                capacity: rest
            ) { Int(cw_tx_burst(port, queue, $0, UInt16(truncatingIfNeeded: rest))) }
            attempt &+= 1
        }
        let counters = context.pointee.block.interface(Int(interface))
        for index in sent..<count {
            bytes &-= UInt64(frame.mbufs[index].length)
            frame.mbufs[index].error = frame.error(0)
            frame.nexts[index] = Next.drop.rawValue
        }
        counters[LaneBlock.InterfaceWord.txPackets.rawValue] &+= UInt64(sent)
        counters[LaneBlock.InterfaceWord.txBytes.rawValue] &+= bytes
        counters[LaneBlock.InterfaceWord.txErrors.rawValue] &+= UInt64(count &- sent)
    }
}
