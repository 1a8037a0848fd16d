internal import LinuxSystem
internal import Synchronization

/// The last commands that were run, for the report after a crash: what was asked of the dataplane
/// before it happened.
///
/// A file of commands counts as one, by its `exec`.
public final class CommandHistory: Sendable {
    private let state = Mutex(State())

    private struct State {
        /// Oldest first once it has been turned by `start`.
        var lines: [String] = []
        var start = 0
    }

    /// Commands that are kept unless the startup file says otherwise.
    public static let defaultCapacity = 1024
    /// Commands that are kept; 0: none are recorded.
    public let capacity: Int
    /// Bytes of a command that are kept.
    static let lineBytes = 512

    /// Makes an empty history.
    ///
    /// - Parameter capacity: commands that are kept; 0: none are recorded.
    public init(capacity: Int = CommandHistory.defaultCapacity) { self.capacity = max(0, capacity) }

    /// The kept commands, oldest first: time, whether it was done, the command.
    public var lines: [String] {
        state.withLock { Array($0.lines[$0.start...] + $0.lines[..<$0.start]) }
    }

    /// Adds a command and what became of it.
    ///
    /// - Parameters:
    ///   - command: as it was given.
    ///   - failure: why it was refused; nil: it was done.
    func add(_ command: String, failure: CommandFailure?) {
        guard capacity > 0 else { return }
        let text =
            command.utf8.count > Self.lineBytes
            ? String(decoding: command.utf8.prefix(Self.lineBytes), as: UTF8.self) + "..." : command
        let outcome = failure.map { "refused (\($0.message))" } ?? "done"
        let line =
            "\(LogLine.timestamp()) \(LogLine.quoted(text)) \(outcome)"
        state.withLock { state in
            if state.lines.count < capacity {
                state.lines.append(line)
            } else {
                state.lines[state.start] = line
                state.start = (state.start + 1) % capacity
            }
        }
    }
}
