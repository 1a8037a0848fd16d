internal import CausewayConfiguration

/// What `apply` did, or would do.
public struct ApplyReport: CommandResult {
    /// A NUMA node.
    struct Node: Encodable, Sendable {
        var numaNode: Int
        /// `keep`, `adjust`, `planned` or `whole`.
        var action: ApplyPlan.Way
        /// One line a change.
        var reasons: [String]
        /// The worker's life that forwards now; nil: the same as before.
        var incarnation: UInt32?
        /// For how long the node took no packet.
        var gapMicroseconds: Int?
        var milliseconds: Int?
        /// Packets that other nodes dropped because this one was down.
        var droppedByPeers: UInt64?
    }

    /// The topology file.
    var file: String
    /// Whether it was applied; false: nothing was changed.
    var isApplied = false
    /// In the order in which they are done.
    var nodes: [Node]
    /// Findings of the file, and what an operator should know.
    var notes: [String]
    /// How each node's restart went.
    var outcomes: [Int: RestartOutcome] = [:] {
        didSet {
            for index in nodes.indices {
                guard let outcome = outcomes[nodes[index].numaNode] else { continue }
                nodes[index].incarnation = outcome.incarnation
                nodes[index].gapMicroseconds = outcome.gapMicroseconds
                nodes[index].milliseconds = outcome.milliseconds
                nodes[index].droppedByPeers = outcome.droppedByPeers
            }
        }
    }

    private enum CodingKeys: String, CodingKey {
        case file, nodes, notes
        case isApplied = "applied"
    }

    init(file: String, startFile: String?, plan: ApplyPlan, warnings: [String], isOnly: Bool) {
        self.file = file
        nodes = plan.steps.map {
            Node(numaNode: $0.number, action: $0.way, reasons: $0.reasons)
        }
        notes = warnings
        guard plan.isChange else { return }
        if isOnly, plan.steps.contains(where: { $0.way == .whole }) {
            notes.append("it is the only node: nothing is forwarded while it is restarted")
        }
        if plan.changesRings {
            notes.append(
                "the rings between the nodes are laid out anew: what goes from node to node is dropped "
                    + "(handoff peer down) until all have been restarted"
            )
        }
        if file != startFile {
            notes.append(
                "the next start reads "
                    + (startFile.map { "\($0), not \(file): copy it there to keep it" }
                        ?? "no topology file: name \(file) in the startup file to keep it")
            )
        }
    }

    /// The plan, and how it went.
    public var text: String {
        var lines = nodes.flatMap { node -> [String] in
            [line(of: node)] + node.reasons.map { "  \($0)" }
        }
        lines += notes.map { "note: \($0)" }
        if !nodes.contains(where: { $0.action != .keep }) { lines.append("nothing to change") }
        return lines.map { $0 + "\n" }.joined()
    }

    private func line(of node: Node) -> String {
        let what =
            switch node.action {
            case .keep: "stays"
            case .adjust: "goes on with new values"
            case .planned: "worker replaced without a loss (planned restart)"
            case .whole: "keeper and worker replaced (whole restart)"
            }
        guard let milliseconds = node.milliseconds, let life = node.incarnation else {
            return "node \(node.numaNode): \(what)"
        }
        let pause = ", no packet taken for \(node.gapMicroseconds ?? 0) us"
        let gap = node.action == .planned ? pause : ""
        return "node \(node.numaNode): \(what), worker \(life) forwards, \(milliseconds) ms\(gap)"
    }
}
