internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

/// What a lane's block holds at one moment, from its zero on.
struct LaneReading: Sendable {
    /// By `LaneBlock.Word`, as they stand.
    var words: [UInt64]
    /// What `clear runtime` took as the zero of `words`.
    var zeros: [UInt64]
    /// For each graph node, by `LaneBlock.NodeWord`.
    var nodes: [[UInt64]]
    /// For each drop reason.
    var errors: [UInt64]
    /// For each interface, by `LaneBlock.InterfaceWord`.
    var interfaces: [[UInt64]]
    /// For each lane of the placement, by `LaneBlock.PeerWord`.
    var peers: [[UInt64]]

    /// A word as it stands.
    subscript(word: LaneBlock.Word) -> UInt64 { words[word.rawValue] }

    /// A count since its zero.
    func counted(_ word: LaneBlock.Word) -> UInt64 {
        Self.less(words[word.rawValue], zeros[word.rawValue])
    }

    func node(_ index: Int, _ word: LaneBlock.NodeWord) -> UInt64 { nodes[index][word.rawValue] }

    func interface(_ index: Int, _ word: LaneBlock.InterfaceWord) -> UInt64 {
        interfaces[index][word.rawValue]
    }

    func peer(_ index: Int, _ word: LaneBlock.PeerWord) -> UInt64 { peers[index][word.rawValue] }

    /// Packets dropped for whatever reason.
    var drops: UInt64 { errors.reduce(0, &+) }
}

/// A node's counters at one moment: what its worker counted in its present life, less what `clear`
/// took as zero.
struct NodeReading: Sendable {
    var status: NodeStatus
    var placement: NodePlacement
    /// The position of the node's first lane among all lanes of the placement.
    var firstLane: Int
    /// What the worker calls its graph nodes and drop reasons; empty before its first graph.
    var graphNodes: [WorkerSegment.NodeName] = []
    var errorNames: [WorkerSegment.ErrorName] = []
    /// One a lane; empty before the worker's first life.
    var lanes: [LaneReading] = []
    /// The time-stamp counter when this was read; nil: unknown.
    var readTSC: UInt64?

    /// Seconds from the worker's start to the lane's last turn; 0: unknown.
    func seconds(lane: Int) -> Double {
        guard let segment = status.segment, lane < lanes.count else { return 0 }
        let hertz = segment.load(.tscHertz)
        let start = segment.load(.startTSC)
        let last = lanes[lane][.heartbeatTSC]
        return hertz > 0 && last > start ? Double(last - start) / Double(hertz) : 0
    }

    /// Seconds from the zero of the lane's counters to its last turn; 0: unknown.
    func countedSeconds(lane: Int) -> Double {
        guard let segment = status.segment, lane < lanes.count else { return 0 }
        let hertz = segment.load(.tscHertz)
        let zero = lanes[lane].zeros[LaneBlock.Word.heartbeatTSC.rawValue]
        let start = max(segment.load(.startTSC), zero)
        let last = lanes[lane][.heartbeatTSC]
        return hertz > 0 && last > start ? Double(last - start) / Double(hertz) : 0
    }

    /// A graph node's name, by its index in drop reasons.
    func graphNodeName(_ index: Int) -> String {
        graphNodes.indices.contains(index) ? graphNodes[index].name : "node-\(index)"
    }
}

extension DataplaneView {
    /// Reads the counters of every node.
    func readings() -> [NodeReading] {
        let numbering = laneNumbering
        let total = min(numbering.laneCounts.reduce(0, +), WorkerSegment.maximumPeers)
        let highest = interfaces.map { Int($0.index) }.max() ?? 0
        return placement.nodes.enumerated().compactMap { position, placed in
            guard let status = nodes.first(where: { $0.number == placed.number }) else {
                return nil
            }
            var reading = NodeReading(
                status: status,
                placement: placed,
                firstLane: numbering.global(nodePosition: position, lane: 0)
            )
            reading.readTSC = clock?.tsc
            guard let segment = status.segment else { return reading }
            reading.graphNodes = segment.nodeNames
            reading.errorNames = segment.errorNames
            reading.lanes = (0..<segment.laneCount).map { lane in
                LaneReading(
                    segment,
                    less: status.baseline,
                    lane: lane,
                    nodes: reading.graphNodes.count,
                    errors: reading.errorNames.count,
                    interfaces: highest + 1,
                    peers: total
                )
            }
            return reading
        }
    }

    /// The numbers of all lanes.
    var laneNumbering: LaneNumbering {
        LaneNumbering(
            nodes: placement.nodes.map(\.number),
            laneCounts: placement.nodes.map(\.lanes.count)
        )
    }
}

extension LaneReading {
    /// Reads a lane's block, with relaxed loads.
    fileprivate init(
        _ segment: WorkerSegment,
        less baseline: CounterBaseline,
        lane: Int,
        nodes: Int,
        errors: Int,
        interfaces: Int,
        peers: Int
    ) {
        let block = segment.lane(lane)
        words = LaneBlock.Word.allCases.map { block.load($0) }
        zeros = LaneBlock.Word.allCases.map { baseline.word($0, lane: lane) }
        self.nodes = (0..<nodes).map { index in
            LaneBlock.NodeWord.allCases.map { word in
                Self.read(block.node(index), word.rawValue, baseline.node(index, word, lane: lane))
            }
        }
        self.errors = (0..<errors).map {
            Self.read(block.errors, $0, baseline.error($0, lane: lane))
        }
        self.interfaces = (0..<interfaces).map { index in
            LaneBlock.InterfaceWord.allCases.map { word in
                Self.read(
                    block.interface(index),
                    word.rawValue,
                    baseline.interface(index, word, lane: lane)
                )
            }
        }
        self.peers = (0..<peers).map { index in
            LaneBlock.PeerWord.allCases.map { word in
                Self.read(block.peer(index), word.rawValue, baseline.peer(index, word, lane: lane))
            }
        }
    }

    private static func read(
        _ base: UnsafeMutablePointer<UInt64>,
        _ index: Int,
        _ zero: UInt64
    ) -> UInt64 { less(LaneBlock.load(base + index), zero) }

    /// The difference; 0 where the count is below its zero.
    private static func less(_ count: UInt64, _ zero: UInt64) -> UInt64 {
        count > zero ? count - zero : 0
    }
}
