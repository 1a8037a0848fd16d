internal import CLinux
package import Coordination
internal import LinuxSystem
internal import MainLoop
internal import PacketBuffers
package import PacketGraph
package import PacketNodes

/// A lane whose loop is turned by its caller and to which nothing comes: what a turn costs.
///
/// It polls a port without packets and is never let sleep, so every turn is the real one, from the
/// counters to the pause at its end.
package struct SilentLane {
    private let lane: LaneLoop.Lane
    /// Keeps the memory mapped that the lane counts in.
    private let segment: WorkerSegment

    /// Makes a lane that lives as long as the process.
    ///
    /// - Parameters:
    ///   - graph: with the nodes that `description` names; `dpdk-input` is the one that is polled.
    ///   - description: of that graph.
    ///   - context: the lane's, with tables and their place of publication.
    ///   - segment: of which the lane is lane 0.
    ///   - handoff: the graph's own node.
    ///   - signals: a line of 64 bytes, all 0.
    package init(
        graph: LaneGraph,
        description: GraphDescription,
        context: UnsafeMutablePointer<LaneContext>,
        segment: WorkerSegment,
        handoff: HandoffInput,
        signals: LaneSignals
    ) {
        self.segment = segment
        func index(_ name: String) -> Int { description.index(of: name) ?? 0 }
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 16)
        words.initialize(repeating: 0, count: 16)
        let queue = UnsafeMutablePointer<LaneQueue>.allocate(capacity: 1)
        queue.initialize(to: LaneQueue(interface: 1, queue: 0))
        let name = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        name.initialize(to: 0)
        let tsc = timestamp()
        let base = TimeBase(
            anchorTSC: tsc,
            anchorNanoseconds: 0,
            hertz: Double(context.pointee.hertz)
        )
        let clock = LaneClock(PublishedTimeBase(segment.pointer(.timeBase)), fallback: base)
        context.pointee.timers = LaneTimers(clock: clock, tsc: tsc)
        lane = .allocate(capacity: 1)
        lane.initialize(
            to: LaneState(
                graph: graph,
                context: context,
                block: segment.lane(0),
                controls: LaneControls(segment),
                barrier: LaneBarrier(segment, lane: 0),
                stopAsked: words,
                stopped: words + 8,
                quiet: (turns: words + 9, packets: words + 10),
                bed: LaneBed(signals: signals, wakeup: -1, devices: []),
                handoff: handoff,
                held: nil,
                generator: GeneratorFeed(),
                nodes: LaneNodes(
                    handoff: index(HandoffInput.name),
                    dpdk: index(DpdkInput.name),
                    tap: index(TapInput.name),
                    generator: index(GeneratorInput.name),
                    hold: index(ARPHoldInput.name),
                    dpdkQueues: queue,
                    dpdkCount: 1,
                    tapQueues: queue,
                    tapCount: 0
                ),
                mailbox: ControlMailbox(),
                clockZero: 0,
                name: name,
                events: .none,
                signalStack: CrashReport.makeStack()
            )
        )
        lane.pointee.turn.rateTSC = tsc
        LaneLoop.applyModes(lane)
    }

    /// Turns the loop.
    package func turn(times: Int) {
        for _ in 0..<times { LaneLoop.turn(lane) }
    }

    /// The turns so far.
    package var turns: UInt64 { segment.lane(0).load(.loops) }
}
