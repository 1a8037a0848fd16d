internal import CLinux
internal import Coordination
internal import PacketBuffers
internal import PacketGraph
internal import PacketNodes

/// A polling lane: what its thread needs, in plain memory that nothing else writes.
struct LaneState {
    let graph: LaneGraph
    let context: UnsafeMutablePointer<LaneContext>
    let block: LaneBlock
    /// Set by the control lane to end the loop; a whole word.
    let stopAsked: UnsafeMutablePointer<UInt64>
    /// Set by the lane when its loop has ended.
    let stopped: UnsafeMutablePointer<UInt64>
    let epochWanted: UnsafeMutablePointer<UInt64>
    let idleSleepMicroseconds: UnsafeMutablePointer<UInt64>
    /// Where it sleeps: its TAP descriptors and its eventfd end that.
    let bed: LaneBed
    /// A copy of the node that looks at the lane's doorbells, to look at them before a sleep.
    let handoff: HandoffInput
    let generator: GeneratorFeed
    /// Whether there are ports that cannot end a sleep.
    let hasPolledPorts: Bool
    /// The thread's name, `cw-n<node>-l<lane>`, zero-terminated, at most 15 bytes.
    let name: UnsafeMutablePointer<CChar>

    /// Empty turns before a lane starts to sleep.
    static let idleTurns = 256
    /// The longest sleep of a lane that everything can wake which it waits for.
    static let longestSleepMicroseconds: UInt64 = 10_000
    /// How long a lane stays in a barrier whose coordinator says nothing.
    static let barrierLimitSeconds: UInt64 = 2
}

/// The loop of a polling lane, in VPP's order: barrier, handoff rings and inputs, pending frames
/// until none is left.
enum LaneLoop {
    /// The lane's thread.
    ///
    /// - Parameter argument: a `LaneState` that outlives the thread.
    /// - Returns: 0 once it was told to stop; -1 without a state.
    static func run(_ argument: UnsafeMutableRawPointer?) -> CInt {
        guard let lane = argument?.assumingMemoryBound(to: LaneState.self) else { return -1 }
        begin(lane)
        let block = lane.pointee.block
        let context = lane.pointee.context
        var idle = 0
        while CLinux_load_relaxed64(lane.pointee.stopAsked) == 0 {
            let now = timestamp()
            block.pointer(.loops).pointee &+= 1
            block.pointer(.heartbeatTSC).pointee = now
            context.pointee.now = now
            if CLinux_load_acquire64(lane.pointee.epochWanted)
                != block.pointer(.epochReached).pointee
            {
                barrier(lane)
            }
            takeGeneration(context, block)
            let count = lane.pointee.graph.pollInputs()
            lane.pointee.graph.dispatchPending()
            if count > 0 {
                block.pointer(.inputVectors).pointee &+= UInt64(truncatingIfNeeded: count)
                block.pointer(.busyLoops).pointee &+= 1
                idle = 0
            } else {
                idle &+= 1
                if idle > LaneState.idleTurns { sleep(lane) } else { CLinux_pause() }
            }
        }
        context.pointee.pool.flushCache()
        CLinux_store_release64(lane.pointee.stopped, 1)
        return 0
    }

    private static func begin(_ lane: UnsafeMutablePointer<LaneState>) {
        _ = CLinux_set_thread_name(lane.pointee.name)
        // The default slack of 50 us would make every short sleep that much longer.
        _ = CLinux_set_timer_slack(1)
        let block = lane.pointee.block
        block.pointer(.threadID).pointee = UInt64(CLinux_thread_id())
        block.pointer(.cpu).pointee = UInt64(CLinux_current_cpu())
    }

    /// Picks up the newest tables; from here until the next turn the lane reads only these.
    @inline(__always)
    private static func takeGeneration(
        _ context: UnsafeMutablePointer<LaneContext>,
        _ block: LaneBlock
    ) {
        let address = UInt(publishedTables(context))
        guard let tables = UnsafePointer<ForwardingTables>(bitPattern: address) else { return }
        context.pointee.tables = tables
        let generation = tables.pointee.generation
        if block.pointer(.generation).pointee != generation {
            CLinux_store_release64(block.pointer(.generation), generation)
        }
    }

    /// Says that the epoch is reached, and while it is odd (closed) waits for the next.
    @inline(never)
    private static func barrier(_ lane: UnsafeMutablePointer<LaneState>) {
        let start = timestamp()
        let limit = LaneState.barrierLimitSeconds &* lane.pointee.context.pointee.hertz
        while true {
            let wanted = CLinux_load_acquire64(lane.pointee.epochWanted)
            CLinux_store_release64(lane.pointee.block.pointer(.epochReached), wanted)
            // A coordinator that died with the barrier closed must not stop the lane for ever.
            if wanted & 1 == 0 || timestamp() &- start > limit { return }
            lane.pointee.block.pointer(.heartbeatTSC).pointee = timestamp()
            CLinux_pause()
        }
    }

    /// Gives the CPU away until something comes or the idle time is over.
    ///
    /// `asleep` tells the control lane that this lane has no table in its hands; it is taken down,
    /// with a fence, before the lane looks at the published tables again.
    @inline(never)
    private static func sleep(_ lane: UnsafeMutablePointer<LaneState>) {
        let idle = CLinux_load_relaxed64(lane.pointee.idleSleepMicroseconds)
        guard idle > 0 else { return CLinux_pause() }
        let mustLook = lane.pointee.hasPolledPorts || lane.pointee.generator.hasStreams
        let limit = mustLook ? idle : max(idle, LaneState.longestSleepMicroseconds)
        let block = lane.pointee.block
        CLinux_store_release64(block.pointer(.asleep), 1)
        let start = timestamp()
        let ending = lane.pointee.bed.sleep(microseconds: limit) { isCalled(lane) }
        CLinux_store_release64(block.pointer(.asleep), 0)
        CLinux_full_fence()
        switch ending {
        case .called: return
        case .woken: block.pointer(.wakeups).pointee &+= 1
        case .device: block.pointer(.deviceWakeups).pointee &+= 1
        case .time: break
        }
        let perMicrosecond = max(1, lane.pointee.context.pointee.hertz / 1_000_000)
        block.pointer(.sleeps).pointee &+= 1
        block.pointer(.sleptMicroseconds).pointee &+= (timestamp() &- start) / perMicrosecond
    }

    /// Whether somebody wants something of the lane who will not wake it, because it was awake.
    private static func isCalled(_ lane: UnsafeMutablePointer<LaneState>) -> Bool {
        CLinux_load_relaxed64(lane.pointee.stopAsked) != 0
            || CLinux_load_relaxed64(lane.pointee.epochWanted)
                != lane.pointee.block.pointer(.epochReached).pointee
            || lane.pointee.handoff.isCalled || lane.pointee.bed.signals.hasInterrupts
            || UInt64(UInt(bitPattern: lane.pointee.context.pointee.tables))
                != publishedTables(lane.pointee.context)
    }

    @inline(__always)
    private static func publishedTables(_ context: UnsafeMutablePointer<LaneContext>) -> UInt64 {
        context.pointee.published.withMemoryRebound(to: UInt64.self, capacity: 1) {
            CLinux_load_acquire64($0)
        }
    }
}
