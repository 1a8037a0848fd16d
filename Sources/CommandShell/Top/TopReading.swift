internal import Coordination
internal import StatisticsReader

/// What all workers had counted at one moment.
struct TopReading: Sendable {
    /// A worker.
    struct Worker: Sendable {
        var node: Int
        var incarnation: UInt32
        var state: String
        var lanes: [Lane]
        var graphNodes: [String]
        /// The graph node, the reason, and whether it counts something else than drops.
        var reasons: [(node: String, text: String, isInformation: Bool)]
        var buffers: (total: UInt64, free: UInt64)
        var heap: (total: UInt64, used: UInt64)
    }

    /// A lane.
    struct Lane: Sendable {
        var words: [UInt64]
        /// By graph node, then by `LaneBlock.NodeWord`: calls, vectors, clocks.
        var nodes: [[UInt64]]
        var errors: [UInt64]
        /// By lane of the placement: packets, and those dropped.
        var peers: [(packets: UInt64, drops: UInt64)]

        subscript(word: LaneBlock.Word) -> UInt64 { words[word.rawValue] }
    }

    var time: ContinuousClock.Instant
    var workers: [Worker]
}

extension TopReading {
    /// Reads the segments.
    ///
    /// - Parameters:
    ///   - lives: the last life of each NUMA node's worker.
    ///   - peers: lanes of all NUMA nodes together.
    init(_ lives: [StatisticsReader.WorkerLife], peers: Int) {
        time = .now
        workers = lives.map { Worker($0, peers: min(peers, WorkerSegment.maximumPeers)) }
    }
}

extension TopReading.Worker {
    fileprivate init(_ life: StatisticsReader.WorkerLife, peers: Int) {
        let segment = life.segment
        let names = segment.nodeNames
        let errors = segment.errorNames
        node = life.node
        incarnation = life.incarnation
        let now = ProcessState(rawValue: UInt8(truncatingIfNeeded: segment.load(.state)))
        state = life.isOver ? "down" : now.map { "\($0)" } ?? "unknown"
        graphNodes = names.map(\.name)
        reasons = errors.map { error in
            let name = names.indices.contains(error.node) ? names[error.node].name : "unknown"
            return (name, error.reason, error.isInformation)
        }
        buffers = (segment.load(.poolTotal), segment.load(.poolAvailable))
        heap = (segment.load(.heapTotalBytes), segment.load(.heapUsedBytes))
        lanes = (0..<segment.laneCount).map { lane in
            TopReading.Lane(
                segment.lane(lane),
                nodes: names.count,
                errors: errors.count,
                peers: peers
            )
        }
    }
}

extension TopReading.Lane {
    fileprivate init(_ block: LaneBlock, nodes: Int, errors: Int, peers: Int) {
        words =
            LaneBlock.Word.allCases.map(\.rawValue).max().map { last in
                (0...last).map {
                    LaneBlock.load(block.base.assumingMemoryBound(to: UInt64.self) + $0)
                }
            } ?? []
        self.nodes = (0..<nodes).map { index in
            (0..<3).map { LaneBlock.load(block.node(index) + $0) }
        }
        self.errors = (0..<errors).map { LaneBlock.load(block.errors + $0) }
        self.peers = (0..<peers).map { index in
            let counters = block.peer(index)
            func load(_ word: LaneBlock.PeerWord) -> UInt64 {
                LaneBlock.load(counters + word.rawValue)
            }
            return (load(.packets), load(.fullDrops) &+ load(.downDrops))
        }
    }
}
