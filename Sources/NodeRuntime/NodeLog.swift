public import Logging

#if canImport(Glibc)
    internal import Glibc
#endif

/// A log handler for keepers and workers: one line of `key=value` pairs on standard error.
///
/// It uses no Foundation, which packet processes do not link.
public struct NodeLog: LogHandler {
    /// What every line says beside its message, such as the NUMA node.
    public var metadata: Logger.Metadata = [:]
    /// The least level that is written.
    public var logLevel: Logger.Level = .info
    private let label: String

    /// Makes a handler that writes from level `info` on.
    ///
    /// - Parameter label: the component's name.
    public init(label: String) { self.label = label }

    /// The value of one key of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line: time, level, component, the pairs in the order of their keys, the message.
    public func log(event: LogEvent) {
        let pairs = metadata.merging(event.metadata ?? [:]) { $1 }
            .sorted { $0.key < $1.key }
            .map { "\($0.key)=\(Self.quoted("\($0.value)"))" }
        let line =
            (["ts=\(Self.time())", "level=\(event.level)", "component=\(label)"] + pairs
            + ["event=\(Self.quoted("\(event.message)"))"]).joined(separator: " ") + "\n"
        // One write, so that lines of several processes do not mix.
        let bytes = Array(line.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    /// A value, in quotes if it is not one plain word.
    static func quoted(_ text: String) -> String {
        let plain =
            !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != 34 && $0 != 61 && $0 < 127 }
        guard !plain else { return text }
        let escaped = text.map { character -> String in
            switch character {
            case "\"": "\\\""
            case "\\": "\\\\"
            case "\n": "\\n"
            default: String(character)
            }
        }.joined()
        return "\"\(escaped)\""
    }

    /// Seconds since 1970 with milliseconds.
    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let milliseconds = String(now.tv_nsec / 1_000_000)
        return
            "\(now.tv_sec).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)"
    }
}
