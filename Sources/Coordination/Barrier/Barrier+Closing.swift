internal import CLinux
internal import LinuxSystem

extension Barrier {
    /// How far the closing of a barrier is.
    struct Closing {
        /// The workers that are to stop, without those that have ended.
        var members: [BarrierMember]
        /// How long the next attempt waits, in ticks.
        var patience: UInt64
        /// When lanes that hang lose their worker.
        var deadline: UInt64
        var begin: UInt64
        var attempts = 0
        /// The lanes that did not come in the last attempt.
        var late: [LateLane] = []

        init(_ members: [BarrierMember], patience: UInt64, fence: UInt64) {
            self.members = members
            self.patience = patience
            begin = CLinux_tsc()
            deadline = begin &+ fence
        }

        mutating func restart(patience: UInt64, fence: UInt64) {
            late = []
            self.patience = patience
            begin = CLinux_tsc()
            deadline = begin &+ fence
        }

        /// Takes note of the lanes that did not come; what is known of those that were late before,
        /// and have not turned since, stays.
        mutating func note(late lanes: [BarrierLane]) {
            let before = late
            late = lanes.map { lane in
                let known = before.first {
                    $0.lane.member.node == lane.member.node && $0.lane.lane == lane.lane
                        && !$0.isAlive
                }
                return LateLane(lane, known: known)
            }
        }

        var isEveryLateLaneAlive: Bool { late.allSatisfy(\.isAlive) }

        /// Why the barrier is given up.
        func failure(ticksPerNanosecond: Double, loopNanoseconds: UInt64) -> BarrierError {
            guard let first = late.first else { return .leaseOver }
            return .late(
                late.map(\.lane.place),
                first.cause(loopNanoseconds: loopNanoseconds),
                nanoseconds: UInt64(Double(CLinux_tsc() &- begin) / ticksPerNanosecond)
            )
        }
    }

    /// A lane that did not come, and how it stood then.
    struct LateLane {
        let lane: BarrierLane
        let loops: UInt64
        let thread: ThreadReading?
        let stolen: UInt64

        init(_ lane: BarrierLane, known: LateLane?) {
            self.lane = lane
            loops = lane.block.load(.loops)
            thread = known?.thread ?? lane.thread
            stolen =
                known?.stolen ?? thread.map { ThreadReading.stolenNanoseconds(cpu: $0.cpu) } ?? 0
        }

        /// Whether it has begun another turn since, or stands still in a way that harms nobody.
        var isAlive: Bool { lane.block.load(.loops) != loops || lane.hasStopped }

        /// Why it does not turn; nil: it does, or nothing is known of its thread.
        func cause(loopNanoseconds: UInt64) -> StallCause? {
            guard !isAlive, let thread else { return nil }
            let now = lane.thread
            let cpu = now?.cpu ?? thread.cpu
            return StallCause(
                from: thread,
                to: now,
                loopNanoseconds: loopNanoseconds,
                stolenNanoseconds: cpu == thread.cpu
                    ? ThreadReading.stolenNanoseconds(cpu: cpu) &- stolen : 0
            )
        }
    }

    /// A wait for lanes to stop.
    struct Wait {
        var lanes: [BarrierLane]
        var until: UInt64 = .max
        /// The nodes whose workers have ended meanwhile.
        var ended: Set<Int> = []
        var isCancelled: () -> Bool = { false }

        init(_ lanes: [BarrierLane]) { self.lanes = lanes }

        init(_ closed: ClosedBarrier, until: UInt64) {
            self.init(
                closed.members.flatMap { member, epoch in
                    (0..<member.segment.laneCount).map { BarrierLane(member, $0, epoch: epoch) }
                }
            )
            self.until = until
        }
    }
}

extension ClosedBarrier {
    /// The same barrier with the time at which the last lane had stopped, without workers that have
    /// ended; nil: lanes have opened it meanwhile.
    func done(without ended: Set<Int>) -> ClosedBarrier? {
        let members = members.filter { !ended.contains($0.member.node) }
        guard isClosed, members.allSatisfy({ $0.member.isClosed($0.epoch) }) else { return nil }
        return completed(members, at: CLinux_tsc())
    }
}
