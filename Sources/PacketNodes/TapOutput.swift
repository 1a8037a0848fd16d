internal import Coordination
internal import PacketBuffers
public import PacketGraph

#if canImport(Glibc)
    internal import Glibc
#endif

/// Writes to the lane's queue of one TAP interface.
///
/// The graph has one such node a port, named after its interface.
public struct TapOutput: Node {
    /// No packet goes on: what the kernel does not take is freed and counted here.
    public typealias Next = NoExit

    /// The node's name, unless the graph gives it that of its port.
    public static let name = "tap-tx"
    /// The reasons for which a packet is lost.
    public static let errors = [
        "tap queue full", "tap interface down in the kernel", "tap write error",
    ]

    private let context: UnsafeMutablePointer<LaneContext>
    private let queue: TapQueue

    /// Makes the node of a lane and a port.
    ///
    /// - Parameters:
    ///   - context: the lane's.
    ///   - queue: where it writes; lanes may share one.
    public init(context: UnsafeMutablePointer<LaneContext>, queue: TapQueue) {
        self.context = context
        self.queue = queue
    }

    /// Writes each packet with a system call, counts it, and frees the frame.
    public mutating func process(_ frame: borrowing Frame<NoExit>) {
        let block = context.pointee.block
        let counters = block.interface(Int(queue.interface))
        var sent: UInt64 = 0
        var bytes: UInt64 = 0
        for index in 0..<frame.count {
            let mbuf = frame.mbufs[index]
            let result = write(queue.descriptor, mbuf.data, mbuf.length)
            if result >= 0 {
                sent &+= 1
                bytes &+= UInt64(mbuf.length)
            } else {
                let code = errno
                let reason = code == EAGAIN || code == ENOBUFS ? 0 : code == EIO ? 1 : 2
                block.errors[Int(frame.error(0)) &+ reason] &+= 1
                counters[LaneBlock.InterfaceWord.txErrors.rawValue] &+= 1
            }
        }
        counters[LaneBlock.InterfaceWord.txPackets.rawValue] &+= sent
        counters[LaneBlock.InterfaceWord.txBytes.rawValue] &+= bytes
        context.pointee.pool.give(frame.mbufs, count: frame.count)
    }
}
