internal import ControlProtocol
internal import LinuxSystem
internal import Routing

/// Runs the commands of a file.
///
/// Consecutive `ip route add PREFIX ...` lines become few changes, so that a table of a million
/// routes loads at the speed of the routing table: the lines' prefixes are read without the grammar
/// and collected by what follows them.
struct CommandFile {
    private let path: String
    private let session: CommandSession
    private var routes = RouteBatch()
    private var said = ""
    private var lines = 0
    private var commands = 0
    /// Of a file that is run to its end whatever fails.
    private var failures: [String] = []

    /// The most bytes of a file.
    static let maximumBytes = 1 << 30
    /// How deep files may name files.
    static let maximumDepth = 8
    /// The most routes that are collected before they are applied.
    static let maximumBatch = 262_144

    /// Runs a file's commands, one a line, until one fails, or all of them if the session says so.
    ///
    /// - Throws: `CommandFailure` that names the file and the line.
    static func run(
        _ path: String,
        in session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        guard session.depth < maximumDepth else {
            throw .refused("\(path): files name each other more than \(maximumDepth) deep")
        }
        var file = CommandFile(
            path: path,
            session: CommandSession(
                dataplane: session.dataplane,
                depth: session.depth + 1,
                isGoingOn: session.isGoingOn
            )
        )
        return try await file.run(try WholeFile.read(path, maximumBytes: maximumBytes))
    }

    private init(path: String, session: CommandSession) {
        self.path = path
        self.session = session
    }

    private mutating func run(_ bytes: [UInt8]) async throws(CommandFailure) -> ExecReport {
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            lines += 1
            if !routes.take(bytes, start..<end, line: lines) {
                do throws(CommandFailure) {
                    try await run(line: bytes[start..<end])
                } catch { try note(error) }
            } else if routes.count >= Self.maximumBatch {
                try await flush()
            }
            start = end + 1
            if lines.isMultiple(of: 8192) { await Task.yield() }
        }
        try await flush()
        return ExecReport(
            file: path,
            lines: lines,
            commands: commands,
            said: said,
            failures: failures
        )
    }

    private mutating func note(_ failure: CommandFailure) throws(CommandFailure) {
        guard session.isGoingOn else { throw failure }
        failures.append(failure.message)
    }

    /// Runs a line that is not one of a run of routes.
    private mutating func run(line: ArraySlice<UInt8>) async throws(CommandFailure) {
        let text = String(decoding: line, as: UTF8.self)
        do {
            let tokens = try CommandToken.split(text)
            guard !tokens.isEmpty else { return }
            if try await collect(tokens, length: line.count) { return }
            try await flush()
            commands += 1
            said += try await CommandRunner.result(tokens, length: line.count, in: session).text
        } catch {
            throw error.at(path, line: lines)
        }
    }

    /// Learns what follows the prefix of a route line; false: it is no plain route line.
    private mutating func collect(
        _ tokens: [CommandToken],
        length: Int
    ) async throws(CommandFailure) -> Bool {
        guard RouteBatch.isRoute(tokens) else { return false }
        let context = await session.dataplane.grammarContext()
        let match = try CommandTable.grammar.match(tokens, length: length, context: context)
        let input = CommandInput(captures: match.captures)
        guard !input.has("count"), let prefix = input.prefix("prefix"),
            let target = try input.routeTarget()
        else { return false }
        if routes.mustBeApplied(before: target) { try await flush() }
        routes.learn(RouteBatch.tail(of: tokens), target, prefix: prefix, line: lines)
        return true
    }

    /// Applies the collected routes, one change for each target.
    private mutating func flush() async throws(CommandFailure) {
        let batch = routes
        routes = RouteBatch()
        commands += batch.count
        var limit = Int.max
        var fault: CommandFailure?
        for group in batch.groups {
            let end = group.lines.firstIndex { $0 >= limit } ?? group.lines.count
            var start = 0
            while let (index, failure) = await apply(group, start..<end) {
                fault = .refused("\(path):\(group.lines[index]): \(failure)")
                guard session.isGoingOn, let now = fault else {
                    limit = group.lines[index]
                    break
                }
                try note(now)
                fault = nil
                start = index + 1
            }
        }
        if let fault { throw fault }
    }

    /// Applies a range of the routes of a group; if that is refused, all before the first that
    /// is.
    private func apply(
        _ group: RouteBatch.Group,
        _ range: Range<Int>
    ) async -> (index: Int, ChangeError)? {
        let count = range.upperBound
        var done = range.lowerBound
        var end = count
        while done < end {
            let prefixes = Array(group.prefixes[done..<end])
            do {
                _ = try await session.dataplane.apply(
                    .addRoutes(prefixes, group.target, replace: false)
                )
                if end == count { return nil }
                done = end
                end = count
                continue
            } catch {
                if end - done == 1 { return (done, error) }
                end = done + (end - done) / 2
            }
        }
        return nil
    }
}

/// `exec`: what a file's commands did.
struct ExecReport: CommandResult {
    var file: String
    /// Lines read, and commands run.
    var lines: Int
    var commands: Int
    /// What the commands said.
    var said: String
    /// Why lines failed, if the file was run to its end all the same.
    var failures: [String]

    var text: String { said }
}

extension CommandFailure {
    /// The failure with the place of its line in a file, before that of a line in a file which the
    /// line named.
    fileprivate func at(_ path: String, line: Int) -> CommandFailure {
        var failure = self
        failure.message = "\(path):\(line): \(message)"
        return failure
    }
}
