internal import Coordination
internal import MainLoop
internal import PacketGraph
internal import PacketNodes

/// A polling lane: what its thread needs, in plain memory that nothing else writes.
struct LaneState {
    let graph: LaneGraph
    let context: UnsafeMutablePointer<LaneContext>
    let block: LaneBlock
    /// The worker's words that the supervisor writes.
    let controls: LaneControls
    let barrier: LaneBarrier
    /// Written by the control lane: one of `LaneOrder`.
    let stopAsked: UnsafeMutablePointer<UInt64>
    /// Written by the lane: which order it has come to.
    let stopped: UnsafeMutablePointer<UInt64>
    /// Written by the lane while it lets things come to rest.
    let quiet: (turns: UnsafeMutablePointer<UInt64>, packets: UnsafeMutablePointer<UInt64>)
    /// Where it sleeps: its TAP descriptors and its eventfd end that.
    let bed: LaneBed
    /// A copy of the node that looks at the lane's doorbells, to look at them before a sleep.
    let handoff: HandoffInput
    /// The packets that wait for neighbours; the control lane's while the lane does not run.
    let held: HeldPackets?
    let generator: GeneratorFeed
    let nodes: LaneNodes
    /// Where the lane calls its control lane.
    let mailbox: ControlMailbox
    /// CLOCK_MONOTONIC at the zero of the time base.
    let clockZero: UInt64
    /// The thread's name, `cw-n<node>-l<lane>`, zero-terminated, at most 15 bytes.
    let name: UnsafeMutablePointer<CChar>
    /// The lane's ring of the event log.
    let events: EventWriter
    /// For the report of a crash.
    let signalStack: UnsafeMutableRawPointer
    /// What changes from turn to turn.
    var turn = LaneTurn()

    /// Empty turns before a lane with something to poll starts to sleep.
    static let idleTurns = 256
    /// The longest sleep of a lane that everything can wake which it waits for (VPP: 10 ms).
    static let longestSleepMicroseconds: UInt64 = 10_000
    /// How often a port is looked at that is not polled and cannot call, if nothing says otherwise.
    static let backOffMicroseconds: UInt64 = 100
    /// Turns with packets between two looks at descriptors that are not polled.
    static let turnsBetweenLooks = 64
}

/// What the control lane wants of a lane's loop.
enum LaneOrder {
    static let run: UInt64 = 0
    /// Give back what is kept at hand, and return.
    static let end: UInt64 = 1
    /// Take nothing from outside, and finish what lanes of this worker hand over.
    static let quiesce: UInt64 = 2
}

/// The words by which the supervisor steers a worker's lanes, in its segment.
struct LaneControls {
    let idleSleepMicroseconds: UnsafeMutablePointer<UInt64>
    let pollingThreshold: UnsafeMutablePointer<UInt64>
    let interruptThreshold: UnsafeMutablePointer<UInt64>
    let handoffTailTurns: UnsafeMutablePointer<UInt64>

    init(_ segment: WorkerSegment) {
        idleSleepMicroseconds = segment.pointer(.idleSleepMicroseconds)
        pollingThreshold = segment.pointer(.pollingThreshold)
        interruptThreshold = segment.pointer(.interruptThreshold)
        handoffTailTurns = segment.pointer(.handoffTailTurns)
    }
}

/// A receive queue of a lane.
struct LaneQueue {
    /// The `sw_if_index` of its interface.
    var interface: UInt16
    var queue: UInt16
}

/// The graph indices of the input nodes that a lane treats each in its own way, and the queues that
/// they serve.
struct LaneNodes {
    let handoff: Int
    let dpdk: Int
    let tap: Int
    let generator: Int
    let hold: Int
    let dpdkQueues: UnsafeMutablePointer<LaneQueue>
    let dpdkCount: Int
    let tapQueues: UnsafeMutablePointer<LaneQueue>
    let tapCount: Int
}

/// How far a lane's loop is.
struct LaneTurn {
    /// Turns without a packet.
    var idle = 0
    /// Packets handed over so far, and how many turns are left of the tail after the last.
    var handed: UInt64 = 0
    var tail: UInt64 = 0
    /// Turns since the descriptors of TAPs that are not polled were looked at.
    var sinceLook = 0
    /// The neighbour epoch of the tables in the turn before.
    var neighbourEpoch: UInt64 = 0
    /// What the operator last wanted of the port nodes.
    var tapMode = RxNodeMode(state: .polling, isAdaptive: false)
    var dpdkMode = RxNodeMode(state: .polling, isAdaptive: false)
    /// Looks at DPDK ports that are not polled.
    var backOffTimer: TimerID?
    var rate = LoopRate()
    var rateTSC: UInt64 = 0
    var rateLoops: UInt64 = 0
    /// The lane does not sleep before this reading of the time-stamp counter.
    var awakeUntil: UInt64 = 0
}

/// How a lane is to run an input node of ports.
struct RxNodeMode: Equatable {
    var state: LaneNodeState
    var isAdaptive: Bool
}
