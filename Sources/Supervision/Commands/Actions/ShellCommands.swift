internal import ControlProtocol

/// A command that the interactive client carries out itself.
struct ShellCommand: CommandResult {
    /// The line's words, keywords in full.
    var shell: [String]

    var text: String {
        "\"\(shell.joined(separator: " "))\" is done by causewayctl itself, at its prompt\n"
    }
}

extension CommandTable {
    /// A command whose words go back to the client.
    private static func shell(_ syntax: Syntax, _ summary: String) -> Command {
        Command(syntax, summary) { input, _ throws(CommandFailure) in
            ShellCommand(shell: input.captures.map(\.said))
        }
    }

    /// The longest `wait`, in seconds.
    static let maximumWaitSeconds = 86_400

    /// What concerns the session alone: the scope, macros, history, the terminal; `wait`, `echo`.
    static let shellCommands = [
        shell(
            .word("scope", "whose commands the next ones are")
                + .choice([
                    .word("node", "one NUMA node's") + .value("node", .numaNode, "its number"),
                    .word("all", "those of all NUMA nodes"),
                ]),
            "Makes commands that take `node N` be about this NUMA node until told otherwise."
        ),
        shell(
            .word("define", "a macro")
                + .value("name", .word("NAME"), "used as $NAME or $(NAME)")
                + .repeated(.value("value", .rest("TEXT"), "what it stands for")),
            "Defines a macro."
        ),
        shell(
            .word("undefine", "a macro") + .value("name", .word("NAME"), "the macro"),
            "Forgets a macro."
        ),
        shell(.words("show macro", help: "what macros stand for"), "Shows macros."),
        shell(
            .word("history", "the last lines") + .optional(.word("clear", "forget them")),
            "Shows the lines that were typed, or forgets them."
        ),
        shell(.words("show terminal", help: "size and settings"), "Shows the terminal."),
        shell(
            .words("set terminal", help: "of this session")
                + .choice([
                    .word("pager", "long answers page by page") + switches("lines that are paged"),
                    .word("history", "the lines that were typed") + switches("lines that are kept"),
                ]),
            "Sets how this session shows answers and keeps lines."
        ),
        shell(.word("top", "a live view"), "Shows what the dataplane does, live."),
        shell(
            .word("stats", "statistics from shared memory")
                + .choice([
                    .word("ls", "names") + patterns, .word("get", "values") + patterns,
                    .word("watch", "values each second") + patterns,
                ]),
            "Reads statistics by name."
        ),
        shell(.word("quit", "leave"), "Ends the session; the dataplane goes on."),
        shell(.word("exit", "leave"), "Ends the session; the dataplane goes on."),
        Command(
            .word("echo", "say something")
                + .optional(.repeated(.value("text", .rest("TEXT"), "what to say"))),
            "Says the rest of the line."
        ) { input, _ throws(CommandFailure) in
            TextResult(input.captures.dropFirst().map(\.said).joined(separator: " ") + "\n")
        },
        Command(
            .word("wait", "do nothing for a while")
                + .value("seconds", .integer(0...maximumWaitSeconds), "seconds"),
            "Waits before the next command."
        ) { input, _ throws(CommandFailure) in
            let seconds = try input.required(input.integer("seconds"), "SECONDS")
            do { try await Task.sleep(for: .seconds(seconds)) } catch {
                throw .refused("the dataplane is being stopped")
            }
            return DoneResult()
        },
    ]

    private static let patterns = Syntax.optional(
        .repeated(.value("pattern", .rest("PATTERN"), "a regular expression"))
    )

    private static func switches(_ limit: String) -> Syntax {
        .choice([
            .word("on", "as they are"), .word("off", "none"),
            .option("limit", .integer(0...10_000_000), "\(limit); 0: no limit"),
        ])
    }
}

extension GrammarMatch.Capture {
    /// The word as it is said in full.
    fileprivate var said: String {
        switch value {
        case .keyword: key
        case .text(let text): text
        case .integer(let number): "\(number)"
        default: key
        }
    }
}
