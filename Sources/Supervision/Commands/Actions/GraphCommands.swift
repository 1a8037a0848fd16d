internal import CausewayConfiguration
internal import Coordination

extension CommandTable {
    private static let onlyNode = Syntax.option("node", .numaNode, "only this NUMA node")
    private static let graphNode = Syntax.value("graph-node", .word("GRAPH-NODE"), "its name")

    /// `show vlib ...` and `show node GRAPH-NODE`: what the graph is made of.
    static let graphCommands: [Command] = [
        Command(
            .words("show vlib graph", help: "which graph node leads to which")
                + .options([.option("of", .word("GRAPH-NODE"), "only this graph node"), onlyNode]),
            "Shows which graph nodes there are, where each sends packets, and where they come from."
        ) { input, session throws(CommandFailure) in
            var report = GraphReport(try await graph(of: input.integer("node"), session))
            if let name = input.text("of") {
                report.nodes = [try find(name, in: report)]
            }
            return report
        },
        Command(
            .words("show vlib graphviz", help: "the graph as a drawing's text")
                + .options([onlyNode]),
            "Writes the graph in the DOT language, for Graphviz's dot."
        ) { input, session throws(CommandFailure) in
            GraphvizReport(GraphReport(try await graph(of: input.integer("node"), session)))
        },
        Command(
            .words("show node", help: "one graph node")
                + .choice([
                    .sequence([
                        .word("index", "by its index"),
                        .value("index", .integer(0...WorkerSegment.maximumNodes - 1), "the index"),
                    ]), graphNode,
                ])
                + .options([onlyNode]),
            "Shows a graph node: its neighbours in the graph, its drop reasons, and its counters."
        ) { input, session throws(CommandFailure) in try await node(input, session) },
    ]

    /// The graph of a NUMA node's worker as the worker describes it; of the first that answers if none is named.
    private static func graph(
        of numaNode: Int?,
        _ session: CommandSession
    ) async throws(CommandFailure) -> (numaNode: Int, text: String) {
        let all = await session.dataplane.view().placement.nodes.map(\.number)
        var reason = "no worker runs"
        for number in numaNode.map({ [$0] }) ?? all {
            do throws(ChangeError) {
                let answer = try await session.dataplane.ask(node: number, topic: "graph", line: "")
                return (number, answer.text)
            } catch { reason = error.description }
        }
        throw .refused(reason)
    }

    private static func find(
        _ name: String,
        in report: GraphReport
    ) throws(CommandFailure) -> GraphReport.Node {
        if let node = report.nodes.first(where: { $0.name == name }) { return node }
        throw .refused("there is no graph node \(name); show vlib graph lists them")
    }

    private static func node(
        _ input: CommandInput,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        let report = GraphReport(try await graph(of: input.integer("node"), session))
        let node: GraphReport.Node
        if let index = input.integer("index") {
            guard index < report.nodes.count else {
                throw .refused("there are \(report.nodes.count) graph nodes, from index 0")
            }
            node = report.nodes[index]
        } else {
            node = try find(try input.required(input.text("graph-node"), "GRAPH-NODE"), in: report)
        }
        let readings = await session.dataplane.view().readings()
        let chosen = input.integer("node").map { number in
            readings.filter { $0.status.number == number }
        }
        return GraphNodeReport(node, chosen ?? readings)
    }
}
