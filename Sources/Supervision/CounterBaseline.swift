public import Coordination

#if canImport(Glibc)
    internal import Glibc
#endif

/// The counters of a worker's life as they were when an operator cleared them; zero until then.
///
/// They lie in the worker's segment, behind the counters, where readers of statistics take them off
/// as well. Counters are only ever read, so clearing stops no lane.
public struct CounterBaseline: Sendable {
    private var segment: WorkerSegment?

    /// Nothing has been cleared.
    public init() {}

    /// What has been cleared of a worker's counters, by this supervisor or an earlier one.
    init(of segment: WorkerSegment) { self.segment = segment }

    /// Takes the present readings of a set of counters as zero.
    public mutating func take(_ counters: ClearedCounters, from segment: WorkerSegment) {
        segment.clear(counters, unixSeconds: UInt64(time(nil)))
        self.segment = segment
    }

    /// What to take off a word about a lane.
    public func word(_ word: LaneBlock.Word, lane: Int) -> UInt64 {
        zeros(lane)?.load(word) ?? 0
    }

    /// What to take off a counter of graph node `index`; 0 for a word that counts nothing.
    public func node(_ index: Int, _ word: LaneBlock.NodeWord, lane: Int) -> UInt64 {
        [.maximumClocks, .vectorsAtMaximum, .state].contains(word)
            ? 0 : value(zeros(lane)?.node(index), word.rawValue)
    }

    /// What to take off a drop counter.
    public func error(_ index: Int, lane: Int) -> UInt64 { value(zeros(lane)?.errors, index) }

    /// What to take off a counter of an interface.
    public func interface(_ index: Int, _ word: LaneBlock.InterfaceWord, lane: Int) -> UInt64 {
        value(zeros(lane)?.interface(index), word.rawValue)
    }

    /// What to take off a counter towards the lane with global number `index`.
    public func peer(_ index: Int, _ word: LaneBlock.PeerWord, lane: Int) -> UInt64 {
        value(zeros(lane)?.peer(index), word.rawValue)
    }

    private func zeros(_ lane: Int) -> LaneBlock? {
        guard let segment, (0..<segment.laneCount).contains(lane) else { return nil }
        return segment.zeros(lane)
    }

    private func value(_ counters: UnsafeMutablePointer<UInt64>?, _ index: Int) -> UInt64 {
        counters.map { LaneBlock.load($0 + index) } ?? 0
    }
}
