import CBench
import CLinux
import Coordination
import PacketBuffers
import PacketGraph

/// A node that sends every packet on.
private struct PassNode<To: Exit>: Node {
    static var name: String { "pass" }
    typealias Next = To

    mutating func process(_ frame: borrowing Frame<To>) {
        for index in 0..<frame.count { frame.nexts[index] = 0 }
    }
}

private enum ToSecond: UInt16, Exit {
    case next
    var target: String { "second" }
}

private enum ToThird: UInt16, Exit {
    case next
    var target: String { "third" }
}

private enum ToLast: UInt16, Exit {
    case next
    var target: String { "error-drop" }
}

/// Ends every packet: the buffers stay the benchmark's.
private struct EndNode: Node {
    typealias Next = NoExit
    static let name = "error-drop"
    let ended: UnsafeMutablePointer<UInt64>

    mutating func process(_ frame: borrowing Frame<Next>) {
        ended.pointee &+= UInt64(truncatingIfNeeded: frame.count)
    }
}

/// Memory for a lane's counters.
func makeLaneBlock() -> LaneBlock {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: LaneBlock.byteCount, alignment: 4096)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: LaneBlock.byteCount)
    return LaneBlock(plainMemory: memory)
}

/// What a graph costs whose four nodes do nothing: the dispatcher alone.
final class EmptyGraph: Subject {
    let unit = "clocks/call"
    let parts: [String] = []
    var checksum: UInt64 { ended.pointee &+ CBench_graph_ended(reference) }

    private let graph: LaneGraph
    private let reference: OpaquePointer
    private let ended: UnsafeMutablePointer<UInt64>
    private let mbufs: UnsafeMutablePointer<Mbuf>
    private let frame: Int
    private let framesInBatch: Int
    private static let nodes = 4

    /// Makes the graph.
    ///
    /// - Parameters:
    ///   - frame: packets a frame.
    ///   - pool: where they come from.
    /// - Throws: an empty pool.
    init(frame: Int, pool: MbufPool) throws {
        self.frame = frame
        framesInBatch = frame > 16 ? 64 : 512
        ended = .allocate(capacity: 1)
        ended.initialize(to: 0)
        mbufs = .allocate(capacity: frameCapacity)
        guard pool.take(mbufs, count: frameCapacity) else { throw BenchError("no buffers") }
        var builder = GraphBuilder()
        try builder.add(PassNode<ToSecond>(), name: "first")
        try builder.add(PassNode<ToThird>(), name: "second")
        try builder.add(PassNode<ToLast>(), name: "third")
        try builder.add(EndNode(ended: ended))
        graph = try builder.build(block: makeLaneBlock(), pool: pool)
        guard let made = CBench_graph_make(UInt32(Self.nodes)) else {
            throw BenchError("no memory")
        }
        reference = made
        self.pool = pool
    }

    private let pool: MbufPool

    deinit {
        pool.give(mbufs, count: frameCapacity)
        CBench_graph_free(reference)
        mbufs.deallocate()
        ended.deallocate()
    }

    func run(batches: Int, into values: UnsafeMutablePointer<Double>) {
        for batch in 0..<batches {
            let switches = contextSwitches()
            let start = timestamp()
            for _ in 0..<framesInBatch {
                graph.append(mbufs, count: frame, to: 0)
                graph.dispatchPending()
            }
            let clocks = Double(timestamp() &- start)
            values[batch] =
                contextSwitches() == switches ? clocks / Double(framesInBatch * Self.nodes) : .nan
        }
    }

    func runReference(batches: Int, into values: UnsafeMutablePointer<Double>) {
        let pointers = UnsafeMutableRawPointer(mbufs).assumingMemoryBound(
            to: UnsafeMutableRawPointer.self
        )
        for batch in 0..<batches {
            let switches = contextSwitches()
            let start = timestamp()
            for _ in 0..<framesInBatch {
                CBench_graph_run(reference, pointers, UInt32(truncatingIfNeeded: frame))
            }
            let clocks = Double(timestamp() &- start)
            values[batch] =
                contextSwitches() == switches ? clocks / Double(framesInBatch * Self.nodes) : .nan
        }
    }
}
