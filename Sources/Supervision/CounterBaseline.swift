public import Coordination

/// The counters of a worker's life as they were when an operator cleared them; zero until then.
///
/// A new incarnation starts with a new one. Counters are only ever read, so clearing stops no lane.
public struct CounterBaseline: Sendable {
    /// A lane's readings: words of the lane, of its graph nodes, errors, interfaces and peers.
    private struct Readings: Sendable {
        var words: [UInt64] = []
        var nodes: [UInt64] = []
        var errors: [UInt64] = []
        var interfaces: [UInt64] = []
        var peers: [UInt64] = []
    }

    private var lanes: [Readings] = []

    private static let nodeWords = LaneBlock.NodeWord.allCases.count
    /// Words between the counters of one interface or peer and the next.
    private static let lineWords = 8

    /// Nothing has been cleared.
    public init() {}

    /// Takes the present readings of a set of counters as zero.
    public mutating func take(_ counters: ClearedCounters, from segment: WorkerSegment) {
        while lanes.count < segment.laneCount { lanes.append(Readings()) }
        for index in 0..<segment.laneCount {
            let block = segment.lane(index)
            switch counters {
            case .runtime:
                lanes[index].words = LaneBlock.Word.allCases.map { block.load($0) }
                lanes[index].nodes = Self.read(
                    block.node(0),
                    count: WorkerSegment.maximumNodes * Self.nodeWords
                )
            case .errors:
                lanes[index].errors = Self.read(block.errors, count: WorkerSegment.maximumErrors)
            case .interfaces:
                lanes[index].interfaces = Self.read(
                    block.interface(0),
                    count: WorkerSegment.maximumInterfaces * Self.lineWords
                )
            case .handoff:
                lanes[index].peers = Self.read(
                    block.peer(0),
                    count: WorkerSegment.maximumPeers * Self.lineWords
                )
            }
        }
    }

    /// What to take off a word about a lane.
    public func word(_ word: LaneBlock.Word, lane: Int) -> UInt64 {
        value(\.words, lane: lane, at: word.rawValue)
    }

    /// What to take off a counter of graph node `index`; 0 for a word that counts nothing.
    public func node(_ index: Int, _ word: LaneBlock.NodeWord, lane: Int) -> UInt64 {
        [.maximumClocks, .vectorsAtMaximum, .state].contains(word)
            ? 0 : value(\.nodes, lane: lane, at: index * Self.nodeWords + word.rawValue)
    }

    /// What to take off a drop counter.
    public func error(_ index: Int, lane: Int) -> UInt64 { value(\.errors, lane: lane, at: index) }

    /// What to take off a counter of an interface.
    public func interface(_ index: Int, _ word: LaneBlock.InterfaceWord, lane: Int) -> UInt64 {
        value(\.interfaces, lane: lane, at: index * Self.lineWords + word.rawValue)
    }

    /// What to take off a counter towards the lane with global number `index`.
    public func peer(_ index: Int, _ word: LaneBlock.PeerWord, lane: Int) -> UInt64 {
        value(\.peers, lane: lane, at: index * Self.lineWords + word.rawValue)
    }

    private func value(_ list: KeyPath<Readings, [UInt64]>, lane: Int, at index: Int) -> UInt64 {
        guard lanes.indices.contains(lane), lanes[lane][keyPath: list].indices.contains(index)
        else { return 0 }
        return lanes[lane][keyPath: list][index]
    }

    private static func read(_ start: UnsafeMutablePointer<UInt64>, count: Int) -> [UInt64] {
        (0..<count).map { LaneBlock.load(start + $0) }
    }
}
