internal import ControlProtocol

/// The form of a value that the API takes or gives: requests are checked by it, and the document shows it.
indirect enum ApiSchema: Sendable {
    /// A text of so many characters.
    case text(ClosedRange<Int>)
    case choice([String])
    case format(ApiFormat)
    case integer(ClosedRange<Int>)
    case number
    case boolean
    case list(ApiSchema, ClosedRange<Int>)
    /// Of these fields and, where it is open, of others.
    case object([ApiField], isOpen: Bool)
    /// Some JSON object.
    case record
    /// Whatever one of these takes.
    case either([ApiSchema])
    /// One of the document's named forms.
    case named(String)
}

/// A field of an object.
struct ApiField: Sendable {
    var name: String
    var schema: ApiSchema
    var isRequired: Bool
    var summary: String

    init(_ name: String, _ schema: ApiSchema, required: Bool = false, _ summary: String) {
        self.name = name
        self.schema = schema
        isRequired = required
        self.summary = summary
    }
}

/// A form of text that has a parser.
enum ApiFormat: String, Sendable {
    case address, prefix, mac, path, key, seconds

    private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    private static let four = "\(octet)\\.\(octet)\\.\(octet)\\.\(octet)"

    /// A regular expression of exactly the texts that fit.
    var pattern: String {
        switch self {
        case .address: "^\(Self.four)$"
        case .prefix: "^\(Self.four)/(3[0-2]|[12]?[0-9])$"
        case .mac: "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"
        case .path: "^/[!-~]{0,1023}$"
        case .seconds: "^([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)$"
        case .key: "^[!-~]{1,128}$"
        }
    }

    var example: String {
        switch self {
        case .address: "10.0.0.1"
        case .prefix: "10.0.0.0/24"
        case .mac: "02:fe:00:00:00:01"
        case .path: "/tmp/file"
        case .seconds: "30"
        case .key: "8e03978e-40d5"
        }
    }

    func fits(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        switch self {
        case .address: return IPv4Address(text) != nil
        case .prefix:
            // A length has no leading zero, though the parser takes one.
            let length = text.split(separator: "/").last.flatMap { Int($0) }
            return IPv4Prefix(text) != nil && length.map { text.hasSuffix("/\($0)") } == true
        case .mac:
            return bytes.count == 17 && MACAddress(text) != nil
                && stride(from: 2, to: 17, by: 3).allSatisfy { bytes[$0] == UInt8(ascii: ":") }
        case .path:
            return bytes.first == UInt8(ascii: "/") && bytes.count <= 1024 && Self.isPlain(bytes)
        case .key: return (1...128).contains(bytes.count) && Self.isPlain(bytes)
        case .seconds: return Int(text).map { (1...3600).contains($0) && "\($0)" == text } ?? false
        }
    }

