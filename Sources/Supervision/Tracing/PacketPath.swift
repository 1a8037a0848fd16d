internal import Coordination

/// What lanes have traced in one worker's life, with the names that its numbers stand for.
struct TraceReading: Sendable {
    var node: Int
    var incarnation: UInt32
    var isOver: Bool
    var lanes: [LaneTraces]
    /// By graph index.
    var nodeNames: [String]
    /// By the index in the worker's table.
    var reasons: [WorkerSegment.ErrorName]

    init(_ life: TracedLife) {
        node = life.buffer.node
        incarnation = life.buffer.incarnation
        isOver = life.isOver
        lanes = (0..<life.buffer.laneCount).map { life.buffer.traces(of: $0) }
        nodeNames = life.segment?.nodeNames.map(\.name) ?? []
        reasons = life.segment?.errorNames ?? []
    }

    init(
        node: Int,
        incarnation: UInt32,
        isOver: Bool = false,
        lanes: [LaneTraces],
        nodeNames: [String],
        reasons: [WorkerSegment.ErrorName]
    ) {
        self.node = node
        self.incarnation = incarnation
        self.isOver = isOver
        self.lanes = lanes
        self.nodeNames = nodeNames
        self.reasons = reasons
    }

    /// The name of a graph node; of one that has none known, its index.
    func name(ofNode index: UInt16) -> String {
        Int(index) < nodeNames.count ? nodeNames[Int(index)] : "node \(index)"
    }
}

/// A packet's way through the graphs of all lanes that it came to, as one.
struct PacketPath: Sendable {
    /// A record, and the lane that wrote it.
    struct Step: Sendable {
        /// The position of the worker's life among the readings.
        var reading: Int
        var lane: Int
        var step: TracedStep

        var record: TraceRecord { step.record }
    }

    /// In the order of their times.
    var steps: [Step]
}

/// Puts together the parts of packets' ways that different lanes have traced.
struct PacketPaths: Sendable {
    let readings: [TraceReading]
    /// In the order in which they began.
    private(set) var paths: [PacketPath] = []

    /// A trace of one lane.
    private struct Key: Hashable {
        var node: Int
        var incarnation: UInt32
        var lane: Int
        var index: UInt32
    }

    private struct Part {
        var steps: [PacketPath.Step] = []
        var followers: [Key] = []
    }

    /// Puts parts together.
    ///
    /// - Parameters:
    ///   - readings: of one machine; the time-stamp counter is common to them.
    ///   - nodeOfLane: which NUMA node a lane belongs to, by its number among all lanes.
    init(_ readings: [TraceReading], nodeOfLane: [Int]) {
        self.readings = readings
        var parts: [Key: Part] = [:]
        var order: [Key] = []
        var origins: [(from: Key, to: Key)] = []
        for (position, reading) in readings.enumerated() {
            for traces in reading.lanes {
                for step in traces.steps {
                    let key = Key(
                        node: reading.node,
                        incarnation: reading.incarnation,
                        lane: traces.lane,
                        index: step.record.index
                    )
                    if parts[key] == nil { order.append(key) }
                    parts[key, default: Part()].steps.append(
                        PacketPath.Step(reading: position, lane: traces.lane, step: step)
                    )
                    if let origin = Self.origin(of: step.record, reading, nodeOfLane) {
                        origins.append((origin, key))
                    }
                }
            }
        }
        var heads = order
        for (from, to) in origins where parts[from] != nil && from != to {
            parts[from]?.followers.append(to)
            heads.removeAll { $0 == to }
        }
        paths = heads.map { Self.path(from: $0, parts) }.sorted { $0.begin < $1.begin }
    }

    /// The trace that a handed-over packet had before.
    private static func origin(
        of record: TraceRecord,
        _ reading: TraceReading,
        _ nodeOfLane: [Int]
    ) -> Key? {
        let lane = Int(record.previous >> 24)
        let index = record.previous & TraceRecord.indexMask
        switch TraceRecord.Kind(rawValue: record.kind) {
        case .fromLane:
            return Key(
                node: reading.node,
                incarnation: reading.incarnation,
                lane: lane,
                index: index
            )
        case .fromWorker:
            guard Int(record.peer) < nodeOfLane.count else { return nil }
            return Key(
                node: nodeOfLane[Int(record.peer)],
                incarnation: record.previousIncarnation,
                lane: lane,
                index: index
            )
        case .node, .start, nil: return nil
        }
    }

    private static func path(from head: Key, _ parts: [Key: Part]) -> PacketPath {
        var steps: [PacketPath.Step] = []
        var seen: Set<Key> = [head]
        var waiting = [head]
        while let key = waiting.popLast() {
            guard let part = parts[key] else { continue }
            steps += part.steps
            for follower in part.followers where seen.insert(follower).inserted {
                waiting.append(follower)
            }
        }
        // A frame's records are written before its node runs: equal times do not occur on a lane.
        steps.sort { $0.record.time < $1.record.time }
        return PacketPath(steps: steps)
    }
}

extension PacketPath {
    /// The time-stamp counter at its first record.
    var begin: UInt64 { steps.first?.record.time ?? 0 }
}
