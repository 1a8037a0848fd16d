/// Where a description of a machine comes from.
public enum MachineSource: Hashable, Sendable {
    /// The machine that this process runs on.
    case live
    /// An XML file that hwloc exported, by its path.
    case xml(String)
    /// A synthetic machine in hwloc's notation, such as `numa:2 core:4 pu:2`.
    case synthetic(String)

    /// Reads `live`, `xml:FILE` or `synth:STRING`; nil for anything else.
    public init?(_ text: String) {
        if text == "live" {
            self = .live
        } else if text.hasPrefix("xml:"), text.utf8.count > 4 {
            self = .xml(String(text.dropFirst(4)))
        } else if text.hasPrefix("synth:"), text.utf8.count > 6 {
            self = .synthetic(String(text.dropFirst(6)))
        } else {
            return nil
        }
    }
}

extension MachineSource: CustomStringConvertible {
    /// The notation that `init(_:)` reads.
    public var description: String {
        switch self {
        case .live: "live"
        case .xml(let path): "xml:\(path)"
        case .synthetic(let text): "synth:\(text)"
        }
    }
}

extension MachineSource: Codable {
    /// Reads the notation of `init(_:)` from a string.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let source = MachineSource(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "\(text) is none of live, xml:FILE, synth:STRING"
            )
        }
        self = source
    }

    /// Writes `description`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
