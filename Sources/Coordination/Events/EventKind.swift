/// What happened; says what the fields of an `EventRecord` mean.
///
/// A span is an event with a length: its `value` is the length in ticks of the time-stamp counter,
/// its time that of its beginning.
@frozen
public enum EventKind: UInt16, Sendable, CaseIterable {
    /// A lane's loop begins; `small`: its CPU, `middle`: the thread's id.
    case laneStarted = 1
    /// A lane's loop has ended; `value`: its turns.
    case laneStopped = 2
    /// A lane works with a new generation of tables; `value`: its number.
    case generation = 3
    /// A lane stood in a barrier; span; `middle`: the epoch, its low 32 bits.
    case barrier = 4
    /// A graph node was called; span; `small`: its index, `middle`: packets.
    case dispatch = 5
    /// The timing wheel was turned; span; `middle`: timers that expired.
    case timers = 6
    /// The worker entered a state; `small`: the raw value of the `ProcessState`.
    case workerState = 7
    /// The worker applied a journal entry; span; `middle`: its number, the low 32 bits; `small`: 1
    /// if it was refused.
    case change = 8
    /// The supervisor ran a command line; span; `middle`: the text, `small`: 1 if it failed.
    case command = 9
    /// The supervisor answered a request of the control API; span; `middle`: the text, `small`:
    /// the HTTP status.
    case request = 10
    /// The supervisor started a process; `small`: see `EventProcess`, `middle`: its id, `value`:
    /// its incarnation.
    case processStarted = 11
    /// A process said that it entered a state; `small`: see `EventProcess`, `middle`: the state,
    /// `value`: the incarnation.
    case processState = 12
    /// A process ended; `small`: see `EventProcess`, `middle`: its exit status, or 256 and the
    /// signal, or `UInt32.max`: not known; `value`: its incarnation.
    case processEnded = 13
    /// The journal took a change; `value`: its number.
    case journal = 14
    /// A barrier was closed: from the first lane asked to stop to the last that did; span;
    /// `middle`: the text of its caller, `small`: lanes.
    case barrierClosed = 15
    /// A barrier was held, and opened; span from its closing on; `middle`: the text of its caller,
    /// `small`: 1 if lanes had opened it themselves.
    case barrierHeld = 16
    /// A barrier waited because the last one had just been open; span; `small`: 1 if the wait was
    /// given up because the clock must have changed.
    case barrierHeldDown = 17
    /// A lane had not come to a barrier in time; `small`: the NUMA node, `middle`: the lane, `value`:
    /// 0, or the nanoseconds after which the other lanes were let go.
    case barrierLate = 18
    /// A worker was killed because a lane hung in the way of a barrier; `small`: the NUMA node,
    /// `middle`: the lane.
    case barrierFenced = 19
    /// A barrier went on without a worker that had ended; `small`: the NUMA node.
    case barrierLeft = 20
    /// Who held a barrier took it again; `middle`: the text of the caller.
    case barrierRecursion = 21
    /// A lane opened the barrier because its coordinator no longer spoke; `middle`: the epoch, its
    /// low 32 bits.
    case barrierExpired = 22
    /// A lane was found to hang, and its worker was killed; `small`: the NUMA node, `middle`: the
    /// lane, `value`: nanoseconds since its last turn.
    case laneHung = 23
    /// The buffers of a node's pool were counted, and their number was not what it had been; `value`: how
    /// many are missing, `small`: 1 if so many are there twice instead.
    case buffers = 24
    /// A change was taken back because the worker that got it first failed; `small`: the NUMA node, `middle`:
    /// the worker's life, `value`: the number that the change had there.
    case poison = 25

    /// Whether `value` is a length.
    public var isSpan: Bool {
        switch self {
        case .barrier, .dispatch, .timers, .change, .command, .request, .barrierClosed,
            .barrierHeld, .barrierHeldDown:
            true
        default: false
        }
    }

    /// What must be chosen for it to be recorded; empty: it always is.
    @inlinable public var trace: EventTraces {
        switch self {
        case .barrier, .barrierClosed, .barrierHeld, .barrierHeldDown, .barrierRecursion: .barrier
        case .dispatch: .dispatch
        case .timers: .timers
        case .command: .cli
        case .request: .api
        default: []
        }
    }

    /// Its category in a trace file, and the word for it in commands.
    public var category: String {
        switch self {
        case .laneStarted, .laneStopped, .generation, .laneHung: "lane"
        case .barrier, .barrierClosed, .barrierHeld, .barrierHeldDown, .barrierLate, .barrierFenced,
            .barrierLeft, .barrierRecursion, .barrierExpired:
            "barrier"
        case .dispatch: "dispatch"
        case .buffers: "buffers"
        case .timers: "tw_timer"
        case .workerState, .processStarted, .processState, .processEnded: "process"
        case .change, .journal, .poison: "journal"
        case .command: "cli"
        case .request: "api"
        }
    }
}

/// A process of a NUMA node, as the field `small` of an event names it.
public struct EventProcess: Hashable, Sendable {
    /// The NUMA node's number in the placement.
    public var node: Int
    /// Whether it is the node's keeper rather than its worker.
    public var isKeeper: Bool

    /// Names a process.
    public init(node: Int, isKeeper: Bool) {
        self.node = node
        self.isKeeper = isKeeper
    }

    /// Reads the field.
    public init(field: UInt16) {
        self.init(node: Int(field & 0xFF), isKeeper: field & 0x100 != 0)
    }

    /// The field.
    public var field: UInt16 { UInt16(truncatingIfNeeded: node & 0xFF) | (isKeeper ? 0x100 : 0) }
}
