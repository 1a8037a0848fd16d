/// Why a command did nothing, in words for the operator.
public struct CommandFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Who found the fault.
    public enum Kind: String, Hashable, Sendable, Codable {
        /// The line is not a command.
        case syntax
        /// The command was understood, but cannot be done.
        case refused
        /// The command was understood, but whoever gave it may only read.
        case forbidden
    }

    /// Who found the fault.
    public var kind: Kind
    /// What is wrong, without what was expected.
    public var message: String
    /// Where in the line the fault is, in bytes from its start; nil: no place in particular.
    public var position: Int?
    /// What could have stood there.
    public var expected: [String]

    /// Makes a failure of its parts.
    public init(kind: Kind, message: String, position: Int? = nil, expected: [String] = []) {
        self.kind = kind
        self.message = message
        self.position = position
        self.expected = expected
    }

    static func syntax(_ message: String, position: Int, expected: [String]) -> CommandFailure {
        CommandFailure(kind: .syntax, message: message, position: position, expected: expected)
    }

    static func refused(_ message: String, position: Int? = nil) -> CommandFailure {
        CommandFailure(kind: .refused, message: message, position: position)
    }

    static func refused(_ error: ChangeError) -> CommandFailure { refused(error.description) }

    /// The message, followed by what was expected.
    public var description: String {
        expected.isEmpty ? message : "\(message); expected: \(expected.joined(separator: ", "))"
    }
}
