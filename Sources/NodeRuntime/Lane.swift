internal import CLinux
internal import Coordination
internal import LinuxSystem
internal import MainLoop
internal import PacketBuffers
internal import PacketGraph
internal import PacketNodes

/// The loop of a polling lane, in VPP's order: barrier, handoff rings and inputs, interrupts,
/// pending frames until none is left, timers, counters.
enum LaneLoop {
    typealias Lane = UnsafeMutablePointer<LaneState>

    /// The lane's thread.
    ///
    /// - Parameter argument: a `LaneState` that outlives the thread.
    /// - Returns: 0 once it was told to stop; -1 without a state.
    static func run(_ argument: UnsafeMutableRawPointer?) -> CInt {
        guard let lane = argument?.assumingMemoryBound(to: LaneState.self) else { return -1 }
        begin(lane)
        CLinux_store_release64(lane.pointee.block.pointer(.startedTSC), timestamp())
        while true {
            while CLinux_load_relaxed64(lane.pointee.stopAsked) == LaneOrder.run { turn(lane) }
            guard CLinux_load_acquire64(lane.pointee.stopAsked) == LaneOrder.quiesce else { break }
            quiesce(lane)
        }
        lane.pointee.events.record(
            .laneStopped,
            at: timestamp(),
            value: lane.pointee.block.pointer(.loops).pointee
        )
        lane.pointee.graph.release(to: lane.pointee.context.pointee.pool)
        lane.pointee.context.pointee.pool.flushCache()
        CLinux_store_release64(lane.pointee.stopped, LaneOrder.end)
        return 0
    }

    /// Takes nothing from outside any more, only what lanes of this worker still hand over, until it is
    /// told to go on or to end.
    ///
    /// The control lane ends the lanes when all of them are here and have moved nothing for two turns
    /// of each.
    @inline(never)
    private static func quiesce(_ lane: Lane) {
        let block = lane.pointee.block
        lane.pointee.handoff.setLocalOnly(true)
        lane.pointee.quiet.packets.pointee = 0
        CLinux_store_release64(lane.pointee.stopped, LaneOrder.quiesce)
        while CLinux_load_acquire64(lane.pointee.stopAsked) == LaneOrder.quiesce {
            let loops = block.pointer(.loops).pointee &+ 1
            block.pointer(.loops).pointee = loops
            block.pointer(.heartbeatTSC).pointee = timestamp()
            let count = lane.pointee.graph.poll(only: lane.pointee.nodes.handoff, turn: loops)
            lane.pointee.graph.dispatchPending()
            let quiet = lane.pointee.quiet
            CLinux_store_release64(
                quiet.packets,
                quiet.packets.pointee &+ UInt64(truncatingIfNeeded: count)
            )
            CLinux_store_release64(quiet.turns, quiet.turns.pointee &+ 1)
            if count == 0 { _ = CLinux_yield() }
        }
        lane.pointee.handoff.setLocalOnly(false)
        CLinux_store_release64(lane.pointee.stopped, LaneOrder.run)
    }

    /// One turn of the loop.
    @inline(__always)
    static func turn(_ lane: Lane) {
        let block = lane.pointee.block
        let context = lane.pointee.context
        let now = timestamp()
        let loops = block.pointer(.loops).pointee &+ 1
        block.pointer(.loops).pointee = loops
        block.pointer(.heartbeatTSC).pointee = now
        context.pointee.now = now
        if lane.pointee.barrier.isCalled { barrier(lane) }
        takeGeneration(lane)
        var count = lane.pointee.graph.pollInputs(turn: loops)
        if lane.pointee.bed.signals.hasInterrupts { count &+= interrupts(lane, loops) }
        lane.pointee.graph.dispatchPending()
        if let timers = context.pointee.timers, timers.isDue(at: now) { expire(lane, timers, now) }
        if now &- lane.pointee.turn.rateTSC > context.pointee.hertz / 50 { sample(lane, now) }
        finish(lane, count)
    }

    /// Counts a turn, and decides whether the lane may sleep after it.
    @inline(__always)
    private static func finish(_ lane: Lane, _ count: Int) {
        if let node = lane.pointee.graph.takeSwitched() { reportSwitch(lane, node, count) }
        let block = lane.pointee.block
        block.pointer(.turnVectors).pointee = UInt64(truncatingIfNeeded: count)
        guard count > 0 else {
            lane.pointee.turn.idle &+= 1
            return rest(lane)
        }
        block.pointer(.inputVectors).pointee &+= UInt64(truncatingIfNeeded: count)
        block.pointer(.busyLoops).pointee &+= 1
        lane.pointee.turn.idle = 0
        let handed = block.node(lane.pointee.nodes.handoff)[LaneBlock.NodeWord.vectors.rawValue]
        if handed != lane.pointee.turn.handed {
            lane.pointee.turn.handed = handed
            lane.pointee.turn.tail = CLinux_load_relaxed64(lane.pointee.controls.handoffTailTurns)
        }
        lane.pointee.turn.sinceLook &+= 1
        if lane.pointee.turn.sinceLook > LaneState.turnsBetweenLooks { lookAtDevices(lane) }
    }

