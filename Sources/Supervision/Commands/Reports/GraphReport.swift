internal import Coordination

/// `show vlib graph`: which graph node leads to which.
struct GraphReport: CommandResult {
    /// A graph node.
    struct Node: Encodable, Sendable {
        var index: Int
        var name: String
        /// Whether lanes poll it; no other node sends packets to it then.
        var isInput: Bool
        /// The nodes that it sends packets to, in the order of its exits.
        var next: [String]
        /// The nodes that send packets to it.
        var previous: [String]
    }

    /// Whose worker described it.
    var numaNode: Int
    /// By index.
    var nodes: [Node]

    /// Reads what a worker answers: a line a node, with tabs between name, kind and the next nodes.
    init(_ answer: (numaNode: Int, text: String)) {
        numaNode = answer.numaNode
        var nodes: [Node] = []
        for line in answer.text.split(separator: "\n") {
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            nodes.append(
                Node(
                    index: nodes.count,
                    name: String(parts[0]),
                    isInput: parts[1] == "input",
                    next: parts[2].split(separator: ",").map(String.init),
                    previous: []
                )
            )
        }
        for node in nodes {
            for name in node.next {
                if let index = nodes.firstIndex(where: { $0.name == name }) {
                    nodes[index].previous.append(node.name)
                }
            }
        }
        self.nodes = nodes
    }

    var text: String {
        var table = TextTable([
            .init("Name", 28, .left), .init("Next", 28, .left), .init("Previous", 0, .left),
        ])
        for node in nodes {
            for row in 0..<max(1, node.next.count, node.previous.count) {
                table.add([
                    row == 0 ? node.name : "", row < node.next.count ? node.next[row] : "",
                    row < node.previous.count ? node.previous[row] : "",
                ])
            }
        }
        return table.text
    }
}

/// `show vlib graphviz`: the same in the DOT language.
struct GraphvizReport: CommandResult {
    var dot: String

    init(_ graph: GraphReport) {
        var lines = ["digraph causeway {", "  rankdir=LR;", "  node [shape=box];"]
        for node in graph.nodes where node.isInput {
            lines.append("  \"\(node.name)\" [style=bold];")
        }
        for node in graph.nodes {
            for next in node.next { lines.append("  \"\(node.name)\" -> \"\(next)\";") }
        }
        dot = (lines + ["}"]).map { $0 + "\n" }.joined()
    }

    var text: String { dot }
}

/// `show node GRAPH-NODE`.
struct GraphNodeReport: CommandResult {
    /// What a lane counted.
    struct Lane: Encodable, Sendable {
        var numaNode: Int
        var lane: Int
        var state: String
        var calls: UInt64
        var vectors: UInt64
    }

    /// A drop reason, or something else that the node counts.
    struct Counter: Encodable, Sendable {
        var reason: String
        /// On all lanes that are shown.
        var count: UInt64
    }

    var node: GraphReport.Node
    var lanes: [Lane] = []
    var counters: [Counter] = []

    init(_ node: GraphReport.Node, _ readings: [NodeReading]) {
        self.node = node
        for reading in readings {
            // Another worker's plugins may be others, and its indices with them.
            guard let index = reading.graphNodes.firstIndex(where: { $0.name == node.name }) else {
                continue
            }
            for (number, lane) in reading.lanes.enumerated() where index < lane.nodes.count {
                let state = LaneNodeState(rawValue: lane.node(index, .state))
                lanes.append(
                    Lane(
                        numaNode: reading.status.number,
                        lane: number,
                        state: state.map { "\($0)" } ?? "unknown",
                        calls: lane.node(index, .calls),
                        vectors: lane.node(index, .vectors)
                    )
                )
            }
            count(reading.graphNodes[index], reading)
        }
    }

    private mutating func count(_ name: WorkerSegment.NodeName, _ reading: NodeReading) {
        for error in name.errorBase..<(name.errorBase + name.errorCount) {
            guard error < reading.errorNames.count else { return }
            let reason = reading.errorNames[error].reason
            let sum = reading.lanes.reduce(UInt64(0)) {
                error < $1.errors.count ? $0 &+ $1.errors[error] : $0
            }
            if let index = counters.firstIndex(where: { $0.reason == reason }) {
                counters[index].count &+= sum
            } else {
                counters.append(Counter(reason: reason, count: sum))
            }
        }
    }

    var text: String {
        var text =
            "node \(node.name), \(node.isInput ? "input" : "internal"), index \(node.index)\n"
        text += "\n  next nodes:\n" + Self.list(node.next)
        text += "\n  previous nodes:\n" + Self.list(node.previous) + "\n"
        var lanes = TextTable([
            .init("NUMA node", 11), .init("Lane", 5), .init("State", 16, .left), .init("Calls", 14),
            .init("Vectors", 14),
        ])
        for lane in self.lanes {
            lanes.add([
                "\(lane.numaNode)", "\(lane.lane)", lane.state, "\(lane.calls)", "\(lane.vectors)",
            ])
        }
        text += lanes.text
        if !counters.isEmpty {
            var table = TextTable([.init("Count", 14), .init("Reason", 0, .left)])
            for counter in counters { table.add(["\(counter.count)", counter.reason]) }
            text += "\n" + table.text
        }
        return text
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "    none\n" : names.map { "    \($0)\n" }.joined()
    }
}
