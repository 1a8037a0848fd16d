internal import Dispatch
internal import LinuxSystem
public import Logging
internal import Synchronization
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Where log lines go: standard error, a file if there is one, and the last ones into memory
/// for `show logging`.
public final class LogStore: Sendable {
    private struct State {
        /// Oldest first once it has been turned by `start`.
        var lines: [String] = []
        var start = 0
        var file: CInt = -1
        var capacity: Int
        var policy: LogPolicy
        /// Hears of each line: line, class, level.
        var listener: (@Sendable (String, String, Logger.Level) -> Void)?

        /// The kept lines, oldest first.
        var ordered: [String] { Array(lines[start...] + lines[..<start]) }

        mutating func keep(_ line: String) {
            if lines.count < capacity {
                lines.append(line)
            } else {
                lines[start] = line
                start = (start + 1) % capacity
            }
        }
    }

    private let state: Mutex<State>
    private let toStandardError: Bool

    /// Lines kept in memory unless the startup file says otherwise; VPP's number.
    public static let defaultCapacity = 512
    /// The most lines that may be kept.
    public static let maximumCapacity = 1_000_000

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - toStandardError: whether lines are also written there.
    ///   - capacity: lines kept in memory, at least 1.
    ///   - policy: which messages are logged.
    public init(
        toStandardError: Bool = true,
        capacity: Int = LogStore.defaultCapacity,
        policy: LogPolicy = LogPolicy()
    ) {
        self.toStandardError = toStandardError
        state = Mutex(State(capacity: max(1, capacity), policy: policy))
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
    public var lines: [String] { state.withLock { $0.ordered } }

    /// How many lines are kept at most.
    public var capacity: Int { state.withLock { $0.capacity } }

    /// Which messages are logged.
    public var policy: LogPolicy { state.withLock { $0.policy } }

    /// Changes which messages are logged.
    public func setPolicy(_ change: @Sendable (inout LogPolicy) -> Void) {
        state.withLock { change(&$0.policy) }
    }

    /// Has each kept line told to somebody, who must not log.
    func setListener(_ listener: @escaping @Sendable (String, String, Logger.Level) -> Void) {
        state.withLock { $0.listener = listener }
    }

    /// Keeps more or fewer lines from now on; of those there are the newest stay.
    public func resize(to capacity: Int) {
        state.withLock { state in
            state.capacity = min(max(1, capacity), Self.maximumCapacity)
            state.lines = state.ordered.suffix(state.capacity)
            state.start = 0
        }
    }

    /// Forgets the kept lines.
    public func clear() {
        state.withLock { state in
            state.lines = []
            state.start = 0
        }
    }

    /// Adds a message's line, unless its class has logged too much lately.
    ///
    /// - Parameters:
    ///   - line: without a line feed.
    ///   - name: the message's class.
    ///   - level: how urgent it is.
    ///   - isWritten: whether standard error has it already, by the process that it is from.
    public func append(
        _ line: String,
        class name: String,
        level: Logger.Level,
        isWritten: Bool = false
    ) {
        state.withLock { state in
            var line = line
            switch state.policy.judge(name, at: Self.milliseconds()) {
            case .logged: break
            case .dropped: return
            case .throttles:
                let seconds = state.policy.unthrottleSeconds
                line =
                    "\(LogLine.timestamp()) warning \(name) log-throttled "
                    + "limit=\(state.policy.rateLimit(of: name))/s for=\(seconds)s"
            }
            state.keep(line)
            state.listener?(line, name, level)
            let bytes = Array((line + "\n").utf8)
            // A short write to a full pipe or disk loses the line there; it stays in memory.
            if toStandardError, !isWritten, level >= state.policy.syslogLevel(of: name) {
                _ = write(2, bytes, bytes.count)
            }
            if state.file >= 0 { _ = write(state.file, bytes, bytes.count) }
        }
    }

    private static func milliseconds() -> UInt64 {
        DispatchTime.now().uptimeNanoseconds / 1_000_000
    }
}
