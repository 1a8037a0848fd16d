internal import LinuxSystem
internal import Synchronization
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Where log lines go: standard error, a file if there is one, and the last ones into memory
/// for `show log`.
public final class LogStore: Sendable {
    private struct State {
        /// Oldest first once it has been turned by `start`.
        var lines: [String] = []
        var start = 0
        var file: CInt = -1
    }

    private let state = Mutex(State())
    private let toStandardError: Bool
    private let capacity: Int

    /// Lines kept in memory unless the startup file says otherwise.
    public static let defaultCapacity = 1000

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - toStandardError: whether lines are also written there.
    ///   - capacity: lines kept in memory, at least 1.
    public init(toStandardError: Bool = true, capacity: Int = LogStore.defaultCapacity) {
        self.toStandardError = toStandardError
        self.capacity = max(1, capacity)
    }

    /// Also appends lines to a file from now on.
    ///
    /// - Throws: `SupervisionError.file`.
    public func open(path: String) throws(SupervisionError) {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw .file(path: path, Errno(rawValue: errno)) }
        state.withLock { $0.file = descriptor }
    }

    /// The kept lines, oldest first.
    public var lines: [String] {
        state.withLock { Array($0.lines[$0.start...] + $0.lines[..<$0.start]) }
    }

    /// Adds a line.
    public func append(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        state.withLock { state in
            if state.lines.count < capacity {
                state.lines.append(line)
            } else {
                state.lines[state.start] = line
                state.start = (state.start + 1) % capacity
            }
            // A short write to a full pipe or disk loses the line there; it stays in memory.
            if toStandardError { _ = write(2, bytes, bytes.count) }
            if state.file >= 0 { _ = write(state.file, bytes, bytes.count) }
        }
    }
}