    private static func begin(_ lane: Lane) {
        _ = CLinux_set_thread_name(lane.pointee.name)
        CrashReport.prepareThread(lane.pointee.signalStack)
        // The default slack of 50 us would make every short sleep that much longer.
        _ = CLinux_set_timer_slack(1)
        let block = lane.pointee.block
        lane.pointee.bed.rise()
        block.pointer(.threadID).pointee = UInt64(CLinux_thread_id())
        block.pointer(.cpu).pointee = UInt64(CLinux_current_cpu())
        lane.pointee.events.setThread(Int(CLinux_thread_id()))
        lane.pointee.events.record(
            .laneStarted,
            at: timestamp(),
            small: UInt16(truncatingIfNeeded: CLinux_current_cpu()),
            middle: UInt32(truncatingIfNeeded: CLinux_thread_id())
        )
        lane.pointee.turn.rateTSC = timestamp()
        lane.pointee.turn.rateLoops = block.pointer(.loops).pointee
        lane.pointee.turn.neighbourEpoch = .max
        lane.pointee.context.pointee.now = timestamp()
        checkClock(lane)
        applyModes(lane)
        applyGenerator(lane)
        lane.pointee.graph.setMode(of: lane.pointee.nodes.hold, .interrupt)
    }

    /// Picks up the newest tables; from here until the next turn the lane reads only these.
    @inline(__always)
    private static func takeGeneration(_ lane: Lane) {
        let context = lane.pointee.context
        let newest = newestTables(context.pointee.published, lane.pointee.block)
        guard let tables = newest.tables else { return }
        context.pointee.tables = tables
        if newest.isNew {
            noteGeneration(lane)
            lane.pointee.events.record(
                .generation,
                at: context.pointee.now,
                value: tables.pointee.generation
            )
        }
    }

    /// Reads which tables were published last, and says in the lane's block that older ones are not
    /// read by it any more.
    @inline(__always)
    static func newestTables(
        _ published: UnsafeMutablePointer<UInt>,
        _ block: LaneBlock
    ) -> (tables: UnsafePointer<ForwardingTables>?, isNew: Bool) {
        let address = UInt(publishedTables(published))
        guard let tables = UnsafePointer<ForwardingTables>(bitPattern: address) else {
            return (nil, false)
        }
        let generation = tables.pointee.generation
        guard block.pointer(.generation).pointee != generation else { return (tables, false) }
        CLinux_store_release64(block.pointer(.generation), generation)
        return (tables, true)
    }

    @inline(__always)
    static func publishedTables(_ published: UnsafeMutablePointer<UInt>) -> UInt64 {
        published.withMemoryRebound(to: UInt64.self, capacity: 1) { CLinux_load_acquire64($0) }
    }

    /// Looks what new tables mean for the input nodes.
    @inline(never)
    private static func noteGeneration(_ lane: Lane) {
        applyModes(lane)
        let epoch = lane.pointee.context.pointee.tables.pointee.neighbourEpoch
        guard epoch != lane.pointee.turn.neighbourEpoch else { return }
        lane.pointee.turn.neighbourEpoch = epoch
        // Packets that wait for a neighbour may go on.
        lane.pointee.bed.signals.setInterrupt(lane.pointee.nodes.hold)
    }

    @inline(never)
    private static func interrupts(_ lane: Lane, _ loops: UInt64) -> Int {
        lane.pointee.block.pointer(.interruptLoops).pointee &+= 1
        applyGenerator(lane)
        return lane.pointee.graph.takeInterrupts(lane.pointee.bed.signals, turn: loops)
    }

    /// Stands in the barrier while it is closed; the lane holds no packet and no table here.
    @inline(never)
    private static func barrier(_ lane: Lane) {
        let stay = lane.pointee.barrier.stand()
        lane.pointee.context.pointee.now = stay.end
        lane.pointee.context.pointee.timers?.refresh()
        guard stay.hasStood else { return }
        let epoch = UInt32(truncatingIfNeeded: stay.epoch)
        let length = stay.end &- stay.begin
        lane.pointee.events.record(.barrier, at: stay.begin, middle: epoch, value: length)
        if stay.isExpired {
            lane.pointee.events.record(.barrierExpired, at: stay.end, middle: epoch)
        }
        // As VPP's: one barrier often follows another.
        lane.pointee.turn.awakeUntil = stay.end &+ lane.pointee.context.pointee.hertz / 2
    }
}
