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
    /// The least level that is written.
    public var logLevel: Logger.Level = .info
    private let label: String

    /// Where lines also go: set once, by the thread that alone calls it.
    struct Receiver: Sendable {
        var thread: Int32
        var take: @Sendable (_ level: UInt8, _ line: String) -> Void
    }

    private static let receiver = Mutex<Receiver?>(nil)

    /// Makes a handler that writes from level `info` on.
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
        let bytes = Array((line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
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
