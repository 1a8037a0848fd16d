internal import CLinux
internal import LinuxSystem
public import Logging
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// A log handler for keepers and workers: a line on standard error, and one to the supervisor.
///
/// It uses no Foundation, which packet processes do not link.
public struct NodeLog: LogHandler {
    /// What every line says beside its message, such as the NUMA node.
    public var metadata: Logger.Metadata = [:]
    /// The least level that is written: the process's, unless it was set here.
    public var logLevel: Logger.Level {
        get { own ?? Self.levels.withLock { $0.least } }
        set { own = newValue }
    }
    private var own: Logger.Level?
    private let label: String

    private struct Levels: Sendable {
        var least = Logger.Level.info
        var standardError = Logger.Level.trace
    }

    private static let levels = Mutex(Levels())

    /// Where lines also go: set once, by the thread that alone calls it.
    struct Receiver: Sendable {
        var thread: Int32
        var take: @Sendable (_ level: UInt8, _ line: String) -> Void
    }

    private static let receiver = Mutex<Receiver?>(nil)

    /// Sets what this process writes from now on, and what of it goes to standard error.
    ///
    /// - Parameters:
    ///   - least: the least level that is written at all; `info` until it is set.
    ///   - standardError: the least level that goes to standard error; all until it is set.
    public static func setLevels(least: Logger.Level, standardError: Logger.Level) {
        levels.withLock { $0 = Levels(least: least, standardError: standardError) }
    }

    /// Sets the levels by their numbers, as `NodeMessage.logLevels` has them; one too high is the highest.
    static func setLevels(least: UInt8, standardError: UInt8) {
        let all = Logger.Level.allCases
        func level(_ number: UInt8) -> Logger.Level { all[min(Int(number), all.count - 1)] }
        setLevels(least: level(least), standardError: level(standardError))
    }

    /// Makes a handler that writes what the process's levels let through.
    ///
    /// - Parameter label: the component's name.
    public init(label: String) { self.label = label }

    /// The value of one key of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Has the lines of the calling thread go to the supervisor too.
    static func forward(_ take: @escaping @Sendable (_ level: UInt8, _ line: String) -> Void) {
        receiver.withLock { $0 = Receiver(thread: CLinux_thread_id(), take: take) }
    }

    /// Writes a line, in one piece, so that lines of several processes do not mix.
    public func log(event: LogEvent) {
        let line = LogLine.text(
            level: "\(event.level)",
            class: label,
            event: "\(event.message)",
            fields: metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
        )
        if event.level >= Self.levels.withLock({ $0.standardError }) {
            let bytes = Array((line + "\n").utf8)
            _ = write(STDERR_FILENO, bytes, bytes.count)
        }
        guard let receiver = Self.receiver.withLock({ $0 }), receiver.thread == CLinux_thread_id()
        else {
            return
        }
        receiver.take(Self.number(event.level), line)
    }

    /// The level as a number, the least urgent first, as `NodeMessage.logged` has it.
    private static func number(_ level: Logger.Level) -> UInt8 {
        UInt8(Logger.Level.allCases.firstIndex(of: level) ?? 0)
    }
}
