import CBench
import CLinux
import Coordination
import Forwarding
import MainLoop
import PacketBuffers
import PacketGraph
import PacketNodes

/// A turn of a lane's loop in which nothing has come: counters, barrier, doorbells, interrupts, an
/// empty queue of frames.
final class EmptyTurn: LoopSubject {
    private struct EndNode: Node {
        typealias Next = NoExit
        static let name = "error-drop"

        mutating func process(_ frame: borrowing Frame<Next>) {}
    }

    private struct SinkNode: Node {
        typealias Next = NoExit
        static let name = "sink"

        mutating func process(_ frame: borrowing Frame<Next>) {}
    }

    private let graph: LaneGraph
    private let block: LaneBlock
    private let signals: LaneSignals
    private let epochWanted: UnsafeMutablePointer<UInt64>
    private let plain: UnsafeMutablePointer<CBench_turn>
    private static let count = 512

    override var checksum: UInt64 { block.load(.loops) &+ plain.pointee.loops }

    /// Makes a lane that handoff rings lead to.
    ///
    /// - Parameters:
    ///   - rings: how many, all of them silent.
    ///   - pool: where packets would come from.
    /// - Throws: what the graph refuses.
    init(rings: Int, pool: MbufPool) throws {
        let lines = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 64)
        lines.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
        block = makeLaneBlock()
        signals = LaneSignals(lines)
        epochWanted = (lines + 64).bindMemory(to: UInt64.self, capacity: 8)
        let context = UnsafeMutablePointer<LaneContext>.allocate(capacity: 1)
        let published = UnsafeMutablePointer<UInt>.allocate(capacity: 1)
        published.initialize(to: 0)
        let heap = try Machine.makeHeap(byteCount: 80 << 20)
        context.initialize(
            to: LaneContext(
                tables: UnsafeMutablePointer<ForwardingTables>.allocate(capacity: 1),
                published: published,
                fib: try Fib(heap: heap).reader,
                block: block,
                pool: pool,
                node: 0,
                lane: 0,
                globalLane: 0,
                hertz: 1_000_000_000,
                seed: 1,
                neighbours: NeighbourMailbox()
            )
        )
        let source = HandoffSource(consumer: HandoffConsumer(ring: lines + 448), peer: 0)
        var builder = GraphBuilder()
        try builder.add(EndNode())
        try builder.add(SinkNode(), name: "ethernet-input")
        try builder.add(SinkNode(), name: "interface-output")
        try builder.addInput(
            HandoffInput(
                context: context,
                doorbells: lines + 128,
                sources: Array(repeating: source, count: rings),
                localBells: (lines + 192).bindMemory(to: UInt64.self, capacity: 8),
                localRings: []
            )
        )
        graph = try builder.build(block: block, pool: pool)
        plain = .allocate(capacity: 1)
        plain.initialize(to: CBench_turn())
        plain.pointee.epoch_wanted = UnsafePointer(epochWanted)
        plain.pointee.doorbells = UnsafePointer(
            (lines + 256).bindMemory(to: UInt64.self, capacity: 8)
        )
        plain.pointee.doorbell_words = UInt32((rings + 63) / 64)
        plain.pointee.interrupts = UnsafePointer(
            (lines + 320).bindMemory(to: UInt64.self, capacity: 8)
        )
        super.init(unit: "clocks/turn", operations: Self.count)
    }

    override func work() {
        for _ in 0..<Self.count {
            let loops = block.pointer(.loops).pointee &+ 1
            block.pointer(.loops).pointee = loops
            block.pointer(.heartbeatTSC).pointee = timestamp()
            if CLinux_load_acquire64(epochWanted) != block.pointer(.epochReached).pointee {
                block.pointer(.epochReached).pointee &+= 1
            }
            var count = graph.pollInputs(turn: loops)
            if signals.hasInterrupts { count &+= graph.takeInterrupts(signals, turn: loops) }
            graph.dispatchPending()
            if count > 0 { block.pointer(.busyLoops).pointee &+= 1 }
        }
    }

    override func reference() {
        for _ in 0..<Self.count { CBench_turn(plain) }
    }
}
