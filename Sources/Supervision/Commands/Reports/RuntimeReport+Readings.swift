internal import CausewayConfiguration
internal import Coordination

extension RuntimeReport {
    /// Which lanes are wanted.
    struct Filter: Sendable {
        /// The NUMA node; nil: all.
        var numaNode: Int?
        /// The lane's number on its NUMA node; nil: all, and the control lanes.
        var lane: Int?
        /// Whether graph nodes that were never called are listed.
        var isVerbose = false
    }

    /// Builds the report of a reading.
    init(_ readings: [NodeReading], form: Form, filter: Filter) {
        self.form = form
        lanes = []
        control = []
        for reading in readings
        where filter.numaNode == nil || reading.placement.number == filter.numaNode {
            for index in reading.lanes.indices where filter.lane == nil || index == filter.lane {
                lanes.append(Lane(reading, lane: index, isVerbose: filter.isVerbose))
            }
            let processes = reading.status.segment?.processes ?? []
            guard filter.lane == nil, !processes.isEmpty else { continue }
            control.append(
                Control(
                    numaNode: reading.placement.number,
                    pid: reading.status.workerPID,
                    cpu: reading.placement.controlCPU,
                    processes: processes.map { Node($0, hertz: reading.hertz) }
                )
            )
        }
    }
}

extension RuntimeReport.Lane {
    fileprivate init(_ reading: NodeReading, lane index: Int, isVerbose: Bool) {
        let lane = reading.lanes[index]
        numaNode = reading.placement.number
        self.lane = index
        pid = reading.status.workerPID
        cpu = reading.placement.lanes.indices.contains(index) ? reading.placement.lanes[index] : -1
        seconds = reading.seconds(lane: index)
        loopsPerSecond = Double(bitPattern: lane[.loopRate])
        let counted = reading.countedSeconds(lane: index)
        func rate(_ count: UInt64) -> Double { counted > 0 ? Double(count) / counted : 0 }
        let calls = lane.counted(.internalCalls)
        vectorsPerCall = calls > 0 ? Double(lane.counted(.internalVectors)) / Double(calls) : 0
        vectorRateIn = rate(lane.counted(.inputVectors))
        vectorRateOut = rate(
            lane.interfaces.reduce(0) { $0 &+ $1[LaneBlock.InterfaceWord.txPackets.rawValue] }
        )
        vectorRateDrop = rate(lane.drops)
        rxMode = reading.rxMode(lane: index)
        let current = Int(clamping: lane[.currentNode]) - 1
        nodes = reading.graphNodes.indices.compactMap { node in
            guard isVerbose || lane.node(node, .calls) > 0 else { return nil }
            return RuntimeReport.Node(
                reading.graphNodes[node].name,
                lane,
                node,
                isCurrent: node == current,
                hertz: reading.hertz
            )
        }
        nodes.sort { $0.name < $1.name }
    }
}

extension RuntimeReport.Node {
    fileprivate init(
        _ name: String,
        _ lane: LaneReading,
        _ index: Int,
        isCurrent: Bool,
        hertz: Double
    ) {
        self.name = name
        calls = lane.node(index, .calls)
        vectors = lane.node(index, .vectors)
        suspends = 0
        let clocksInAll = Double(lane.node(index, .clocks))
        let divisor = Double(vectors > 0 ? vectors : calls)
        clocks = divisor > 0 ? clocksInAll / divisor : 0
        nanoseconds = hertz > 0 ? clocks * 1e9 / hertz : 0
        vectorsPerCall = calls > 0 ? Double(vectors) / Double(calls) : 0
        maximumClocks = lane.node(index, .maximumClocks)
        vectorsAtMaximum = lane.node(index, .vectorsAtMaximum)
        interrupts = lane.node(index, .interrupts)
        switches = lane.node(index, .switches)
        let kind = LaneNodeState(rawValue: lane.node(index, .state)) ?? .active
        state = isCurrent ? "running" : "\(kind)"
    }

    fileprivate init(_ process: ProcessReading, hertz: Double) {
        name = process.name
        state = "\(process.wait)"
        calls = process.calls
        vectors = process.events
        suspends = process.suspends
        clocks = calls > 0 ? Double(process.clocks) / Double(calls) : 0
        nanoseconds = hertz > 0 ? clocks * 1e9 / hertz : 0
        vectorsPerCall = calls > 0 ? Double(vectors) / Double(calls) : 0
        maximumClocks = process.maximumClocks
        vectorsAtMaximum = 0
        interrupts = 0
        switches = 0
    }
}

extension NodeReading {
    /// Ticks of the time-stamp counter a second; 0: unknown.
    var hertz: Double { Double(status.segment?.load(.tscHertz) ?? 0) }

    /// How a graph node of a lane is run; nil: there is no such node.
    func nodeState(_ name: String, lane index: Int) -> LaneNodeState? {
        guard lanes.indices.contains(index),
            let node = graphNodes.firstIndex(where: { $0.name == name })
        else { return nil }
        return LaneNodeState(rawValue: lanes[index].node(node, .state))
    }

    /// How a lane looks after its ports.
    fileprivate func rxMode(lane index: Int) -> String {
        let states = ["dpdk-input", "tap-input"].compactMap { nodeState($0, lane: index) }
        if states.contains(.polling) { return "polling" }
        return states.contains(.interrupt) ? "interrupt" : "none"
    }
}
