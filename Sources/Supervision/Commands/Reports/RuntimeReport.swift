internal import CausewayConfiguration
internal import Coordination

/// `show runtime`: what each lane's graph nodes did, and the control lanes' processes.
struct RuntimeReport: CommandResult {
    /// A lane.
    struct Lane: Encodable, Sendable {
        var numaNode: Int
        var lane: Int
        var pid: Int32?
        var cpu: Int
        /// Seconds from the worker's start to the lane's last turn.
        var seconds: Double
        /// With a half-life of a second.
        var loopsPerSecond: Double
        /// Packets a graph node's visit, over all internal graph nodes.
        var vectorsPerCall: Double
        /// Packets a second, averaged since the zero of the counters.
        var vectorRateIn: Double
        var vectorRateOut: Double
        var vectorRateDrop: Double
        /// How the lane looks after its ports: `polling`, `interrupt` or `none`.
        var rxMode: String
        var nodes: [Node]
    }

    /// The control lane of a worker.
    struct Control: Encodable, Sendable {
        var numaNode: Int
        var pid: Int32?
        var cpu: Int
        var processes: [Node]
    }

    /// A graph node on a lane, or a process of a control lane.
    struct Node: Encodable, Sendable {
        var name: String
        var state: String
        var calls: UInt64
        /// Packets; of a process: events.
        var vectors: UInt64
        /// Times that a process waited; nothing in a lane suspends.
        var suspends: UInt64
        /// Clocks a packet; a call if there were no packets.
        var clocks: Double
        /// The same in nanoseconds.
        var nanoseconds: Double
        var vectorsPerCall: Double
        /// The most clocks of one call, and the packets of that call.
        var maximumClocks: UInt64
        var vectorsAtMaximum: UInt64
        /// Calls because of an interrupt, and changes between polling and interrupts.
        var interrupts: UInt64
        var switches: UInt64
    }

    /// What the text shows.
    enum Form: Sendable { case table, summary, maximum, time }

    var lanes: [Lane]
    var control: [Control]
    var form = Form.table

    private enum CodingKeys: CodingKey { case lanes, control }

    var text: String {
        (lanes.map(text) + control.map(text)).joined(
            separator: lanes.count + control.count > 1 ? "---------------\n" : ""
        )
    }

    private func text(_ lane: Lane) -> String {
        let pid = lane.pid.map { "pid \($0)" } ?? "down"
        var text = "NUMA node \(lane.numaNode) lane \(lane.lane) (\(pid), cpu \(lane.cpu))"
        text += lane.rxMode == "none" ? "\n" : ", rx \(lane.rxMode)\n"
        text += "Time \(Figure.fixed(lane.seconds, digits: 1)),"
        text += " internal node vector rate \(Figure.fixed(lane.vectorsPerCall))"
        text += " loops/sec \(Figure.fixed(lane.loopsPerSecond))\n"
        text += "  vector rates in \(Figure.scientific(lane.vectorRateIn, digits: 4)),"
        text += " out \(Figure.scientific(lane.vectorRateOut, digits: 4)),"
        text += " drop \(Figure.scientific(lane.vectorRateDrop, digits: 4))\n"
        return form == .summary ? text : text + table(lane.nodes)
    }

    private func text(_ control: Control) -> String {
        let pid = control.pid.map { "pid \($0)" } ?? "down"
        return "NUMA node \(control.numaNode) control lane (\(pid), cpu \(control.cpu))\n"
            + (form == .summary ? "" : table(control.processes))
    }

    private func table(_ nodes: [Node]) -> String {
        if form == .maximum { return maximumTable(nodes) }
        var table = TextTable([
            .init("Name", 32, .middle), .init("State", 12, .middle), .init("Calls", 16),
            .init("Vectors", 16), .init("Suspends", 12),
            .init(form == .time ? "Nanoseconds" : "Clocks", 12), .init("Vectors/Call", 12),
        ])
        for node in nodes {
            table.add([
                node.name, node.state, String(node.calls), String(node.vectors),
                String(node.suspends),
                Figure.scientific(form == .time ? node.nanoseconds : node.clocks),
                Figure.fixed(node.vectorsPerCall),
            ])
        }
        return table.text
    }

    private func maximumTable(_ nodes: [Node]) -> String {
        var table = TextTable([
            .init("Name", 32, .middle), .init("Max Node Clocks", 16), .init("Vectors at Max", 16),
            .init("Max Clocks", 12), .init("Avg Clocks", 12), .init("Avg Vectors/Call", 16),
        ])
        for node in nodes {
            let share = Double(node.maximumClocks) / Double(max(1, node.vectorsAtMaximum))
            table.add([
                node.name, Figure.scientific(Double(node.maximumClocks)),
                String(node.vectorsAtMaximum), Figure.scientific(share),
                Figure.scientific(node.clocks), Figure.fixed(node.vectorsPerCall),
            ])
        }
        return table.text
    }
}
