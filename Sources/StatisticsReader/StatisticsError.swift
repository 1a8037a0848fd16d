public import SystemPackage

/// Why statistics cannot be read, in words that say what to do.
public enum StatisticsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No worker has left anything in the runtime directory.
    case nothing(directory: String)
    /// A segment cannot be mapped.
    case file(path: String, Errno)
    /// A segment has another layout than this program knows.
    case layout(path: String)
    /// A pattern is no regular expression.
    case pattern(String, reason: String)

    /// What to change.
    public var description: String {
        switch self {
        case .nothing(let directory):
            "no statistics under \(directory): is causeway running? --runtime-dir names another "
                + "runtime directory"
        case .file(let path, let errno):
            "\(path): \(errno)"
                + (errno == .permissionDenied || errno == .notPermitted
                    ? "; statistics belong to the user that runs causeway" : "")
        case .layout(let path):
            "\(path): written by another version of causeway; use the causewayctl of that one"
        case .pattern(let pattern, let reason):
            "\"\(pattern)\" is no regular expression: \(reason)"
        }
    }
}
