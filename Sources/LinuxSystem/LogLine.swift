#if canImport(Glibc)
    internal import Glibc
#endif

/// The form of a line of the log, the same for all processes:
/// `time level class event key=value ...`.
public enum LogLine {
    /// Makes a line.
    ///
    /// - Parameters:
    ///   - level: how urgent the event is.
    ///   - name: the class: the part of the program that says it.
    ///   - event: what happened.
    ///   - fields: more about it; `node` comes first, then the others by name.
    /// - Returns: the line without a line feed; no value can break it or pretend to be a field.
    public static func text(
        level: String,
        class name: String,
        event: String,
        fields: [String: String]
    ) -> String {
        var text = "\(timestamp()) \(level) \(name) \(quoted(event))"
        let keys = fields.keys.sorted { ($0 == "node" ? "" : $0) < ($1 == "node" ? "" : $1) }
        for key in keys { text += " \(key)=\(quoted(fields[key] ?? ""))" }
        return text
    }

    /// The value, in double quotes if it would not be one word otherwise.
    public static func quoted(_ value: String) -> String {
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

    /// The time, in seconds since 1970.
    public static func unixSeconds() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
    }

    /// UTC with milliseconds (RFC 3339).
    public static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return time(seconds: now.tv_sec) + ".\(digits(now.tv_nsec / 1_000_000, 3))Z"
    }

    /// UTC in whole seconds (RFC 3339).
    public static func time(unixSeconds: Int) -> String { time(seconds: unixSeconds) + "Z" }

    private static func digits(_ value: Int, _ width: Int) -> String {
        let text = "\(value)"
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    private static func time(seconds: time_t) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date = [
            "\(Int(parts.tm_year) + 1900)", digits(Int(parts.tm_mon) + 1, 2),
            digits(Int(parts.tm_mday), 2),
        ].joined(separator: "-")
        let time = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)]
            .map { digits($0, 2) }.joined(separator: ":")
        return "\(date)T\(time)"
    }
}
