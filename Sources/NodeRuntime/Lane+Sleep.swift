internal import CLinux
internal import Coordination
internal import MainLoop
internal import PacketBuffers
internal import PacketGraph
internal import PacketNodes

extension LaneLoop {
    /// What a lane does after a turn without packets: it spins, or it sleeps.
    ///
    /// A lane that polls something sleeps only if the operator lets it (`poll-sleep-usec`), after
    /// some empty turns; one whose inputs all call it sleeps at once, but for a tail after a
    /// handoff, because another is likely to follow.
    @inline(__always)
    static func rest(_ lane: Lane) {
        if isPolling(lane) {
            guard lane.pointee.turn.idle > LaneState.idleTurns else { return CLinux_pause() }
            sleep(lane, isPolling: true)
        } else {
            guard lane.pointee.turn.tail == 0 else {
                lane.pointee.turn.tail &-= 1
                return CLinux_pause()
            }
            sleep(lane, isPolling: false)
        }
    }

    /// Whether a node takes part in every turn that nothing would call.
    @inline(__always)
    private static func isPolling(_ lane: Lane) -> Bool {
        let nodes = lane.pointee.nodes
        let graph = lane.pointee.graph
        return graph.state(of: nodes.tap) == .polling || graph.state(of: nodes.dpdk) == .polling
            || graph.state(of: nodes.generator) == .polling
    }

    /// The longest sleep in microseconds; 0: none.
    private static func limit(_ lane: Lane, isPolling: Bool, now: UInt64) -> UInt64 {
        guard now >= lane.pointee.turn.awakeUntil else { return 0 }
        var limit = LaneState.longestSleepMicroseconds
        if isPolling {
            let idle = CLinux_load_relaxed64(lane.pointee.controls.idleSleepMicroseconds)
            guard idle > 0 else { return 0 }
            let graph = lane.pointee.graph
            let mustLook =
                graph.state(of: lane.pointee.nodes.dpdk) == .polling
                || graph.state(of: lane.pointee.nodes.generator) == .polling
            limit = mustLook ? idle : max(idle, limit)
        }
        guard let timers = lane.pointee.context.pointee.timers,
            let nanoseconds = timers.nanosecondsToNextStop(at: now)
        else { return limit }
        return min(limit, nanoseconds / 1000)
    }

    /// Gives the CPU away until something comes or the idle time is over.
    ///
    /// `asleep` tells the control lane and the barrier's coordinator that this lane has no packet and
    /// no table in its hands; it is taken down, with a fence, before the lane looks at the epoch and
    /// the published tables again.
    @inline(never)
    private static func sleep(_ lane: Lane, isPolling: Bool) {
        let start = timestamp()
        let limit = limit(lane, isPolling: isPolling, now: start)
        guard limit > 0 else { return CLinux_pause() }
        let block = lane.pointee.block
        CLinux_store_release64(block.pointer(.asleep), 1)
        let ending = lane.pointee.bed.sleep(microseconds: limit) { isCalled(lane) }
        CLinux_store_release64(block.pointer(.asleep), 0)
        CLinux_full_fence()
        lane.pointee.turn.sinceLook = 0
        switch ending {
        case .called: return
        case .woken: block.pointer(.wakeups).pointee &+= 1
        case .device:
            block.pointer(.deviceWakeups).pointee &+= 1
            lane.pointee.bed.signals.setInterrupt(lane.pointee.nodes.tap)
        case .time: break
        }
        let perMicrosecond = max(1, lane.pointee.context.pointee.hertz / 1_000_000)
        block.pointer(.sleeps).pointee &+= 1
        block.pointer(.sleptMicroseconds).pointee &+= (timestamp() &- start) / perMicrosecond
    }

    /// Whether somebody wants something of the lane who will not wake it, because it was awake.
    private static func isCalled(_ lane: Lane) -> Bool {
        CLinux_load_relaxed64(lane.pointee.stopAsked) != 0
            || lane.pointee.barrier.isCalledRelaxed || lane.pointee.handoff.isCalled
            || lane.pointee.bed.signals.hasInterrupts
            || UInt64(UInt(bitPattern: lane.pointee.context.pointee.tables))
                != publishedTables(lane.pointee.context.pointee.published)
    }

    /// Looks at descriptors that are not polled, while packets from elsewhere keep the lane awake.
    @inline(never)
    static func lookAtDevices(_ lane: Lane) {
        lane.pointee.turn.sinceLook = 0
        guard lane.pointee.nodes.tapCount > 0,
            lane.pointee.graph.state(of: lane.pointee.nodes.tap) == .interrupt,
            lane.pointee.bed.lookAtDevices()
        else { return }
        lane.pointee.bed.signals.setInterrupt(lane.pointee.nodes.tap)
    }
}
