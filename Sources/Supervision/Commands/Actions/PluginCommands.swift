internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

/// Commands that plugins bring along: workers describe them, and carry them out.
struct PluginCommands {
    /// A command with the plugin that has it.
    private struct Found {
        var plugin: String
        var command: PluginReport.Command
        /// The nodes whose workers have it.
        var nodes: [Int]
        var words: [Substring] { command.words.split(separator: " ") }
    }

    private let session: CommandSession
    private let commands: [Found]

    init(_ session: CommandSession) async {
        self.session = session
        var found: [Found] = []
        for (node, reports) in await session.dataplane.plugins().sorted(by: { $0.key < $1.key }) {
            for report in reports {
                for command in report.commands {
                    if let index = found.firstIndex(where: { $0.command.words == command.words }) {
                        found[index].nodes.append(node)
                    } else {
                        found.append(Found(plugin: report.name, command: command, nodes: [node]))
                    }
                }
            }
        }
        commands = found
    }

    /// Their forms, for `help`.
    var entries: [CommandList.Entry] {
        commands.map {
            CommandList.Entry(
                form: "\($0.command.words) \($0.command.arguments)".trimmedAtEnd,
                summary: "\($0.command.summary) (plugin \($0.plugin))"
            )
        }
    }

    /// Their forms, for the grammar.
    var forms: [PluginForm] {
        commands.map {
            PluginForm(
                words: $0.command.words,
                arguments: $0.command.arguments,
                summary: $0.command.summary
            )
        }
    }

    /// Carries a line out.
    ///
    /// - Parameters:
    ///   - index: the command's position in `forms`.
    ///   - match: what the line's words were taken for.
    ///   - tokens: the line's words.
    /// - Returns: what the plugin says.
    /// - Throws: why the plugin refuses it.
    func run(
        _ index: Int,
        _ match: GrammarMatch,
        _ tokens: [CommandToken]
    ) async throws(CommandFailure) -> any CommandResult {
        let found = commands[index]
        let count = found.words.count
        // The command's own words may be abbreviated; what follows is the plugin's to read.
        let line = (match.captures.prefix(count).map(\.key) + tokens.dropFirst(count).map(\.text))
            .joined(separator: " ")
        return found.command.changes
            ? try await change(found, line) : try await ask(found, line)
    }

    /// Has one worker say what is to be set, and sets it on all.
    private func change(_ found: Found, _ line: String) async throws(CommandFailure)
        -> any CommandResult
    {
        var reason = "no worker with plugin \(found.plugin) runs"
        for node in found.nodes {
            guard await isForwarding(node) else { continue }
            do throws(ChangeError) {
                let answer = try await session.dataplane.ask(
                    node: node,
                    topic: "plugin \(found.plugin)",
                    line: line
                )
                if !answer.settings.isEmpty {
                    _ = try await session.dataplane.apply(.plugin(answer.settings))
                }
                return TextResult(answer.text)
            } catch {
                reason = error.description
                break
            }
        }
        throw .refused(reason)
    }

    private func isForwarding(_ node: Int) async -> Bool {
        await session.dataplane.view().nodes.contains {
            $0.number == node && $0.workerState == .forwarding
        }
    }

    private func ask(_ found: Found, _ line: String) async throws(CommandFailure)
        -> any CommandResult
    {
        let report = await session.answers(
            from: found.nodes,
            topic: "plugin \(found.plugin)",
            line: line
        )
        if report.nodes.allSatisfy({ !$0.error.isEmpty }), let first = report.nodes.first {
            throw .refused(first.error)
        }
        return report
    }
}

/// What the workers of some nodes say.
struct WorkerAnswers: CommandResult {
    struct Node: Encodable, Sendable {
        var numaNode: Int
        var lines: [String]
        var error = ""
    }

    var nodes: [Node]

    var text: String {
        nodes.map { node in
            let lines = node.error.isEmpty ? node.lines : [node.error]
            let head = nodes.count > 1 ? ["NUMA node \(node.numaNode)"] : []
            return (head + lines).map { $0 + "\n" }.joined()
        }.joined()
    }
}

extension CommandSession {
    /// Asks the workers of some nodes, one after the other.
    func answers(from nodes: [Int], topic: String, line: String) async -> WorkerAnswers {
        var answers: [WorkerAnswers.Node] = []
        for node in nodes {
            do throws(ChangeError) {
                let answer = try await dataplane.ask(node: node, topic: topic, line: line)
                let lines = TextResult(answer.text).lines
                answers.append(WorkerAnswers.Node(numaNode: node, lines: lines))
            } catch {
                answers.append(WorkerAnswers.Node(numaNode: node, lines: [], error: "\(error)"))
            }
        }
        return WorkerAnswers(nodes: answers)
    }
}

extension CommandTable {
    /// `show plugins` and `show init-function`.
    static let workerCommands = [
        Command(
            .word("show", "what there is")
                + .word("plugins", "shared objects of the workers")
                + .optional(.word("verbose", "their graph nodes and commands too")),
            "Shows which plugins each NUMA node's worker has loaded."
        ) { input, session throws(CommandFailure) in
            PluginsReport(await session.dataplane.plugins(), isVerbose: input.has("verbose"))
        },
        Command(
            .word("show", "what there is")
                + .word("init-function", "what workers run once")
                + .options([
                    .word("init", "what makes the worker"), .word("enter", "when lanes begin"),
                    .word("exit", "when it ends"), .word("worker", "for each lane"),
                    .word("verbose", "states and constraints"),
                    .option("node", .numaNode, "only this NUMA node"),
                ]),
            "Shows what each NUMA node's worker runs once, in order."
        ) { input, session throws(CommandFailure) in
            let words = ["init", "enter", "exit", "worker", "verbose"].filter(input.has)
            let all = await session.dataplane.view().placement.nodes.map(\.number)
            return await session.answers(
                from: input.integer("node").map { [$0] } ?? all,
                topic: "init-function",
                line: words.joined(separator: " ")
            )
        },
    ]
}
