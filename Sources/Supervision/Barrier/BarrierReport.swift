public import Coordination

/// What the barriers of a supervisor came to since its start: `show barrier`.
public struct BarrierReport: Sendable {
    /// Of one caller.
    public struct Caller: Hashable, Sendable {
        /// Barriers that it took.
        public var count: UInt64 = 0
        /// How long they were closed, in nanoseconds.
        public var closed = LatencyHistogram()
    }

    /// A lane, by its NUMA node and its number there.
    public struct Lane: Hashable, Sendable {
        /// The node's number in the placement.
        public var node: Int
        /// The lane's number on it.
        public var lane: Int
    }

    /// Of one lane.
    public struct Acknowledgement: Hashable, Sendable {
        /// From being asked to having stopped, in nanoseconds.
        public var time = LatencyHistogram()
        /// Barriers that found it asleep.
        public var asleep: UInt64 = 0
    }

    /// By the callers' names.
    public private(set) var callers: [String: Caller] = [:]
    /// How long barriers were closed, the closing included, in nanoseconds.
    public private(set) var closed = LatencyHistogram()
    /// How long the closing took, in nanoseconds.
    public private(set) var closing = LatencyHistogram()
    /// By lane.
    public private(set) var lanes: [Lane: Acknowledgement] = [:]
    /// Barriers that waited because the last one had just been open, how long together, and waits
    /// that were given up because the clock must have changed.
    public private(set) var holdDowns: UInt64 = 0
    /// See `holdDowns`.
    public private(set) var holdDownNanoseconds: UInt64 = 0
    /// See `holdDowns`.
    public private(set) var holdDownJumps: UInt64 = 0
    /// Barriers taken again by who held them.
    public internal(set) var recursions: UInt64 = 0
    /// Barriers in which lanes began.
    public internal(set) var beginnings: UInt64 = 0
    /// Attempts that were late (`warn`), and those after which lanes were let go (`log`).
    public private(set) var late: UInt64 = 0
    /// See `late`.
    public private(set) var letGo: UInt64 = 0
    /// Workers that were killed because a lane hung.
    public private(set) var fenced: UInt64 = 0
    /// Workers that ended while a barrier waited.
    public private(set) var left: UInt64 = 0
    /// Barriers that were not closed.
    public private(set) var failures: UInt64 = 0
    /// Barriers that lanes opened themselves.
    public private(set) var expired: UInt64 = 0

    /// Makes an empty report.
    public init() {}

    /// Barriers that were closed and opened.
    public var count: UInt64 { closed.count }

    mutating func note(_ reading: BarrierReading, _ barrier: ClosedBarrier, caller: String) {
        // Names are the program's own, but for an operator's test.
        let name = callers[caller] == nil && callers.count >= 64 ? "others" : caller
        callers[name, default: Caller()].count += 1
        callers[name, default: Caller()].closed.add(reading.closedNanoseconds)
        closed.add(reading.closedNanoseconds)
        closing.add(reading.closingNanoseconds)
        for lane in reading.lanes {
            let key = Lane(node: lane.node, lane: lane.lane)
            if let time = lane.nanoseconds {
                lanes[key, default: Acknowledgement()].time.add(time)
            } else {
                lanes[key, default: Acknowledgement()].asleep += 1
            }
        }
    }

    mutating func note(_ incident: BarrierIncident) {
        switch incident {
        case .heldDown(let nanoseconds, let isJump):
            if isJump {
                holdDownJumps += 1
            } else {
                holdDowns += 1
                holdDownNanoseconds &+= nanoseconds
            }
        case .late: late += 1
        case .letGo: letGo += 1
        case .left: left += 1
        case .fenced: fenced += 1
        case .leaseOver: expired += 1
        }
    }

    mutating func noteFailure(_ error: BarrierError) {
        if error == .leaseOver { expired += 1 } else { failures += 1 }
    }
}
