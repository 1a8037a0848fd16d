internal import CLinux
public import LinuxSystem

/// A worker whose lanes take part in barriers.
public struct BarrierMember: Sendable {
    /// The NUMA node's number in the placement.
    public let node: Int
    /// Counts the worker's lives on the node, from 1.
    public let incarnation: UInt32
    /// The segment of this life, writable.
    public let segment: WorkerSegment
    /// The worker; its end takes it out of a barrier that waits.
    public let process: ProcessDescriptor

    /// Names a worker.
    public init(segment: WorkerSegment, process: ProcessDescriptor) {
        node = Int(clamping: segment.load(.node))
        incarnation = UInt32(clamping: segment.load(.incarnation))
        self.segment = segment
        self.process = process
    }

    /// Asks its lanes to stop.
    ///
    /// - Parameter lease: the reading of the time-stamp counter up to which that counts.
    /// - Returns: the odd epoch; greater than all before.
    func close(lease: UInt64) -> UInt64 {
        segment.store(.barrierLease, lease)
        let word = segment.pointer(.epochWanted)
        while true {
            let now = CLinux_load_acquire64(word)
            // Odd: a coordinator before this one died with the barrier closed.
            let next = now & 1 == 0 ? now &+ 1 : now &+ 2
            if CLinux_compare_exchange64(word, now, next) { return next }
        }
    }

    /// Lets its lanes go on; false if they have done so by themselves.
    @discardableResult
    func open(_ epoch: UInt64) -> Bool {
        CLinux_compare_exchange64(segment.pointer(.epochWanted), epoch, epoch &+ 1)
    }

    func isClosed(_ epoch: UInt64) -> Bool { segment.load(.epochWanted) == epoch }
}

/// A lane that a barrier waits for.
struct BarrierLane {
    let member: BarrierMember
    let lane: Int
    let block: LaneBlock
    let epoch: UInt64

    init(_ member: BarrierMember, _ lane: Int, epoch: UInt64) {
        self.member = member
        self.lane = lane
        self.epoch = epoch
        block = member.segment.lane(lane)
    }

    /// Whether it touches no packet until the barrier opens: it has said so, or it sleeps and will
    /// look at the epoch first.
    ///
    /// A later epoch means that lanes have opened the barrier, which the epoch wanted tells too.
    var hasStopped: Bool {
        block.load(.epochReached) >= epoch || block.load(.asleep) == LaneBarrier.sleeping
    }

    var place: LanePlace { LanePlace(member.segment, lane: lane) }

    var thread: ThreadReading? {
        let id = Int(clamping: block.load(.threadID))
        return ThreadReading.read(pid: member.process.pid, thread: id)
    }
}
