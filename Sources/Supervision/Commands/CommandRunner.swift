public import ControlProtocol
internal import FoundationEssentials

/// Runs command lines on a dataplane: what HTTP, the startup file and tests call.
public struct CommandRunner: Sendable {
    let dataplane: any Dataplane
    /// Whether only commands are run that change nothing.
    var isReadOnly = false

    /// Makes a runner of all commands.
    public init(dataplane: any Dataplane) { self.dataplane = dataplane }

    /// Runs one line; an empty one or a comment does nothing.
    ///
    /// - Parameters:
    ///   - line: the command.
    ///   - scope: the NUMA node that a command is about which takes one and does not say which.
    /// - Returns: the result, or the fault.
    public func run(line: String, scope: Int? = nil) async -> CommandOutcome {
        do {
            let tokens = try CommandToken.split(line)
            return await run(tokens, length: line.utf8.count, scope: scope)
        } catch {
            return CommandOutcome(failure: error)
        }
    }

    /// Runs a command whose words are already apart.
    public func run(words: [String]) async -> CommandOutcome {
        let tokens = CommandToken.place(words)
        let length = tokens.last.map { $0.offset + $0.text.utf8.count } ?? 0
        return await run(tokens, length: length)
    }

    /// Runs the commands of a file, one a line.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - isGoingOn: whether to go on after a command that fails; else the first that does ends it.
    /// - Returns: what the commands said, one after the other; a fault says `FILE:LINE: ...`.
    public func run(file path: String, goingOn isGoingOn: Bool = false) async -> CommandOutcome {
        do {
            let session = CommandSession(dataplane: dataplane, depth: 0, isGoingOn: isGoingOn)
            return CommandOutcome(result: try await CommandFile.run(path, in: session))
        } catch {
            return CommandOutcome(failure: error)
        }
    }

    /// What may stand at the end of a line.
    ///
    /// - Parameter line: the line up to where somebody types.
    /// - Returns: keywords, names of what there is, and what arguments are called.
    public func complete(line: String) async -> CompletionReply {
        let session = CommandSession(dataplane: dataplane, depth: 0)
        let grammar = CommandTable.grammar(with: await PluginCommands(session))
        return grammar.complete(line, context: await dataplane.completionContext())
    }

    func run(
        _ tokens: [CommandToken],
        length: Int,
        scope: Int? = nil
    ) async -> CommandOutcome {
        let outcome: CommandOutcome
        do {
            var session = CommandSession(dataplane: dataplane, depth: 0)
            session.scope = scope
            session.isReadOnly = isReadOnly
            outcome = CommandOutcome(
                result: try await Self.result(tokens, length: length, in: session)
            )
        } catch {
            outcome = CommandOutcome(failure: error)
        }
        if !tokens.isEmpty {
            let line = tokens.map(\.text).joined(separator: " ")
            dataplane.history.add(line, failure: outcome.failure)
        }
        return outcome
    }

    /// Runs the words of a line.
    static func result(
        _ tokens: [CommandToken],
        length: Int,
        in session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        if tokens.isEmpty { return TextResult("") }
        let context = await session.dataplane.grammarContext()
        let plugins = await PluginCommands(session)
        let grammar = CommandTable.grammar(with: plugins)
        if let help = try help(tokens, grammar, context) { return help }
        var match = try grammar.match(tokens, length: length, context: context)
        if let scope = session.scope {
            match = grammar.match(match, of: tokens, in: scope, context)
        }
        let name = name(of: match, plugins)
        guard !session.isReadOnly || Command.isReadOnly(name) else {
            throw CommandFailure(
                kind: .forbidden,
                message:
                    "you may only read, and \"\(name)\" changes something; whoever is in the group "
                    + "of unix { gid GROUP } of the startup file may"
            )
        }
        guard match.form < CommandTable.commands.count else {
            return try await plugins.run(match.form - CommandTable.commands.count, match, tokens)
        }
        let input = CommandInput(captures: match.captures)
        let command = CommandTable.commands[match.form]
        let events = session.dataplane.events
        let start = events.now
        do throws(CommandFailure) {
            let result = try await command.run(input, session)
            events.command(command.name, since: start, isRefused: false)
            return result
        } catch {
            events.command(command.name, since: start, isRefused: true)
            throw error
        }
    }

    private static func name(of match: GrammarMatch, _ plugins: PluginCommands) -> String {
        match.form < CommandTable.commands.count
            ? CommandTable.commands[match.form].name
            : plugins.forms[match.form - CommandTable.commands.count].words
    }

    /// How the command of a line begins; nil: it is none.
    func name(of line: String) async -> String? {
        let plugins = await PluginCommands(CommandSession(dataplane: dataplane, depth: 0))
        let context = await dataplane.grammarContext()
        guard let tokens = try? CommandToken.split(line), !tokens.isEmpty,
            let match = try? CommandTable.grammar(with: plugins)
                .match(tokens, length: line.utf8.count, context: context)
        else { return nil }
        return Self.name(of: match, plugins)
    }

    /// What may come next, if the line asks for that: `?` as or at the end of the last word.
    private static func help(
        _ tokens: [CommandToken],
        _ grammar: Grammar,
        _ context: GrammarContext
    ) throws(CommandFailure) -> HelpReport? {
        guard let last = tokens.last, last.text.hasSuffix("?") else { return nil }
        let start = String(last.text.dropLast())
        let found = try grammar.expected(after: tokens.dropLast(), context: context)
        return HelpReport(found.next, startingWith: start, isComplete: found.isComplete)
    }
}

/// What became of a command.
public struct CommandOutcome: Sendable {
    /// What the command found out; nil: it failed.
    public var result: (any CommandResult)?
    /// Why the command failed.
    public var failure: CommandFailure?

    init(result: any CommandResult) { self.result = result }

    init(failure: CommandFailure) { self.failure = failure }

    /// Whether the command failed.
    public var isError: Bool { failure != nil }

    /// Why single lines of a file failed that was run to its end all the same.
    public var lineFailures: [String] { (result as? ExecReport)?.failures ?? [] }

    /// For people: what the command found out, or why it failed.
    ///
    /// Made anew at every call.
    public var text: String {
        if let failure { return failure.description + "\n" }
        return result?.text ?? ""
    }

    /// The result as JSON in UTF-8, keys in alphabetical order; nil: the command failed.
    ///
    /// Made anew at every call.
    public var json: [UInt8]? {
        guard let result else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(result)).map { Array($0) }
    }
}

/// What may come next in a line.
struct HelpReport: CommandResult {
    struct Entry: Encodable, Sendable {
        /// A word, or how an argument is called.
        var word: String
        var help: String
        /// The words that an argument can be, where they can be listed.
        var candidates: [String]
    }

    var next: [Entry]
    /// Whether the line can end here.
    var isComplete: Bool

    init(_ expectations: [Expectation], startingWith start: String, isComplete: Bool) {
        next = expectations.filter { !$0.isKeyword || $0.label.hasPrefix(start) }.map {
            Entry(word: $0.label, help: $0.help, candidates: $0.candidates)
        }
        self.isComplete = isComplete && start.isEmpty
    }

    var text: String {
        let width = max(16, next.map(\.word.count).max() ?? 0)
        var lines = next.map { entry in
            let choices =
                entry.candidates.isEmpty ? "" : " (\(entry.candidates.joined(separator: ", ")))"
            return "  \(entry.word.padded(to: width)) \(entry.help)\(choices)".trimmedAtEnd
        }
        if isComplete { lines.append("  <end of line>") }
        return lines.map { $0 + "\n" }.joined()
    }
}
