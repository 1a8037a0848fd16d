internal import CLinux
internal import Synchronization

/// A barrier that is closed: as long as `isClosed`, no lane of its members touches a packet.
///
/// Any thread may ask; the coordinator's thread renews and opens.
public final class ClosedBarrier: Sendable {
    /// The workers that it stops, with the epoch of each.
    let members: [(member: BarrierMember, epoch: UInt64)]
    /// The time-stamp counter when the first lane was asked to stop.
    public let begin: UInt64
    /// The time-stamp counter when all had stopped.
    public let closed: UInt64
    /// Attempts until it was closed.
    public let attempts: Int
    private let leaseTicks: UInt64
    private let leaseEnd: Atomic<UInt64>

    init(
        members: [(member: BarrierMember, epoch: UInt64)],
        begin: UInt64,
        closed: UInt64,
        attempts: Int,
        leaseTicks: UInt64,
        leaseEnd: UInt64
    ) {
        self.members = members
        self.begin = begin
        self.closed = closed
        self.attempts = attempts
        self.leaseTicks = leaseTicks
        self.leaseEnd = Atomic(leaseEnd)
    }

    /// The NUMA nodes whose lanes stand.
    public var nodes: [Int] { members.map(\.member.node) }

    /// Whether the lanes stand still, for the next eighth of the lease at least.
    ///
    /// Who does something in several steps asks before each.
    public var isClosed: Bool {
        CLinux_tsc() &+ leaseTicks / 8 < leaseEnd.load(ordering: .acquiring)
    }

    /// Has the lanes stand for another lease from now.
    ///
    /// - Returns: false if the lease was over before: lanes may have gone on.
    func renew() -> Bool {
        let old = leaseEnd.load(ordering: .relaxed)
        let end = CLinux_tsc() &+ leaseTicks
        guard CLinux_tsc() < old else { return false }
        for (member, _) in members { member.segment.store(.barrierLease, end) }
        CLinux_full_fence()
        CLinux_load_fence()
        // In time: whoever finds the counter past the old lease reads the new one.
        guard CLinux_tsc() < old else { return false }
        leaseEnd.store(end, ordering: .releasing)
        return true
    }

    /// The barrier of those members, all of whose lanes have stopped.
    func completed(
        _ members: [(member: BarrierMember, epoch: UInt64)],
        at closed: UInt64
    ) -> ClosedBarrier {
        ClosedBarrier(
            members: members,
            begin: begin,
            closed: closed,
            attempts: attempts,
            leaseTicks: leaseTicks,
            leaseEnd: leaseEnd.load(ordering: .acquiring)
        )
    }

    /// How long each lane took to stop, in clocks; nil: it slept.
    var acknowledgements: [(node: Int, lane: Int, clocks: UInt64?)] {
        members.flatMap { member, epoch in
            (0..<member.segment.laneCount).map { lane in
                let block = member.segment.lane(lane)
                guard block.load(.epochReached) == epoch else { return (member.node, lane, nil) }
                let at = block.load(.epochReachedTSC)
                return (member.node, lane, at > begin ? at &- begin : 0)
            }
        }
    }

    /// Lets all lanes go on.
    ///
    /// - Returns: false if some had done so by themselves.
    func open() -> Bool {
        var wasClosed = true
        for (member, epoch) in members where !member.open(epoch) { wasClosed = false }
        return wasClosed
    }
}

/// What a barrier came to.
public struct BarrierReading: Sendable {
    /// Nanoseconds from the first lane asked to stop to all stopped, and to all let go.
    public var closingNanoseconds: UInt64
    /// See `closingNanoseconds`.
    public var closedNanoseconds: UInt64
    /// How long each lane took to stop, in nanoseconds; nil: it slept.
    public var lanes: [(node: Int, lane: Int, nanoseconds: UInt64?)]
}
