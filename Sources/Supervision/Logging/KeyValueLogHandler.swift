public import Logging

#if canImport(Glibc)
    internal import Glibc
#endif

/// Writes `time level component event key=value ...`, one event a line.
public struct KeyValueLogHandler: LogHandler {
    /// The least level that is written: the class's in the store's policy, unless it was set here.
    public var logLevel: Logger.Level {
        get { own ?? store.policy.level(of: component) }
        set { own = newValue }
    }
    private var own: Logger.Level?
    /// What every line says beside its event.
    public var metadata: Logger.Metadata = [:]
    private let component: String
    private let store: LogStore

    /// Makes a handler.
    ///
    /// - Parameters:
    ///   - component: the part of the program, such as `supervisor`: the class of its messages.
    ///   - store: where lines go.
    public init(component: String, store: LogStore) {
        self.component = component
        self.store = store
    }

    /// The value of one key of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes an event as one line into the store.
    public func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }
        // The NUMA node first, then the others by name: lines of one kind look alike.
        let keys = fields.keys.sorted { ($0 == "node" ? "" : $0) < ($1 == "node" ? "" : $1) }
        var text =
            "\(Self.timestamp()) \(event.level) \(component) \(Self.quoted("\(event.message)"))"
        for key in keys {
            text += " \(key)=\(Self.quoted(fields[key].map { "\($0)" } ?? ""))"
        }
        store.append(text, class: component, level: event.level)
    }

    /// The value, in double quotes if it would not be one word otherwise.
    static func quoted(_ value: String) -> String {
        let isWord =
            !value.isEmpty
            && value.utf8.allSatisfy { $0 > 32 && $0 != UInt8(ascii: "\"") && $0 != 127 }
        guard !isWord else { return value }
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case _ where scalar.value < 32 || scalar.value == 127: text += "?"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// UTC with milliseconds (RFC 3339).
    static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func digits(_ value: Int, _ width: Int) -> String {
            let text = "\(value)"
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let date =
            "\(Int(parts.tm_year) + 1900)-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))"
        let time =
            "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
        return "\(date)T\(time).\(digits(now.tv_nsec / 1_000_000, 3))Z"
    }
}
