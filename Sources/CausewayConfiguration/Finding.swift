/// Something that a check of a topology file and a machine has found.
public struct Finding: Hashable, Sendable, Encodable {
    /// How much a finding weighs.
    public enum Severity: String, Hashable, Sendable, Codable, Comparable, CaseIterable {
        /// Nothing is wrong; the operator may want to know.
        case note
        /// It works, but likely not as intended.
        case warning
        /// Causeway does not start with this.
        case error

        /// Notes weigh less than warnings, warnings less than errors.
        public static func < (left: Severity, right: Severity) -> Bool {
            left.weight < right.weight
        }

        private var weight: Int {
            switch self {
            case .note: 0
            case .warning: 1
            case .error: 2
            }
        }
    }

    /// The kind, which never changes its name.
    public var id: FindingID
    /// How much it weighs.
    public var severity: Severity
    /// Where the cause is written; nil when it is the machine.
    public var location: SourceLocation?
    /// What is wrong, in one clause.
    public var message: String
    /// What to change; empty when nothing needs to be.
    public var remedy: String
    /// The word that was probably meant.
    public var suggestion: String?

    /// Creates one from its parts.
    public init(
        _ id: FindingID,
        _ severity: Severity = .error,
        at location: SourceLocation? = nil,
        _ message: String,
        remedy: String = "",
        suggestion: String? = nil
    ) {
        self.id = id
        self.severity = severity
        self.location = location
        self.message = message
        self.remedy = remedy
        self.suggestion = suggestion
    }
}

extension Finding: CustomStringConvertible {
    /// `file:line:column: error[topology.unknown-key]: message; remedy`.
    public var description: String {
        let place = location.map { "\($0): " } ?? ""
        let remedy = remedy.isEmpty ? "" : "; \(remedy)"
        return "\(place)\(severity.rawValue)[\(id.rawValue)]: \(message)\(remedy)"
    }
}

extension Sequence where Element == Finding {
    /// Whether one of the findings keeps Causeway from starting.
    public var hasErrors: Bool { contains { $0.severity == .error } }

    /// Those of files by line, those of the command line, then those of the machine.
    var inReadingOrder: [Finding] {
        let numbered = enumerated().sorted { left, right in
            let (a, b) = (rank(of: left), rank(of: right))
            return a.lexicographicallyPrecedes(b)
        }
        return numbered.map(\.element)
    }

    private func rank(of entry: (offset: Int, element: Finding)) -> [Int] {
        guard let place = entry.element.location else { return [2, 0, 0, entry.offset] }
        return [place.line > 0 ? 0 : 1, place.line, place.column, entry.offset]
    }
}
