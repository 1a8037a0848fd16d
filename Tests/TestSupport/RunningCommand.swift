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
/// Safe to share: everything is set when it starts, `Process` guards itself, and the outputs are
/// files.
public final class RunningCommand: @unchecked Sendable {
    /// The program and its arguments.
    public let words: [String]
    private let process = Process()
    private let folder: URL

    /// Starts a program, which is looked up in PATH unless its name has a slash.
    ///
    /// - Parameters:
    ///   - words: the program and its arguments.
    ///   - environment: variables beside this process's own.
    /// - Throws: `CommandError.notStarted`.
    public init(_ words: [String], environment: [String: String] = [:]) throws {
        self.words = words
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("causeway-command-\(UUID().uuidString)")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            // Tests run on threads that block signals, which a program would inherit.
            process.arguments = ["--default-signal"] + words
            process.environment = ProcessInfo.processInfo.environment
                .merging(environment) { $1 }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = try Self.openFile(folder.appendingPathComponent("output"))
            process.standardError = try Self.openFile(folder.appendingPathComponent("errors"))
            try process.run()
        } catch {
            throw CommandError.notStarted(words: words, reason: "\(error)")
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static func openFile(_ url: URL) throws -> FileHandle {
        _ = FileManager.default.createFile(atPath: url.path, contents: nil)
        return try FileHandle(forWritingTo: url)
    }

    /// The process's number.
    public var pid: Int32 { process.processIdentifier }

    /// Whether it has not ended.
    public var isRunning: Bool { process.isRunning }

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
        if process.isRunning { kill(pid, number) }
    }

    /// Waits for its end; kills it when that does not come in time.
    ///
    /// - Throws: `CommandError.timedOut`.
    @discardableResult
    public func end(withinSeconds seconds: Double) async throws -> CommandResult {
        let limit = ContinuousClock.now + .seconds(seconds)
        while process.isRunning {
            if ContinuousClock.now > limit {
                signal(SIGKILL)
                process.waitUntilExit()
                throw CommandError.timedOut(result, seconds: seconds)
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return result
    }

    private var result: CommandResult {
        let status = process.terminationStatus
        return CommandResult(
            words: words,
            status: process.terminationReason == .uncaughtSignal ? 128 + status : status,
            output: output,
            errors: errors
        )
    }
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
