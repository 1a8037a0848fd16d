import CBench
import CLinux
import Coordination
import Glibc
import MainLoop
import NodeRuntime
import PacketBuffers
import PacketGraph
import PacketNodes

/// A turn of a lane's loop in which nothing has come, as a lane without a packet turns it that polls a
/// port and does not sleep: counters, barrier, tables, doorbells, input, interrupts, frames, timers, pause.
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

    private let world: ForwardingWorld
    private let lane: SilentLane
    private let plain: UnsafeMutablePointer<CBench_turn>
    private static let count = 512

    override var checksum: UInt64 { lane.turns &+ plain.pointee.loops }

    /// Makes a lane that handoff rings lead to.
    ///
    /// - Parameters:
    ///   - rings: how many, all of them silent.
    ///   - pool: where packets would come from.
    /// - Throws: what the graph or the segment's file refuses.
    init(rings: Int, pool: MbufPool) throws {
        let lines = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 64)
        lines.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
        let segment = try Self.makeSegment()
        let block = segment.lane(0)
        world = try ForwardingWorld(routes: Routes(count: 1, areScattered: false))
        let context = world.makeContext(block: block, pool: pool)
        let source = HandoffSource(consumer: HandoffConsumer(ring: lines + 448), peer: 0)
        let handoff = HandoffInput(
            context: context,
            doorbells: lines + 128,
            sources: Array(repeating: source, count: rings),
            localBells: (lines + 192).bindMemory(to: UInt64.self, capacity: 8),
            localRings: []
        )
        var builder = GraphBuilder()
        try builder.add(EndNode())
        try builder.add(SinkNode(), name: "ethernet-input")
        try builder.add(SinkNode(), name: "interface-output")
        try builder.addInput(handoff)
        try builder.addInput(DpdkInput(context: context, queues: []))
        try builder.addInput(TapInput(context: context, queues: []))
        let description = builder.description
        lane = SilentLane(
            graph: try builder.build(block: block, pool: pool),
            description: description,
            context: context,
            segment: segment,
            handoff: handoff,
            signals: LaneSignals(lines)
        )
        plain = .allocate(capacity: 1)
        plain.initialize(to: CBench_turn())
        plain.pointee.epoch_wanted = UnsafePointer(segment.pointer(.epochWanted))
        plain.pointee.doorbells = UnsafePointer(
            (lines + 256).bindMemory(to: UInt64.self, capacity: 8)
        )
        plain.pointee.doorbell_words = UInt32((rings + 63) / 64)
        plain.pointee.interrupts = UnsafePointer(
            (lines + 320).bindMemory(to: UInt64.self, capacity: 8)
        )
        plain.pointee.generation_published = plain.pointee.interrupts
        plain.pointee.next_timer = .max
        plain.pointee.rate_interval = .max
        super.init(unit: "clocks/turn", operations: Self.count)
        // It starts to look at the clock again before it would sleep.
        for _ in 0..<2 { work() }
    }

    /// A segment that nobody else sees.
    private static func makeSegment() throws -> WorkerSegment {
        let path = "/dev/shm/causeway-bench-\(getpid())"
        defer { unlink(path) }
        return try WorkerSegment.create(path: path, node: 0, incarnation: 1, lanes: 1)
    }

    override func work() { lane.turn(times: Self.count) }

    override func reference() {
        for _ in 0..<Self.count { CBench_turn(plain) }
    }
}
