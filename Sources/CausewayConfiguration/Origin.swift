/// Where a value of a placement comes from.
public enum Origin: Hashable, Sendable {
    /// The machine has it so.
    case discovered
    /// Causeway's own default.
    case `default`
    /// The topology file.
    case file(SourceLocation)
    /// An option such as `--set node0.heap=256M`.
    case commandLine(String)

    /// The origin of a value written at `location`.
    public init(_ location: SourceLocation) {
        self = location.line > 0 ? .file(location) : .commandLine(location.file)
    }
}

extension Origin: CustomStringConvertible {
    /// `discovered`, `default`, `FILE:LINE:COLUMN`, or the option.
    public var description: String {
        switch self {
        case .discovered: "discovered"
        case .default: "default"
        case .file(let location): location.description
        case .commandLine(let option): option
        }
    }
}

extension Origin: Encodable {
    /// Writes `description`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// The origin of every value of a placement.
///
/// Paths are those of `--set`: `housekeeping`, `node0.heap`, `port.cw-a.mtu`.
public struct Origins: Hashable, Sendable, Encodable {
    private var origins: [String: Origin] = [:]

    /// No origins.
    public init() {}

    /// The origin of the value at `path`; nil when the placement has no such value.
    public subscript(path: String) -> Origin? {
        get { origins[path] }
        set { origins[path] = newValue }
    }

    /// All paths, sorted.
    public var paths: [String] { origins.keys.sorted() }

    /// Writes an object of paths and origins.
    public func encode(to encoder: any Encoder) throws {
        try origins.encode(to: encoder)
    }
}
