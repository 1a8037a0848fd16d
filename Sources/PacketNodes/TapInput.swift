internal import CLinux
internal import Coordination
public import PacketBuffers
public import PacketGraph

#if canImport(Glibc)
    internal import Glibc
#endif

/// A queue of a Linux TAP interface, by its non-blocking descriptor.
public struct TapQueue: Sendable {
    /// The queue's descriptor, shared with the keeper; each read takes a packet, each write sends
    /// one.
    public let descriptor: Int32
    /// The `sw_if_index` of the port's interface.
    public let interface: UInt16
    /// The queue's number among the port's.
    public let queue: UInt16

    /// Names a queue, which stays open as long as the process.
    public init(descriptor: Int32, interface: UInt16, queue: UInt16) {
        self.descriptor = descriptor
        self.interface = interface
        self.queue = queue
    }
}

/// Receives from the lane's queues of TAP interfaces, each packet read straight into a buffer of
/// the pool.
///
/// The descriptors are the keeper's too, so the kernel's interface outlives the worker: it stays
/// up, with its addresses and routes, and nothing in it has to be repaired.
public struct TapInput: InputNode {
    /// All packets go to `ethernet-input`.
    public enum Next: UInt16, Exit {
        case ethernetInput

        /// The name of the graph node behind the exit.
        public var target: String { "ethernet-input" }
    }

    /// The node's name in the graph: `tap-input`.
    public static let name = "tap-input"
    /// The reasons for which a packet is lost, or stays in the kernel.
    public static let errors = ["tap packet longer than a buffer", "no buffer", "tap read error"]
    /// Packets taken from one queue in a turn: a system call each, so fewer than a frame.
    public static let burst = 64

    private let context: UnsafeMutablePointer<LaneContext>
    private let queues: UnsafeMutablePointer<TapQueue>
    private let queueCount: Int
    private let mbufs: UnsafeMutablePointer<Mbuf>
    /// Buffers at hand for the next reads: a pool is asked for many at once.
    private let spare: UnsafeMutablePointer<Mbuf>
    private var spareCount = 0
    /// Where bytes go that a buffer has no room for, to see that there were any.
    private let overflow: UnsafeMutableRawPointer

    /// Makes the node of a lane.
    ///
    /// - Parameters:
    ///   - context: the lane's.
    ///   - queues: those that the lane polls; none is fine.
    public init(context: UnsafeMutablePointer<LaneContext>, queues: [TapQueue]) {
        self.context = context
        self.queues = .allocate(capacity: max(1, queues.count))
        self.queues.initialize(from: queues, count: queues.count)
        queueCount = queues.count
        let bytes = Self.burst * MemoryLayout<Mbuf>.stride
        mbufs = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            .bindMemory(to: Mbuf.self, capacity: Self.burst)
        spare = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            .bindMemory(to: Mbuf.self, capacity: Self.burst)
        overflow = .allocate(byteCount: 64, alignment: 64)
    }

    /// Reads at most `burst` packets from each queue, and counts them.
    ///
    /// - Parameter output: gets the packets.
    /// - Returns: how many came in.
    public mutating func poll(_ output: Output<Next>) -> Int {
        var total = 0
        for index in 0..<queueCount { total &+= receive(queues[index], output) }
        noteSpare()
        return total
    }

    private mutating func receive(_ queue: TapQueue, _ output: Output<Next>) -> Int {
        let block = context.pointee.block
        let counters = block.interface(Int(queue.interface))
        var count = 0
        var bytes: UInt64 = 0
        while count < Self.burst {
            guard fill() else {
                block.errors[Int(output.errorBase) &+ 1] &+= 1
                block.pointer(.bufferFailures).pointee &+= 1
                break
            }
            let mbuf = spare[spareCount &- 1]
            let length = read(queue.descriptor, into: mbuf)
            if length <= 0 {
                if length < 0 { countFailure(counters, output) }
                break
            }
            if length > mbuf.room {
                block.errors[Int(output.errorBase)] &+= 1
                counters[LaneBlock.InterfaceWord.rxErrors.rawValue] &+= 1
                continue
            }
            spareCount &-= 1
            mbuf.enterGraph(rxInterface: queue.interface)
            mbuf.setLength(length)
            bytes &+= UInt64(length)
            mbufs[count] = mbuf
            count &+= 1
        }
        guard count > 0 else { return 0 }
        topUp()
        counters[LaneBlock.InterfaceWord.rxPackets.rawValue] &+= UInt64(count)
        counters[LaneBlock.InterfaceWord.rxBytes.rawValue] &+= bytes
        output.emit(mbufs, count: count, to: .ethernetInput)
        return count
    }

    /// Gives back the buffers that were at hand for reads.
    public mutating func release(to pool: MbufPool) {
        pool.give(spare, count: spareCount)
        spareCount = 0
        noteSpare()
    }

    /// Says how many buffers are at hand, for whoever counts all of the pool.
    @inline(__always)
    private func noteSpare() {
        context.pointee.block.pointer(.atHand).pointee = UInt64(truncatingIfNeeded: spareCount)
    }

    /// Takes as many buffers as have been used, so that a quiet lane always holds the same number.
    @inline(__always)
    private mutating func topUp() {
        let missing = Self.burst / 2 &- spareCount
        guard missing > 0, context.pointee.pool.take(spare + spareCount, count: missing) else {
            return
        }
        spareCount &+= missing
    }

    /// Makes sure that a buffer is at hand.
    @inline(__always)
    private mutating func fill() -> Bool {
        if spareCount > 0 { return true }
        guard context.pointee.pool.take(spare, count: Self.burst / 2) else { return false }
        spareCount = Self.burst / 2
        return true
    }

    /// Reads one packet; 0: there is none; more than the buffer's room: it was cut off.
    @inline(__always)
    private func read(_ descriptor: Int32, into mbuf: Mbuf) -> Int {
        var parts = (
            iovec(iov_base: mbuf.data, iov_len: mbuf.room),
            iovec(iov_base: overflow, iov_len: 64)
        )
        let result = withUnsafePointer(to: &parts) {
            $0.withMemoryRebound(to: iovec.self, capacity: 2) { readv(descriptor, $0, 2) }
        }
        return result >= 0 ? result : (errno == EAGAIN || errno == EINTR ? 0 : -1)
    }

    @inline(never)
    private func countFailure(_ counters: UnsafeMutablePointer<UInt64>, _ output: Output<Next>) {
        context.pointee.block.errors[Int(output.errorBase) &+ 2] &+= 1
        counters[LaneBlock.InterfaceWord.rxErrors.rawValue] &+= 1
    }
}