    private static func isPlain(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

/// The tag of a configuration: the number of the last change that an operator made.
enum ApiTag {
    /// A list of tags, of whoever.
    static let schema = ApiSchema.text(0...1000)

    static func text(_ number: UInt64) -> String { "\"c\(number)\"" }

    /// The numbers of a list of tags (RFC 9110, 8.8.3); what is no tag of ours has none, and fits nothing.
    ///
    /// - Parameters:
    ///   - text: as it stands in If-Match or If-None-Match.
    ///   - isWeak: whether weak tags, which say that content is alike, count too.
    /// - Returns: in the order in which they stand.
    static func numbers(_ text: String, isWeak: Bool) -> [UInt64] {
        text.split(separator: ",").compactMap { part in
            var tag = part.drop { $0 == " " || $0 == "\t" }
            while tag.last == " " || tag.last == "\t" { tag.removeLast() }
            if isWeak, tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
            guard tag.hasPrefix("\"c"), let number = UInt64(tag.dropFirst(2).dropLast()),
                Self.text(number) == tag
            else { return nil }
            return number
        }
    }
}

extension ApiSchema {
    /// What is wrong with a value; nil: it fits.
    func fault(in value: JSONValue, at place: String) -> String? {
        switch (self, value) {
        case (.text(let range), .string(let text)):
            return range.contains(text.unicodeScalars.count)
                ? nil
                : "\(place) has \(range.lowerBound) to \(range.upperBound) characters"
        case (.choice(let words), .string(let text)):
            return words.contains(text)
                ? nil : "\(place) is one of \(words.joined(separator: ", "))"
        case (.format(let format), .string(let text)):
            return format.fits(text)
                ? nil : "\(place) is no \(format.rawValue) such as \(format.example)"
        case (.integer(let range), _):
            guard let number = value.wholeNumber, range.contains(number) else {
                return "\(place) is a number in \(range.lowerBound)...\(range.upperBound)"
            }
            return nil
        case (.boolean, .bool): return nil
        case (.list(let schema, let range), .array(let values)):
            guard range.contains(values.count) else {
                return "\(place) has \(range.lowerBound) to \(range.upperBound) elements"
            }
            for (index, value) in values.enumerated() {
                if let fault = schema.fault(in: value, at: "\(place)[\(index)]") { return fault }
            }
            return nil
        case (.object(let fields, let isOpen), .object(let members)):
            return Self.fault(in: members, fields, isOpen, place)
        case (.record, .object): return nil
        case (.either(let schemas), _):
            let faults = schemas.compactMap { $0.fault(in: value, at: place) }
            return faults.count < schemas.count ? nil : faults.last
        default: return "\(place) is \(kind)"
        }
    }

    private static func fault(
        in members: [String: JSONValue],
        _ fields: [ApiField],
        _ isOpen: Bool,
        _ place: String
    ) -> String? {
        let known = Set(fields.map(\.name))
        if !isOpen, let name = members.keys.sorted().first(where: { !known.contains($0) }) {
            let names = fields.map(\.name).joined(separator: ", ")
            return "\(place) has no \"\(name.prefix(64))\"; there are: \(names)"
        }
        for field in fields {
            guard let value = members[field.name] else {
                if field.isRequired { return "\(place) lacks \(field.name)" }
                continue
            }
            if let fault = field.schema.fault(in: value, at: field.name) { return fault }
        }
        return nil
    }

    /// What is wrong with a parameter of a path, a query or a header; nil: it fits.
    func fault(inText text: String, at place: String) -> String? {
        switch self {
        case .integer:
            let value = Int(text).flatMap { "\($0)" == text ? JSONValue.integer(Int64($0)) : nil }
            return fault(in: value ?? .null, at: place)
        case .boolean:
            return ["true", "false"].contains(text) ? nil : "\(place) is true or false"
        default: return fault(in: .string(text), at: place)
        }
    }

    private var kind: String {
        switch self {
        case .text, .choice, .format: "a text"
        case .integer, .number: "a number"
        case .boolean: "true or false"
        case .list: "a list"
        case .either: "something else"
        case .object, .record, .named: "an object"
        }
    }

    /// As the document has it.
    var json: JSONValue {
        switch self {
        case .text(let range):
            [
                "type": "string", "minLength": .number(of: range.lowerBound),
                "maxLength": .number(of: range.upperBound),
            ]
        case .choice(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
        case .format(let format):
            [
                "type": "string", "pattern": .string(format.pattern),
                "examples": [.string(format.example)],
            ]
        case .integer(let range):
            [
                "type": "integer", "minimum": .number(of: range.lowerBound),
                "maximum": .number(of: range.upperBound),
            ]
        case .number: ["type": "number"]
        case .boolean: ["type": "boolean"]
        case .list(let schema, let range):
            [
                "type": "array", "items": schema.json, "minItems": .number(of: range.lowerBound),
                "maxItems": .number(of: range.upperBound),
            ]
        case .object(let fields, let isOpen): Self.json(fields, isOpen)
        case .record: ["type": "object"]
        case .either(let schemas): ["anyOf": .array(schemas.map(\.json))]
        case .named(let name): ["$ref": .string("#/components/schemas/\(name)")]
        }
    }

    private static func json(_ fields: [ApiField], _ isOpen: Bool) -> JSONValue {
        var properties: [String: JSONValue] = [:]
        for field in fields {
            properties[field.name] = field.schema.json.adding(
                "description",
                .string(field.summary)
            )
        }
        var json: [String: JSONValue] = ["type": "object", "properties": .object(properties)]
        let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { json["required"] = .array(required) }
        if !isOpen { json["additionalProperties"] = false }
        return .object(json)
    }
}
