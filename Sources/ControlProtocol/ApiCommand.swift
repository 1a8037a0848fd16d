internal import LinuxSystem

/// The body of `POST /v1/cli`.
public struct CommandRequest: Codable, Hashable, Sendable {
    /// One line.
    public var command: String
    /// Whether the answer has `result` rather than `text`.
    public var json: Bool?
    /// The NUMA node that commands are about which take `node N` and do not say which.
    public var scope: Int?

    /// Makes a request of its parts.
    public init(command: String, json: Bool? = nil, scope: Int? = nil) {
        self.command = command
        self.json = json
        self.scope = scope
    }
}

/// The answer to a command.
public struct CommandReply<Result: Codable & Sendable>: Codable, Sendable {
    /// Whether the command was done.
    public var ok: Bool
    /// For people, if asked for; lines end with line feeds.
    public var text: String?
    /// For programs, if asked for.
    public var result: Result?
    /// Why nothing was done.
    public var error: CommandFault?
    /// The words in full, if this is a command that the client itself carries out.
    public var shell: [String]?

    /// Makes an answer of its parts.
    public init(
        ok: Bool,
        text: String? = nil,
        result: Result? = nil,
        error: CommandFault? = nil,
        shell: [String]? = nil
    ) {
        self.ok = ok
        self.text = text
        self.result = result
        self.error = error
        self.shell = shell
    }
}

/// Why a command did nothing.
public struct CommandFault: Codable, Hashable, Sendable {
    /// What sort of fault it is, for programs: `syntax`, `refused` or `request`.
    ///
    /// `syntax`: the line is not a command; `refused`: it cannot be done; `request`: it was not a
    /// proper request.
    public var kind: String
    /// What is wrong, for people.
    public var message: String
    /// Where in the line the fault is, in bytes from its start.
    public var position: Int?
    /// What could have stood there.
    public var expected: [String]

    /// Makes a fault of its parts.
    public init(kind: String, message: String, position: Int? = nil, expected: [String] = []) {
        self.kind = kind
        self.message = message
        self.position = position
        self.expected = expected
    }
}

/// Any JSON value.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Whole numbers above `Int64.max`.
    case unsigned(UInt64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

extension JSONValue: Codable {
    /// Reads whatever value is there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Writes the value as it is.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByArrayLiteral, ExpressibleByBooleanLiteral
{
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }

    /// An object; of members with one name the last counts.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }

    /// An array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// True or false.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONValue {
    /// A whole number.
    public static func number(of value: Int) -> JSONValue { .integer(Int64(value)) }

    /// The object with one more member; another value as it is.
    public func adding(_ name: String, _ value: JSONValue) -> JSONValue {
        guard case .object(var members) = self else { return self }
        members[name] = value
        return .object(members)
    }

    /// A member of an object; null: there is none, or this is no object.
    public subscript(_ name: String) -> JSONValue {
        if case .object(let members) = self { members[name] ?? .null } else { .null }
    }

    /// The text, if it is one.
    public var string: String? { if case .string(let text) = self { text } else { nil } }

    /// True or false, if it is one of them.
    public var boolean: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The elements of an array; of another value none.
    public var elements: [JSONValue] { if case .array(let values) = self { values } else { [] } }

    /// The number, if it is a whole one; 1.0 is.
    public var wholeNumber: Int? {
        switch self {
        case .integer(let value): Int(value)
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }
}

/// Where the control socket is, and what names it.
public enum ControlSocket {
    /// Where a supervisor listens whose startup file says nothing of it.
    public static let defaultPath = RuntimeDirectory.usual().controlSocket
    /// The environment variable that names another place for clients.
    public static let environmentVariable = "CAUSEWAY_SOCKET"
    /// The most bytes of a path that the kernel takes for a unix socket.
    public static let maximumPathBytes = 107
}
