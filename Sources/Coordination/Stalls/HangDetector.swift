public import LinuxSystem

/// Finds lanes that make no turn, from looks at their counters a few times a second.
///
/// A lane turns if its loop counter or its heartbeat has moved: a lane that sleeps turns whenever
/// its sleep is over, one that stands in a barrier moves its heartbeat. One that has not moved for
/// the limit (and the longest sleep, if it sleeps) hangs, unless its thread could run and was not
/// let run: then it is starved, which is no fault of the lane's and which no restart would cure. A
/// detector that was itself not let run between two looks takes no time of it into account.
public struct HangDetector: Sendable {
    /// A lane of a worker's life.
    public struct Lane: Hashable, Sendable {
        /// The NUMA node's number in the placement.
        public var node: Int
        /// Counts the worker's lives on the node.
        public var incarnation: UInt32
        /// The lane's number on its node.
        public var lane: Int

        /// Names a lane.
        public init(node: Int, incarnation: UInt32, lane: Int) {
            self.node = node
            self.incarnation = incarnation
            self.lane = lane
        }
    }

    /// What a look at a lane's counters finds.
    public struct Look: Hashable, Sendable {
        /// The lane.
        public var lane: Lane
        /// Its turns.
        public var loops: UInt64
        /// The time-stamp counter at the top of its last turn, or in a barrier.
        public var heartbeat: UInt64
        /// Whether it sleeps.
        public var isAsleep: Bool

        /// Makes a look of its parts.
        public init(lane: Lane, loops: UInt64, heartbeat: UInt64, isAsleep: Bool) {
            self.lane = lane
            self.loops = loops
            self.heartbeat = heartbeat
            self.isAsleep = isAsleep
        }

        /// Looks at a lane of a segment.
        public init(_ segment: WorkerSegment, incarnation: UInt32, lane: Int) {
            let block = segment.lane(lane)
            self.init(
                lane: Lane(
                    node: Int(clamping: segment.load(.node)),
                    incarnation: incarnation,
                    lane: lane
                ),
                loops: block.load(.loops),
                heartbeat: block.load(.heartbeatTSC),
                isAsleep: block.load(.asleep) == LaneBarrier.sleeping
            )
        }
    }

    /// What is known of a lane's thread: the kernel's reading, and what the hypervisor has taken of
    /// its CPU.
    public typealias Probe = (reading: ThreadReading, stolenNanoseconds: UInt64)

    /// A lane that made no turn.
    public struct Stall: Hashable, Sendable {
        /// The lane.
        public var lane: Lane
        /// Why it made none; `isHang` says whether its worker must be replaced.
        public var cause: StallCause
        /// Nanoseconds since it was last seen to turn.
        public var nanoseconds: UInt64
    }

    private struct Watched {
        var look: Look
        var since: UInt64
        var probe: Probe?
        var isReported = false
    }

    /// After so many nanoseconds without a turn a lane hangs.
    public let limitNanoseconds: UInt64
    /// Nanoseconds between two looks.
    public let intervalNanoseconds: UInt64
    private let sleepNanoseconds: UInt64
    private var watched: [Lane: Watched] = [:]
    private var last: UInt64 = 0

    /// Makes a detector.
    ///
    /// - Parameters:
    ///   - limitNanoseconds: see the property.
    ///   - sleepNanoseconds: the longest sleep of a lane.
    public init(limitNanoseconds: UInt64, sleepNanoseconds: UInt64) {
        self.limitNanoseconds = limitNanoseconds
        self.sleepNanoseconds = sleepNanoseconds
        intervalNanoseconds = max(1_000_000, limitNanoseconds / 8)
    }

    /// Takes looks at all lanes that are to turn; a lane that is not among them is forgotten.
    ///
    /// - Parameters:
    ///   - looks: the lanes now.
    ///   - now: nanoseconds of a clock that does not go back.
    ///   - probe: asks the kernel about a lane's thread; nil: it is gone.
    /// - Returns: lanes that hang, each time, and lanes that are starved, once each.
    public mutating func take(
        _ looks: [Look],
        at now: UInt64,
        probe: (Lane) -> Probe?
    ) -> [Stall] {
        let wasAway = last > 0 && now &- last > 2 &* intervalNanoseconds
        last = now
        var next: [Lane: Watched] = [:]
        var stalls: [Stall] = []
        for look in looks {
            guard var lane = watched[look.lane], lane.look.loops == look.loops,
                lane.look.heartbeat == look.heartbeat, !wasAway
            else {
                next[look.lane] = Watched(look: look, since: now)
                continue
            }
            lane.look = look
            if lane.probe == nil { lane.probe = probe(look.lane) }
            if let stall = stall(of: lane, at: now, probe: probe) {
                if stall.cause.isHang || !lane.isReported { stalls.append(stall) }
                lane.isReported = true
            }
            next[look.lane] = lane
        }
        watched = next
        return stalls
    }

    private func stall(of lane: Watched, at now: UInt64, probe: (Lane) -> Probe?) -> Stall? {
        let limit = limitNanoseconds &+ (lane.look.isAsleep ? sleepNanoseconds : 0)
        guard now &- lane.since >= limit, let before = lane.probe else { return nil }
        let after = probe(lane.look.lane)
        let isOneCPU = after?.reading.cpu == before.reading.cpu
        let stolen = (after?.stolenNanoseconds ?? 0) &- before.stolenNanoseconds
        let cause = StallCause(
            from: before.reading,
            to: after?.reading,
            loopNanoseconds: limitNanoseconds / 2,
            stolenNanoseconds: isOneCPU ? stolen : 0
        )
        return Stall(lane: lane.look.lane, cause: cause, nanoseconds: now &- lane.since)
    }
}
