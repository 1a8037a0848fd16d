/// How long a barrier waits for lanes, and what it does about those that do not come.
public struct BarrierTimes: Hashable, Sendable {
    /// From then on a barrier counts as late.
    public var warn = Duration.milliseconds(1)
    /// From then on it is logged, and the lanes that came are let go until the late ones turn again.
    public var log = Duration.milliseconds(10)
    /// A lane that has not come by then and hangs has its worker killed.
    public var fence = Duration.seconds(1)
    /// How long lanes stay closed after a coordinator has died; it renews this in time.
    public var lease = Duration.milliseconds(100)

    /// The times that a barrier has unless the operator says otherwise.
    public init() {}

    /// An open barrier stays so for this many times as long as it was closed (VPP)...
    public static let holdDownFactor: UInt64 = 3
    /// ...but no longer than this.
    public static let longestHoldDown = Duration.milliseconds(1)
    /// A wait beyond this is none, but a clock that has changed (VPP).
    public static let implausibleHoldDown = Duration.milliseconds(2)
    /// Only lanes that had more packets than this in a turn need time between barriers (VPP).
    public static let holdDownVectors: UInt64 = 10
}

/// What happens while a barrier is being closed.
public enum BarrierIncident: Sendable {
    /// It waited because the last one had just been open; `isJump`: the wait was given up, because
    /// the clock must have changed.
    case heldDown(nanoseconds: UInt64, isJump: Bool)
    /// Lanes have not come within `BarrierTimes.warn`.
    case late([LanePlace])
    /// Lanes have not come within `BarrierTimes.log` or more: the others are let go meanwhile.
    case letGo([LanePlace], nanoseconds: UInt64)
    /// The worker of a node has ended, and the barrier goes on without it.
    case left(node: Int)
    /// A lane hangs: its worker is about to be killed.
    case fenced(BarrierMember, LanePlace, StallCause)
    /// The coordinator was not let run for so long that the lanes opened the barrier themselves.
    case leaseOver
}

/// Why a barrier was not closed, or did not stay so.
public enum BarrierError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Lanes did not come, though they do not hang.
    case late([LanePlace], StallCause?, nanoseconds: UInt64)
    /// A worker was killed and did not end.
    case undying(node: Int)
    /// The lanes opened it themselves, because the coordinator was not let run in time.
    case leaseOver
    /// There is no such node, or no worker forwards on it.
    case noWorker(node: Int)
    /// Who holds the barrier of one node cannot take that of others.
    case widerThanHeld

    /// What happened, and what may be done about it.
    public var description: String {
        switch self {
        case .late(let places, let cause, let nanoseconds):
            "the barrier was not closed: \(places.map(\.description).joined(separator: "; ")) did "
                + "not stop within \(nanoseconds / 1_000_000) ms"
                + (cause.map { ": \($0)" } ?? ", though it turns")
                + "; give the lanes CPUs of their own, or raise `barrier { fence-msec }`"
        case .undying(let node):
            "the barrier was not closed: node \(node)'s worker was killed and does not end"
        case .leaseOver:
            "the lanes opened the barrier themselves, because the supervisor was not let run: raise "
                + "`barrier { lease-msec }`, or give the supervisor a CPU of its own"
        case .noWorker(let node): "no worker forwards on node \(node)"
        case .widerThanHeld:
            "the barrier is held for one node: who needs more takes all of it at once"
        }
    }
}
