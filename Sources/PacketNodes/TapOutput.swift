internal import Coordination
internal import PacketBuffers
public import PacketGraph

#if canImport(Glibc)
    internal import Glibc
#endif

/// Writes to the lane's queue of one TAP interface: the graph has one such node a port, named after its interface.
public struct TapOutput: Node {
    /// Where packets go from here.
    public typealias Next = NoExit

    /// The name in the graph.
    public static let name = "tap-tx"
    /// The drop reasons.
    public static let errors = [
        "tap queue full", "tap interface down in the kernel", "tap write error",
    ]

    private let context: UnsafeMutablePointer<LaneContext>
    private let queue: TapQueue

    /// Makes a value of its parts.
    public init(context: UnsafeMutablePointer<LaneContext>, queue: TapQueue) {
        self.context = context
        self.queue = queue
    }

    /// Works on a frame.
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
