public import CLinux

#if canImport(Glibc)
    internal import Glibc
#endif

/// A lane's side of the barrier.
///
/// Two words of the worker's segment are the coordinator's: the epoch that it wants (odd: closed)
/// and the lease, a reading of the time-stamp counter. A line of its block is the lane's: the epoch
/// that it has reached. Who writes what, in which order:
/// - to close, the coordinator stores the lease, then an odd epoch (release), then fences;
/// - the lane loads the epoch (acquire) at the top of each turn; what is not the epoch it reached
///   it stores as reached (release), after everything that it did to packets, and while it is odd
///   it touches no packet and no table;
/// - to open, the coordinator exchanges the odd epoch for the next even one; a lane that reads it
///   (acquire) sees all that was done meanwhile;
/// - a lane that finds the counter past the lease makes the same exchange itself: only one of them
///   succeeds, and a coordinator that is late finds that the barrier is open;
/// - the lane reads the counter, fences, and then reads the lease: a coordinator that has renewed it
///   before it was over, and fences, is seen by every lane that finds the old one over.
///
/// A lane that sleeps has said so (`asleep`, release) after its last packet, and takes that back
/// with a fence before it looks at the epoch: either it sees the odd epoch, or the coordinator,
/// which fences between its store and its look, sees it awake. So a sleeping lane counts as stopped
/// and is not woken. No word is written by two but by that exchange; nobody holds a lock.
@frozen
public struct LaneBarrier: @unchecked Sendable {
    @usableFromInline let wanted: UnsafeMutablePointer<UInt64>
    @usableFromInline let reached: UnsafeMutablePointer<UInt64>
    let lease: UnsafeMutablePointer<UInt64>
    let block: LaneBlock

    /// Makes the side of a lane of a segment.
    ///
    /// - Precondition: `lane` is in 0..<`segment.laneCount`.
    public init(_ segment: WorkerSegment, lane: Int) {
        self.init(
            wanted: segment.pointer(.epochWanted),
            lease: segment.pointer(.barrierLease),
            block: segment.lane(lane)
        )
    }

    /// Makes the side of a lane in plain memory, for tests and benchmarks.
    ///
    /// - Parameters:
    ///   - wanted: the coordinator's epoch.
    ///   - lease: its lease.
    ///   - block: the lane's.
    public init(
        wanted: UnsafeMutablePointer<UInt64>,
        lease: UnsafeMutablePointer<UInt64>,
        block: LaneBlock
    ) {
        self.wanted = wanted
        self.lease = lease
        self.block = block
        reached = block.pointer(.epochReached)
    }

    /// What became of a lane in a barrier.
    public struct Stay: Sendable {
        /// The epoch that the lane went on with; even.
        public var epoch: UInt64
        /// The time-stamp counter when it came.
        public var begin: UInt64
        /// The time-stamp counter when it went on.
        public var end: UInt64
        /// Whether it had to wait, rather than only note an epoch that passed while it slept.
        public var hasStood: Bool
        /// Whether it opened the barrier itself, because the lease was over.
        public var isExpired: Bool
    }

    /// Marks of `LaneBlock.Word.asleep`.
    static let sleeping: UInt64 = 1
    static let standing: UInt64 = 2
    /// Looks at the epoch, with a pause after each, before the lane offers its CPU to others.
    private static let spins = 512

    /// Whether the coordinator wants another epoch than the lane has reached.
    @inlinable @inline(__always)
    public var isCalled: Bool { CLinux_load_acquire64(wanted) != reached.pointee }

    /// Whether it does, for a look that orders nothing.
    @inlinable public var isCalledRelaxed: Bool { CLinux_load_relaxed64(wanted) != reached.pointee }

    /// Says that the epoch is reached, and stays as long as it is odd.
    @inline(never)
    public func stand() -> Stay {
        var stay = Stay(epoch: 0, begin: CLinux_tsc(), end: 0, hasStood: false, isExpired: false)
        var looks = 0
        while true {
            let epoch = CLinux_load_acquire64(wanted)
            if epoch != reached.pointee {
                block.pointer(.epochReachedTSC).pointee = CLinux_tsc()
                CLinux_store_release64(reached, epoch)
            }
            guard epoch & 1 == 1 else {
                stay.epoch = epoch
                break
            }
            if !stay.hasStood {
                stay.hasStood = true
                CLinux_store_release64(block.pointer(.asleep), Self.standing)
            }
            let now = CLinux_tsc()
            CLinux_load_fence()
            CLinux_store_relaxed64(block.pointer(.heartbeatTSC), now)
            if now > CLinux_load_relaxed64(lease) {
                if CLinux_compare_exchange64(wanted, epoch, epoch &+ 1) { stay.isExpired = true }
                continue
            }
            looks &+= 1
            // On a CPU of its own this returns at once; on a shared one others must get to run, the
            // barrier's other lanes or its coordinator perhaps.
            if looks < Self.spins { CLinux_pause() } else { sched_yield() }
        }
        stay.end = CLinux_tsc()
        if stay.hasStood { leave(stay) }
        return stay
    }

    /// Counts the stay; the lane looks at no table before the fence.
    private func leave(_ stay: Stay) {
        block.pointer(.barriers).pointee &+= 1
        block.pointer(.barrierClocks).pointee &+= stay.end &- stay.begin
        if stay.isExpired { block.pointer(.barriersExpired).pointee &+= 1 }
        CLinux_store_release64(block.pointer(.asleep), 0)
        CLinux_full_fence()
    }
}
