public import LinuxSystem

/// Why a lane has made no turn for a while.
public enum StallCause: String, Hashable, Sendable, CustomStringConvertible {
    /// Its thread is stopped by a signal or a debugger.
    case stopped
    /// It runs, and does not come to the end of its turn.
    case looping
    /// It waits for something in the kernel that is not its bed.
    case blocked
    /// It could run, but others have its CPU, or the hypervisor has: no fault of the lane's.
    case starved

    /// Finds out from two readings of the thread, taken while the lane made no turn.
    ///
    /// What counts of a thread that could run is the time that it did run, so that one that was not
    /// let run is not taken for a loop, and a loop on a shared CPU is found all the same, only later.
    /// What the hypervisor took meanwhile does not count as run.
    ///
    /// - Parameters:
    ///   - before: the earlier reading.
    ///   - now: the later one; nil: the thread is gone.
    ///   - loopNanoseconds: a run of this length without the end of a turn is a loop.
    ///   - stolenNanoseconds: what the hypervisor took of the thread's CPU in that time.
    public init(
        from before: ThreadReading,
        to now: ThreadReading?,
        loopNanoseconds: UInt64,
        stolenNanoseconds: UInt64
    ) {
        guard let now else {
            self = .stopped
            return
        }
        switch now.state {
        case "T", "t", "Z", "X": self = .stopped
        case "R":
            let run = now.runNanoseconds &- min(now.runNanoseconds, before.runNanoseconds)
            let own = run &- min(run, stolenNanoseconds)
            self = own >= loopNanoseconds ? .looping : .starved
        default: self = .blocked
        }
    }

    /// Whether the lane will not go on by itself, so that its worker must be replaced.
    public var isHang: Bool { self != .starved }

    /// The words for the operator, after the lane's name.
    public var description: String {
        switch self {
        case .stopped: "its thread is stopped"
        case .looping: "its thread runs without end"
        case .blocked: "its thread waits in the kernel"
        case .starved: "its thread gets no CPU"
        }
    }
}

/// A lane, and where in its turn it was when it was looked at.
public struct LanePlace: Hashable, Sendable, CustomStringConvertible {
    /// The NUMA node's number in the placement.
    public var node: Int
    /// The lane's number on its node.
    public var lane: Int
    /// The graph node that ran; nil: none did.
    public var graphNode: String?

    /// Looks where a lane is.
    public init(_ segment: WorkerSegment, lane: Int) {
        node = Int(clamping: segment.load(.node))
        self.lane = lane
        let current = Int(clamping: segment.lane(lane).load(.currentNode))
        guard current > 0 else { return }
        let names = segment.nodeNames
        graphNode = names.indices.contains(current - 1) ? names[current - 1].name : "\(current - 1)"
    }

    /// Such as `node 1 lane 0, in graph node ip4-lookup`.
    public var description: String {
        "node \(node) lane \(lane)" + (graphNode.map { ", in graph node \($0)" } ?? "")
    }
}
