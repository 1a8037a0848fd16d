internal import ControlProtocol

/// A command: its form and what it does.
struct Command: Sendable {
    /// What the command is for, in a few words.
    var summary: String
    var syntax: Syntax
    var run: Action
    /// The words that it begins with, such as `show interface`.
    let name: String

    /// Whether it changes nothing, so that those may give it who only read.
    var isReadOnly: Bool { Self.isReadOnly(name) }

    /// Whether a command that begins so changes nothing.
    static func isReadOnly(_ name: String) -> Bool {
        name == "set terminal" || readers.contains(String(name.prefix { $0 != " " }))
    }

    private static let readers: Set = [
        "show", "help", "echo", "scope", "define", "undefine", "history", "top", "stats", "quit",
        "exit",
    ]

    /// Does what a line says.
    typealias Action =
        @Sendable (CommandInput, CommandSession) async throws(CommandFailure) -> any CommandResult

    init(_ syntax: Syntax, _ summary: String, run: @escaping Action) {
        self.summary = summary
        self.syntax = syntax
        self.run = run
        name = syntax.parts.prefix { $0.word != nil }.compactMap(\.word).joined(separator: " ")
    }
}

/// Where a command runs.
struct CommandSession: Sendable {
    var dataplane: any Dataplane
    /// Within how many files the line stands.
    var depth: Int
    /// Whether a file is run to its end whatever fails.
    var isGoingOn = false
    /// Whether whoever gives commands may only read.
    var isReadOnly = false
    /// The NUMA node that commands are about which take `node N` and do not say which.
    var scope: Int?
}

/// What a command found out or did.
///
/// `show` commands have structures with stable names, which are their JSON form and which their
/// text is made of.
public protocol CommandResult: Encodable, Sendable {
    /// For people; lines end with line feeds, the last one included; empty: nothing to say.
    var text: String { get }
}

/// The arguments of one line.
struct CommandInput: Sendable {
    var captures: [GrammarMatch.Capture]

    /// Whether a keyword was given.
    func has(_ keyword: String) -> Bool {
        captures.contains { $0.key == keyword && $0.value == .keyword }
    }

    /// The argument kept under `key`, if it was given.
    func value(_ key: String) -> ArgumentValue? {
        captures.first { $0.key == key && $0.value != .keyword }?.value
    }

    func text(_ key: String) -> String? {
        if case .text(let text) = value(key) { text } else { nil }
    }

    func integer(_ key: String) -> Int? {
        if case .integer(let number) = value(key) { number } else { nil }
    }

    func address(_ key: String) -> IPv4Address? {
        if case .address(let address) = value(key) { address } else { nil }
    }

    func prefix(_ key: String) -> IPv4Prefix? {
        if case .prefix(let prefix) = value(key) { prefix } else { nil }
    }

    func mac(_ key: String) -> MACAddress? {
        if case .mac(let mac) = value(key) { mac } else { nil }
    }

    /// Unwraps an argument that the command's form requires.
    func required<Value>(_ value: Value?, _ key: String) throws(CommandFailure) -> Value {
        guard let value else { throw .refused("the command lacks its argument \(key)") }
        return value
    }
}

/// A change was made.
struct ChangeResult: CommandResult {
    /// The change's number in the journal.
    var change: UInt64

    var text: String { "" }
}

/// Something with nothing to say was done.
struct DoneResult: CommandResult {
    var done = true

    var text: String { "" }
}

/// Lines for the operator that have no other form.
struct TextResult: CommandResult {
    var lines: [String]

    init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.last?.isEmpty == true { lines.removeLast() }
    }

    var text: String { lines.map { $0 + "\n" }.joined() }
}

extension Dataplane {
    /// Applies a change as a command.
    func change(_ change: ConfigurationChange) async throws(CommandFailure) -> any CommandResult {
        do {
            return ChangeResult(change: try await apply(change))
        } catch {
            throw .refused(error)
        }
    }
}
