internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Ends dropped packets: counts each by its reason and its receive interface, and frees it.
///
/// It comes first in the graph, so that reason 0 is its own: a packet dropped without one.
public struct ErrorDrop: Node {
    /// Where packets go.
    public typealias Next = NoExit

    /// The graph node's name.
    public static let name = "error-drop"
    /// What the node counts, by reason.
    public static let errors = ["no reason given"]

    private let block: LaneBlock
    private let pool: MbufPool

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>) {
        block = context.pointee.block
        pool = context.pointee.pool
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let errors = block.errors
        let count = frame.count
        var start = 0
        while start < count {
            let mbuf = frame.mbufs[start]
            let error = mbuf.error
            let interface = mbuf.rxInterface
            var end = start &+ 1
            while end < count, frame.mbufs[end].error == error,
                frame.mbufs[end].rxInterface == interface
            { end &+= 1 }
            let packets = UInt64(truncatingIfNeeded: end &- start)
            errors[Int(error) < WorkerSegment.maximumErrors ? Int(error) : 0] &+= packets
            if Int(interface) < WorkerSegment.maximumInterfaces {
                let counters = block.interface(Int(interface))
                counters[LaneBlock.InterfaceWord.drops.rawValue] &+= packets
            }
            start = end
        }
        pool.give(frame.mbufs, count: count)
    }
}
