internal import Foundation

/// What a command said and how it ended.
public struct CommandResult: Sendable, CustomStringConvertible {
    /// The program and its arguments.
    public let words: [String]
    /// The exit status, or 128 and the signal's number.
    public let status: Int32
    /// What it wrote to standard output.
    public let output: String
    /// What it wrote to standard error.
    public let errors: String

    /// The command, its status and its output.
    public var description: String {
        "\(words.joined(separator: " ")): exit status \(status)\n\(output)\(errors)"
    }
}

/// Why a command could not be run to a good end.
public enum CommandError: Error, CustomStringConvertible {
    case notStarted(words: [String], reason: String)
    case failed(CommandResult)
    case timedOut(CommandResult, seconds: Double)

    /// The command and what became of it.
    public var description: String {
        switch self {
        case .notStarted(let words, let reason): "\(words.joined(separator: " ")): \(reason)"
        case .failed(let result): result.description
        case .timedOut(let result, let seconds): "not done after \(seconds) s: \(result)"
        }
    }
}

/// A program that was started, whose output goes to files, so that it never waits for its reader.
///
/// Not by Foundation's `Process`: that leaks descriptors, and a test that kills a worker a hundred times starts
/// thousands of programs. Safe to share: what changes is the exit status, under a lock.
public final class RunningCommand: @unchecked Sendable {
    /// The program and its arguments.
    public let words: [String]
    /// The process's number.
    public let pid: Int32
    private let folder: URL
    private let lock = NSLock()
    private var status: Int32?

    /// Starts a program, which is looked up in PATH unless its name has a slash.
    ///
    /// - Throws: `CommandError.notStarted`.
    public init(_ words: [String]) throws {
        self.words = words
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("causeway-command-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        pid = try spawn(
            words,
            output: folder.appendingPathComponent("output").path,
            errors: folder.appendingPathComponent("errors").path
        )
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Whether it has not ended.
    public var isRunning: Bool { exitStatus == nil }

    /// The exit status, or 128 and the signal's number; nil while it runs.
    private var exitStatus: Int32? {
        lock.withLock {
            if let status { return status }
            var word: Int32 = 0
            guard waitpid(pid, &word, WNOHANG) == pid else { return nil }
            let signal = word & 0x7F
            status = signal == 0 ? word >> 8 & 0xFF : 128 + signal
            return status
        }
    }

    /// What it has written to standard output so far.
    public var output: String { text("output") }

    /// What it has written to standard error so far.
    public var errors: String { text("errors") }

    private func text(_ name: String) -> String {
        let contents = FileManager.default.contents(
            atPath: folder.appendingPathComponent(name).path
        )
        return String(decoding: contents ?? Data(), as: UTF8.self)
    }

    /// Sends a signal, unless it has ended.
    public func signal(_ number: Int32) {
        if isRunning { kill(pid, number) }
    }

    /// Waits for its end; kills it when that does not come in time.
    ///
    /// - Throws: `CommandError.timedOut`.
    @discardableResult
    public func end(withinSeconds seconds: Double) async throws -> CommandResult {
        let limit = ContinuousClock.now + .seconds(seconds)
        var isLate = false
        while true {
            if let status = exitStatus {
                let result = CommandResult(
                    words: words,
                    status: status,
                    output: output,
                    errors: errors
                )
                if isLate { throw CommandError.timedOut(result, seconds: seconds) }
                return result
            }
            if ContinuousClock.now > limit {
                isLate = true
                signal(SIGKILL)
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// Starts a program with its output in two files, no input, and all signals as by default.
private func spawn(_ words: [String], output: String, errors: String) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Tests run on threads that block signals, which a program would inherit.
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    defer { for argument in arguments { free(argument) } }
    arguments.append(nil)
    var pid: Int32 = 0
    let code = posix_spawnp(&pid, words[0], &actions, &attributes, arguments, environ)
    guard code == 0 else {
        throw CommandError.notStarted(words: words, reason: String(cString: strerror(code)))
    }
    return pid
}

/// Runs a command to its end.
///
/// - Returns: also for an exit status other than 0.
/// - Throws: `CommandError`, for one that cannot be started or takes too long.
public func run(_ words: [String], withinSeconds seconds: Double = 60) async throws -> CommandResult
{
    try await RunningCommand(words).end(withinSeconds: seconds)
}

/// Runs a command that must succeed.
///
/// - Returns: what it wrote to standard output.
/// - Throws: `CommandError`, for an exit status other than 0 too.
@discardableResult
public func succeed(_ words: [String], withinSeconds seconds: Double = 60) async throws -> String {
    let result = try await run(words, withinSeconds: seconds)
    guard result.status == 0 else { throw CommandError.failed(result) }
    return result.output
}
