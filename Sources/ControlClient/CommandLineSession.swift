public import ControlProtocol
internal import FoundationEssentials

/// Where a session writes.
public protocol SessionTerminal: Sendable {
    /// Whether standard output is a terminal that can be redrawn.
    var isInteractive: Bool { get }
    /// Writes to standard output.
    func write(_ text: String)
    /// Writes to standard error.
    func complain(_ text: String)
}

/// Runs commands of a command line and says how they went.
public struct CommandLineSession: Sendable {
    /// How a command went, as a process tells its parent.
    public enum Status: Int32, Sendable, CaseIterable {
        case done = 0
        /// The command was understood, but cannot be done.
        case refused = 1
        /// The line is not a command.
        case usage = 2
        /// The supervisor cannot be reached.
        case unreachable = 3
    }

    private let client: ControlClient
    private let terminal: any SessionTerminal
    private let isJSON: Bool
    /// The folder that relative file names start from.
    private let folder: String

    /// Makes a session.
    ///
    /// - Parameters:
    ///   - client: whom to ask.
    ///   - terminal: where answers go.
    ///   - isJSON: whether answers are JSON.
    ///   - folder: an absolute path.
    public init(client: ControlClient, terminal: any SessionTerminal, isJSON: Bool, folder: String)
    {
        self.client = client
        self.terminal = terminal
        self.isJSON = isJSON
        self.folder = folder
    }

    /// Runs one command.
    public func run(_ line: String) async -> Status {
        do {
            if !isJSON, Self.isLanes(line) { return try await showLanes(seconds: 1, rounds: 1) }
            return try await runOnce(line, isFresh: false)
        } catch {
            return complain(error)
        }
    }

    /// Runs a command again and again until the task is cancelled or it fails.
    ///
    /// - Parameters:
    ///   - line: the command.
    ///   - seconds: the time between two runs.
    ///   - rounds: how often; nil: without end.
    /// - Returns: how the last run went.
    public func watch(_ line: String, every seconds: Double, rounds: Int? = nil) async -> Status {
        do {
            if Self.isLanes(line) { return try await showLanes(seconds: seconds, rounds: rounds) }
            var round = 0
            while rounds.map({ round < $0 }) ?? true {
                // A sleep fails only when it is cancelled, which the next line looks at.
                if round > 0 { try? await Task.sleep(for: .seconds(seconds)) }
                if Task.isCancelled { return .done }
                let status = try await runOnce(line, isFresh: true)
                if status != .done { return status }
                round += 1
            }
            return .done
        } catch {
            return complain(error)
        }
    }

    private func runOnce(
        _ line: String,
        isFresh: Bool
    ) async throws(ControlClientError) -> Status {
        let command = Self.absolute(line, in: folder)
        let reply = try await client.run(command, isJSON: isJSON)
        if let fault = reply.error { return complain(fault, about: command) }
        let text = isJSON ? Self.json(reply.result ?? .null) + "\n" : reply.text ?? ""
        if isFresh { show(text) } else { terminal.write(text) }
        return .done
    }

    private func showLanes(
        seconds: Double,
        rounds: Int?
    ) async throws(ControlClientError) -> Status {
        var before = try await client.lanes()
        var round = 0
        while rounds.map({ round < $0 }) ?? true {
            // A sleep fails only when it is cancelled, which the next line looks at.
            try? await Task.sleep(for: .seconds(seconds))
            if Task.isCancelled { return .done }
            let now = try await client.lanes()
            let rates = LaneRates.between(before, now)
            if isJSON {
                terminal.write(Self.json(rates) + "\n")
            } else if rounds == 1 {
                terminal.write(LaneTable.text(rates))
            } else {
                show(LaneTable.text(rates))
            }
            before = now
            round += 1
        }
        return .done
    }

    /// Writes over what was there on a terminal; elsewhere after it, with an empty line between.
    private func show(_ text: String) {
        guard terminal.isInteractive else { return terminal.write(text + "\n") }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        terminal.write("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\r\n") + "\u{1B}[J")
    }

    private func complain(_ error: ControlClientError) -> Status {
        terminal.complain("causewayctl: \(error)\n")
        return .unreachable
    }

    private func complain(_ fault: CommandFault, about command: String) -> Status {
        if isJSON {
            terminal.write(Self.json(CommandReply<JSONValue>(ok: false, error: fault)) + "\n")
        }
        terminal.complain("causewayctl: " + fault.text(about: command))
        return fault.kind == "refused" ? .refused : .usage
    }
}

extension CommandFault {
    /// The fault in the line `command` for people: what is wrong, where, and what was expected.
    public func text(about command: String) -> String {
        var text = "\(message)\n"
        if let position, position <= command.utf8.count {
            let before = String(decoding: command.utf8.prefix(position), as: UTF8.self)
            text += "  \(command)\n  \(String(repeating: " ", count: before.count))^\n"
        }
        if !expected.isEmpty { text += "  expected: \(expected.joined(separator: ", "))\n" }
        return text
    }
}

extension CommandLineSession {
    /// Whether a line is `show lanes`, which needs two readings.
    public static func isLanes(_ line: String) -> Bool {
        let words = line.split(separator: " ")
        return words.count == 2 && words[0].count >= 2 && "show".hasPrefix(words[0])
            && words[1].count >= 2 && "lanes".hasPrefix(words[1])
    }

    /// A line whose file name, if it is a command with one, is absolute: `exec FILE`, `apply FILE` and
    /// `... --with FILE`.
    public static func absolute(_ line: String, in folder: String) -> String {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard let first = words.first, first.count >= 2 else { return line }
        let isUpgrade = first.count >= 2 && "upgrade".hasPrefix(first)
        let place =
            isUpgrade
            ? words.firstIndex(of: "--with").map { $0 + 1 }
            : "exec".hasPrefix(first) || "apply".hasPrefix(first) ? 1 : nil
        guard let place, words.indices.contains(place) else { return line }
        let isQuoted = words[place].hasPrefix("\"")
        let name = line[words[place].startIndex...].dropFirst(isQuoted ? 1 : 0)
        guard !name.hasPrefix("/"), !name.hasPrefix("--"), name != "?" else { return line }
        let path = folder.hasSuffix("/") ? folder : folder + "/"
        return line[..<words[place].startIndex] + (isQuoted ? "\"" : "") + path + name
    }

    static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}
