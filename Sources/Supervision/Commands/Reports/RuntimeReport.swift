internal import CausewayConfiguration
internal import Coordination

/// `show runtime`: what each lane's graph nodes did.
struct RuntimeReport: CommandResult {
    /// A lane.
    struct Lane: Encodable, Sendable {
        var numaNode: Int
        var lane: Int
        var pid: Int32?
        var cpu: Int
        /// Seconds from the worker's start to the lane's last turn.
        var seconds: Double
        var loopsPerSecond: Double
        /// Packets a graph node's visit, over all internal graph nodes.
        var vectorsPerCall: Double
        /// Packets a second, averaged since the zero of the counters.
        var vectorRateIn: Double
        var vectorRateOut: Double
        var vectorRateDrop: Double
        var nodes: [Node]
    }

    /// A graph node on a lane.
    struct Node: Encodable, Sendable {
        var name: String
        var state: String
        var calls: UInt64
        var vectors: UInt64
        /// Always 0: nothing in a lane suspends.
        var suspends: UInt64
        /// Clocks a packet; a call if there were no packets.
        var clocks: Double
        var vectorsPerCall: Double
        /// The most clocks of one call.
        var maximumClocks: UInt64
    }

    /// What the text shows.
    enum Form: Sendable { case table, summary, maximum }

    var lanes: [Lane]
    var form = Form.table

    private enum CodingKeys: CodingKey { case lanes }

    var text: String {
        lanes.map(text).joined(separator: lanes.count > 1 ? "---------------\n" : "")
    }

    private func text(_ lane: Lane) -> String {
        let pid = lane.pid.map { "pid \($0)" } ?? "down"
        var text = "NUMA node \(lane.numaNode) lane \(lane.lane) (\(pid), cpu \(lane.cpu))\n"
        text += "Time \(Figure.fixed(lane.seconds, digits: 1)),"
        text += " internal node vector rate \(Figure.fixed(lane.vectorsPerCall))"
        text += " loops/sec \(Figure.fixed(lane.loopsPerSecond))\n"
        text += "  vector rates in \(Figure.scientific(lane.vectorRateIn, digits: 4)),"
        text += " out \(Figure.scientific(lane.vectorRateOut, digits: 4)),"
        text += " drop \(Figure.scientific(lane.vectorRateDrop, digits: 4))\n"
        if form == .summary { return text }
        var table = TextTable([
            .init("Name", 32, .middle), .init("State", 12, .middle), .init("Calls", 16),
            .init("Vectors", 16), .init("Suspends", 12), .init("Clocks", 12),
            .init(form == .maximum ? "Max Clocks" : "Vectors/Call", 12),
        ])
        for node in lane.nodes {
            table.add([
                node.name, node.state, String(node.calls), String(node.vectors),
                String(node.suspends), Figure.scientific(node.clocks),
                form == .maximum
                    ? String(node.maximumClocks) : Figure.fixed(node.vectorsPerCall),
            ])
        }
        return text + table.text
    }
}

extension RuntimeReport {
    /// Builds the report of two readings, from which the rate of loops comes.
    ///
    /// - Parameters:
    ///   - readings: the later one.
    ///   - before: the earlier one.
    ///   - form: what the text shows.
    ///   - isVerbose: whether graph nodes that were never called are listed.
    ///   - only: the NUMA node wanted; nil: all.
    init(
        _ readings: [NodeReading],
        before: [NodeReading],
        form: Form,
        isVerbose: Bool,
        only: Int?
    ) {
        self.form = form
        lanes = []
        for (reading, earlier) in zip(readings, before)
        where only == nil || reading.placement.number == only {
            for index in reading.lanes.indices {
                let older = earlier.lanes.indices.contains(index) ? earlier.lanes[index] : nil
                lanes.append(Lane(reading, lane: index, before: older, isVerbose: isVerbose))
            }
        }
    }
}

extension RuntimeReport.Lane {
    fileprivate init(
        _ reading: NodeReading,
        lane index: Int,
        before: LaneReading?,
        isVerbose: Bool
    ) {
        let lane = reading.lanes[index]
        numaNode = reading.placement.number
        self.lane = index
        pid = reading.status.workerPID
        cpu = reading.placement.lanes.indices.contains(index) ? reading.placement.lanes[index] : -1
        seconds = reading.seconds(lane: index)
        loopsPerSecond = reading.rate(.loops, lane: index, since: before)
        let counted = reading.countedSeconds(lane: index)
        func rate(_ count: UInt64) -> Double { counted > 0 ? Double(count) / counted : 0 }
        let calls = lane.counted(.internalCalls)
        vectorsPerCall = calls > 0 ? Double(lane.counted(.internalVectors)) / Double(calls) : 0
        vectorRateIn = rate(lane.counted(.inputVectors))
        vectorRateOut = rate(
            lane.interfaces.reduce(0) { $0 &+ $1[LaneBlock.InterfaceWord.txPackets.rawValue] }
        )
        vectorRateDrop = rate(lane.drops)
        let current = Int(clamping: lane[.currentNode]) - 1
        nodes = reading.graphNodes.indices.compactMap { node in
            guard isVerbose || lane.node(node, .calls) > 0 else { return nil }
            return RuntimeReport.Node(
                reading.graphNodes[node].name,
                lane,
                node,
                isCurrent: node == current
            )
        }
        nodes.sort { $0.name < $1.name }
    }
}

extension RuntimeReport.Node {
    fileprivate init(_ name: String, _ lane: LaneReading, _ index: Int, isCurrent: Bool) {
        self.name = name
        calls = lane.node(index, .calls)
        vectors = lane.node(index, .vectors)
        suspends = 0
        let clocksInAll = Double(lane.node(index, .clocks))
        let divisor = Double(vectors > 0 ? vectors : calls)
        clocks = divisor > 0 ? clocksInAll / divisor : 0
        vectorsPerCall = calls > 0 ? Double(vectors) / Double(calls) : 0
        maximumClocks = lane.node(index, .maximumClocks)
        state = isCurrent ? "running" : "active"
    }
}

extension NodeReading {
    /// A count's rate a second between an earlier reading and this one, by the lane's own clock; 0
    /// if it stood.
    func rate(_ word: LaneBlock.Word, lane index: Int, since before: LaneReading?) -> Double {
        guard let before, let hertz = status.segment?.load(.tscHertz), hertz > 0 else { return 0 }
        let lane = lanes[index]
        guard lane[.heartbeatTSC] > before[.heartbeatTSC], lane[word] > before[word] else {
            return 0
        }
        let seconds = Double(lane[.heartbeatTSC] - before[.heartbeatTSC]) / Double(hertz)
        return Double(lane[word] - before[word]) / seconds
    }
}
