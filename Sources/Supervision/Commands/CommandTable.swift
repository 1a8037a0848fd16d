internal import Coordination

/// Every command that there is.
package enum CommandTable {
    /// In the order in which help lists them.
    static let commands: [Command] =
        showCommands + interfaceCommands + routeCommands + neighbourCommands
        + packetGeneratorCommands + workerCommands + loggingCommands + eventLoggerCommands
        + barrierCommands + restartCommands + incarnationCommands + canaryCommands
        + applyCommands + graphCommands + traceCommands + captureCommands + dispatchTraceCommands
        + apiCommands
        + sessionCommands
        + shellCommands

    /// The grammar of `commands`; a match's form is the command's position there.
    package static let grammar = Grammar(commands.map(\.syntax))

    /// `exec`, `clear`, `help`.
    private static let sessionCommands = [
        Command(
            .word("exec", "run the commands of a file")
                + .value("file", .path, "one command a line"),
            "Runs the commands of a file; stops at the first that fails."
        ) { input, session throws(CommandFailure) in
            let path = try input.required(input.text("file"), "FILE")
            return try await CommandFile.run(path, in: session)
        },
        Command(
            .word("clear", "count from zero again")
                + .choice([
                    .word("runtime", "calls, vectors and clocks"),
                    .word("errors", "drops by reason"),
                    .word("interfaces", "packets and bytes"),
                    .word("handoff", "packets between nodes"),
                ]),
            "Takes the present counts as the zero of later ones."
        ) { input, session throws(CommandFailure) in
            let counters: ClearedCounters =
                if input.has("runtime") { .runtime } else if input.has("errors") {
                    .errors
                } else if input.has("interfaces") { .interfaces } else { .handoff }
            await session.dataplane.clear(counters)
            return DoneResult()
        },
        Command(
            .word("help", "list the commands"),
            "Lists the commands."
        ) { _, session throws(CommandFailure) in await list(session) },
        Command(
            .words("show cli", help: "the commands"),
            "Lists the commands."
        ) { _, session throws(CommandFailure) in await list(session) },
    ]

    private static func list(_ session: CommandSession) async -> any CommandResult {
        let plugins = await PluginCommands(session).entries
        return CommandList(commands: commands.map { CommandList.Entry($0) } + plugins)
    }
}

/// The commands and what they are for.
struct CommandList: CommandResult {
    struct Entry: Encodable, Sendable {
        var form: String
        var summary: String

        init(form: String, summary: String) {
            self.form = form
            self.summary = summary
        }

        init(_ command: Command) {
            self.init(form: command.syntax.summary, summary: command.summary)
        }
    }

    var commands: [Entry]

    var text: String {
        commands.map { "\($0.form)\n    \($0.summary)\n" }.joined()
            + "End a line with ? to see what may come next.\n"
    }
}

extension Syntax {
    /// The form as people write it: `[optional]`, `{a|b}`, `...` for what may be repeated.
    var summary: String {
        switch self {
        case .keyword(let word, _): word
        case .argument(_, let type, _): type.label
        case .sequence(let parts): parts.map(\.summary).joined(separator: " ")
        case .choice(let parts):
            "{" + parts.map(\.summary).joined(separator: " | ") + "}"
        case .optional(.choice(let parts)):
            "[" + parts.map(\.summary).joined(separator: " | ") + "]"
        case .optional(let part): "[\(part.summary)]"
        case .repeated(let part): "\(part.summary) ..."
        case .options(let parts): parts.map { "[\($0.summary)]" }.joined(separator: " ")
        }
    }
}
