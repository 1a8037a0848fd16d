internal import FoundationEssentials
internal import StatisticsReader

/// `causewayctl stats ...`: reads statistics from shared memory, without the supervisor.
public struct StatisticsSession: Sendable {
    private let runtimeDirectory: String
    private let terminal: any SessionTerminal
    private let isJSON: Bool
    /// The time between two rounds of `watch`.
    private let seconds: Double

    /// Makes a session.
    ///
    /// - Parameters:
    ///   - runtimeDirectory: the supervisor's.
    ///   - terminal: where answers go.
    ///   - isJSON: whether answers are JSON, one statistic a line.
    ///   - seconds: the time between two rounds of `watch`.
    public init(
        runtimeDirectory: String,
        terminal: any SessionTerminal,
        isJSON: Bool,
        seconds: Double = 1
    ) {
        self.runtimeDirectory = runtimeDirectory
        self.terminal = terminal
        self.isJSON = isJSON
        self.seconds = seconds
    }

    private static let usage = """
        stats ls [PATTERN...]      names; a PATTERN is a regular expression
        stats get PATTERN...       values
        stats watch [PATTERN...]   values again and again, with what they grow by in a second

        """

    /// Runs `stats WORD...`.
    ///
    /// - Parameters:
    ///   - words: what stands after `stats`.
    ///   - rounds: how often `watch` looks; nil: until the task is cancelled.
    /// - Returns: how it went.
    public func run(_ words: [String], rounds: Int? = nil) async -> CommandLineSession.Status {
        guard let verb = words.first, ["ls", "get", "watch"].contains(verb),
            verb != "get" || words.count > 1
        else {
            terminal.complain("causewayctl: stats takes ls, get PATTERN or watch\n" + Self.usage)
            return .usage
        }
        let patterns = Array(words.dropFirst())
        do throws(StatisticsError) {
            var reader = try StatisticsReader(runtimeDirectory: runtimeDirectory)
            switch verb {
            case "ls": terminal.write(try list(reader, patterns))
            case "get":
                let found = try reader.read(matching: patterns)
                guard !found.isEmpty else { return nothingFound(patterns) }
                terminal.write(found.map { text(of: $0, before: nil) }.joined())
            default: try await watch(&reader, patterns, rounds)
            }
            return .done
        } catch {
            terminal.complain("causewayctl: \(error)\n")
            if case .pattern = error { return .usage }
            return .unreachable
        }
    }

    private func nothingFound(_ patterns: [String]) -> CommandLineSession.Status {
        terminal.complain(
            "causewayctl: no statistic's name matches \(patterns.joined(separator: " or ")); "
                + "stats ls lists them\n"
        )
        return .refused
    }

    private func list(
        _ reader: StatisticsReader,
        _ patterns: [String]
    ) throws(StatisticsError) -> String {
        let names = try reader.names(matching: patterns)
        if isJSON { return CommandLineSession.json(names) + "\n" }
        return names.map { $0 + "\n" }.joined()
    }

    private func watch(
        _ reader: inout StatisticsReader,
        _ patterns: [String],
        _ rounds: Int?
    ) async throws(StatisticsError) {
        var before: [String: Statistic] = [:]
        var lookedAt = ContinuousClock.now
        var round = 0
        while rounds.map({ round < $0 }) ?? true {
            // A sleep fails only when it is cancelled, which the next line looks at.
            if round > 0 { try? await Task.sleep(for: .seconds(seconds)) }
            if Task.isCancelled { return }
            try reader.refresh()
            let found = try reader.read(matching: patterns)
            let now = ContinuousClock.now
            let passed =
                Double((now - lookedAt).components.attoseconds) * 1e-18
                + Double((now - lookedAt).components.seconds)
            lookedAt = now
            var text = ""
            for statistic in found {
                let earlier = before[statistic.name].map { (statistic: $0, seconds: passed) }
                text += self.text(of: statistic, before: earlier)
            }
            show(text)
            before = Dictionary(found.map { ($0.name, $0) }) { first, _ in first }
            round += 1
        }
    }

    /// Writes over what was there on a terminal; elsewhere after it, with an empty line between.
    private func show(_ text: String) {
        if isJSON { return terminal.write(text) }
        guard terminal.isInteractive else { return terminal.write(text + "\n") }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        terminal.write("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\r\n") + "\u{1B}[J")
    }

    private func text(
        of statistic: Statistic,
        before: (statistic: Statistic, seconds: Double)?
    ) -> String {
        let form = StatisticForm(statistic, before: before)
        return isJSON ? CommandLineSession.json(form) + "\n" : form.text
    }
}
