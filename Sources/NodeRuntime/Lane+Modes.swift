internal import CLinux
internal import Coordination
internal import MainLoop
internal import PacketBuffers
internal import PacketGraph
internal import PacketNodes

extension LaneLoop {
    /// What a timer of the loop itself is for.
    enum LoopTimer: UInt32 { case clock = 0, backOff }

    /// Runs the input nodes of ports as the interfaces' rx modes say.
    static func applyModes(_ lane: Lane) {
        let controls = lane.pointee.controls
        lane.pointee.graph.setThresholds(
            AdaptiveMode.Thresholds(
                polling: UInt32(clamping: CLinux_load_relaxed64(controls.pollingThreshold)),
                interrupt: UInt32(clamping: CLinux_load_relaxed64(controls.interruptThreshold))
            )
        )
        let nodes = lane.pointee.nodes
        let tap = mode(lane, nodes.tapQueues, nodes.tapCount)
        if tap != lane.pointee.turn.tapMode {
            lane.pointee.turn.tapMode = tap
            lane.pointee.graph.setMode(of: nodes.tap, tap.state, isAdaptive: tap.isAdaptive)
            // What came before the change has called nobody.
            lane.pointee.bed.signals.setInterrupt(nodes.tap)
        }
        let dpdk = mode(lane, nodes.dpdkQueues, nodes.dpdkCount)
        if dpdk != lane.pointee.turn.dpdkMode {
            lane.pointee.turn.dpdkMode = dpdk
            lane.pointee.graph.setMode(of: nodes.dpdk, dpdk.state, isAdaptive: dpdk.isAdaptive)
            backOff(lane)
        }
    }

    /// The mode of a node that serves some queues: polling if one of them is to be polled; else by
    /// interrupts, adaptive if one of them is.
    private static func mode(
        _ lane: Lane,
        _ queues: UnsafeMutablePointer<LaneQueue>,
        _ count: Int
    ) -> RxNodeMode {
        guard count > 0 else { return RxNodeMode(state: .disabled, isAdaptive: false) }
        let tables = lane.pointee.context.pointee.tables
        var isAdaptive = false
        for index in 0..<count {
            let flags = tables.pointee.rxFlags(
                interface: queues[index].interface,
                queue: queues[index].queue
            )
            if flags & InterfaceEntry.rxAdaptive != 0 {
                isAdaptive = true
            } else if flags & InterfaceEntry.rxInterrupt == 0 {
                return RxNodeMode(state: .polling, isAdaptive: false)
            }
        }
        return RxNodeMode(state: .interrupt, isAdaptive: isAdaptive)
    }

    /// Polls the packet generator as long as it has streams.
    static func applyGenerator(_ lane: Lane) {
        let node = lane.pointee.nodes.generator
        let wanted: LaneNodeState = lane.pointee.generator.hasStreams ? .polling : .interrupt
        guard lane.pointee.graph.state(of: node) != wanted else { return }
        lane.pointee.graph.setMode(of: node, wanted)
    }

    /// Sees to it that DPDK ports that are not polled are looked at: they cannot call a worker,
    /// because their interrupts are the keeper's.
    private static func backOff(_ lane: Lane) {
        guard lane.pointee.graph.state(of: lane.pointee.nodes.dpdk) == .interrupt else { return }
        lane.pointee.bed.signals.setInterrupt(lane.pointee.nodes.dpdk)
        let idle = CLinux_load_relaxed64(lane.pointee.controls.idleSleepMicroseconds)
        let microseconds = idle > 0 ? idle : LaneState.backOffMicroseconds
        let context = lane.pointee.context
        guard let timers = context.pointee.timers else { return }
        if let timer = lane.pointee.turn.backOffTimer { timers.stop(timer) }
        lane.pointee.turn.backOffTimer = timers.start(
            TimerHandle(.loop, LoopTimer.backOff.rawValue),
            afterNanoseconds: max(10, microseconds) &* 1000,
            at: context.pointee.now
        )
    }

    /// Lets timers expire: graph nodes get an interrupt, the loop does its own.
    @inline(never)
    static func expire(_ lane: Lane, _ timers: LaneTimers, _ now: UInt64) {
        let before = timers.expired
        timers.expire(at: now) { handle in
            switch handle.kind {
            case .node: lane.pointee.bed.signals.setInterrupt(Int(handle.index))
            case .loop where handle.index == LoopTimer.clock.rawValue: checkClock(lane)
            case .loop: backOff(lane)
            case .process, .event: break
            }
        }
        lane.pointee.block.pointer(.timersExpired).pointee = timers.expired
        lane.pointee.block.pointer(.timersRefused).pointee = timers.refused
        guard lane.pointee.events.traces(.timers) else { return }
        lane.pointee.events.record(
            .timers,
            at: now,
            middle: UInt32(truncatingIfNeeded: timers.expired &- before),
            value: timestamp() &- now
        )
    }

    /// Compares the lane's clock, on its own CPU, with the kernel's; every 16 s.
    static func checkClock(_ lane: Lane) {
        let context = lane.pointee.context
        guard let timers = context.pointee.timers else { return }
        timers.refresh()
        let sample = ClockSample.take()
        let own = timers.nanoseconds(at: sample.tsc)
        let truth = sample.nanoseconds &- lane.pointee.clockZero
        let block = lane.pointee.block
        block.pointer(.clockError).pointee = own &- truth
        block.pointer(.clockChecks).pointee &+= 1
        block.pointer(.clockHeld).pointee = timers.held
        timers.start(
            TimerHandle(.loop, LoopTimer.clock.rawValue),
            afterNanoseconds: UInt64(ClockKeeper.longestInterval * 1e9),
            at: context.pointee.now
        )
    }

    /// Works the loop's rate out, some fifty times a second.
    @inline(never)
    static func sample(_ lane: Lane, _ now: UInt64) {
        let block = lane.pointee.block
        let loops = block.pointer(.loops).pointee
        let hertz = Double(lane.pointee.context.pointee.hertz)
        lane.pointee.turn.rate.add(
            events: loops &- lane.pointee.turn.rateLoops,
            seconds: Double(now &- lane.pointee.turn.rateTSC) / hertz
        )
        lane.pointee.turn.rateTSC = now
        lane.pointee.turn.rateLoops = loops
        block.pointer(.loopRate).pointee = lane.pointee.turn.rate.perSecond.bitPattern
        lane.pointee.context.pointee.timers?.refresh()
    }

    /// Tells the control lane, for its log, that a node went over to another mode by itself.
    @inline(never)
    static func reportSwitch(_ lane: Lane, _ node: Int, _ packets: Int) {
        let state = lane.pointee.graph.state(of: node)
        if state == .interrupt, node == lane.pointee.nodes.dpdk { backOff(lane) }
        _ = lane.pointee.mailbox.put(
            ControlCall(.modeSwitch, UInt64(node), state.rawValue, UInt64(packets))
        )
    }
}
