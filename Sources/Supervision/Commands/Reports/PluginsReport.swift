internal import ControlProtocol

/// `show plugins`: what each worker found.
struct PluginsReport: CommandResult {
    struct Node: Encodable, Sendable {
        var numaNode: Int
        var plugins: [PluginReport]
    }

    var nodes: [Node]
    private var isVerbose: Bool

    private enum CodingKeys: CodingKey { case nodes }

    init(_ plugins: [Int: [PluginReport]], isVerbose: Bool) {
        nodes = plugins.sorted { $0.key < $1.key }.map { Node(numaNode: $0.key, plugins: $0.value) }
        self.isVerbose = isVerbose
    }

    var text: String {
        nodes.map { node in
            var table = TextTable([
                .init("Plugin", 26, .left), .init("Version", 10, .left),
                .init("Description", 40, .left),
            ])
            for plugin in node.plugins {
                let description = plugin.problem.isEmpty ? plugin.summary : plugin.problem
                table.add([plugin.file, plugin.version, description])
            }
            return "NUMA node \(node.numaNode)\n" + table.text + (isVerbose ? details(node) : "")
        }.joined()
    }

    private func details(_ node: Node) -> String {
        node.plugins.map { plugin in
            var lines = ["\(plugin.file): \(plugin.path)"]
            if !plugin.nodes.isEmpty {
                lines.append("  graph nodes: \(plugin.nodes.joined(separator: ", "))")
            }
            lines += plugin.commands.map {
                "  \($0.words) \($0.arguments)".trimmedAtEnd + "\n    \($0.summary)"
            }
            return lines.map { $0 + "\n" }.joined()
        }.joined()
    }
}
