/// What is wrong with bytes that came from another process.
public enum WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes end before the value does.
    case truncated
    /// Bytes are left over after the last value.
    case trailing(byteCount: Int)
    /// A field has a value that this version does not know.
    case invalid(field: String, value: UInt64)

    /// What is wrong with the message, for a log line.
    public var description: String {
        switch self {
        case .truncated: "message ends before its last field"
        case .trailing(let byteCount): "\(byteCount) bytes after the last field of a message"
        case .invalid(let field, let value):
            "field \(field) has the unknown value \(value); are both programs of one version?"
        }
    }
}

/// Builds a message: little-endian integers, strings and lists with their length first.
public struct WireWriter {
    /// What has been written.
    public private(set) var bytes: [UInt8] = []

    /// Starts an empty message.
    public init() {}

    /// Appends an integer in little-endian order.
    public mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends one byte, 1 or 0.
    public mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }

    /// Appends a string: two bytes of length in UTF-8, then the text; cut at 65,535 bytes.
    public mutating func put(_ text: String) {
        let utf8 = Array(text.utf8.prefix(Int(UInt16.max)))
        put(UInt16(utf8.count))
        bytes.append(contentsOf: utf8)
    }

    /// Appends raw bytes without a length.
    public mutating func put(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

    /// Appends a list: two bytes of count, then what `body` writes for each element.
    public mutating func put<Element>(
        _ list: [Element],
        _ body: (inout WireWriter, Element) -> Void
    ) {
        precondition(
            list.count <= Int(UInt16.max),
            "a list in a message has at most 65,535 elements"
        )
        put(UInt16(list.count))
        for element in list { body(&self, element) }
    }
}

/// Takes a message apart; every read is checked, nothing traps on any input.
public struct WireReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    /// Reads `bytes` from their start.
    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// Reads `bytes` from their start.
    public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    /// How many bytes are left.
    public var remaining: Int { bytes.endIndex - position }

    /// Reads a little-endian integer.
    public mutating func get<Value: FixedWidthInteger>(
        _ type: Value.Type = Value.self
    ) throws(WireError) -> Value {
        let size = Value.bitWidth / 8
        guard remaining >= size else { throw .truncated }
        var value: Value = 0
        withUnsafeMutableBytes(of: &value) { target in
            for offset in 0..<size { target[offset] = bytes[position + offset] }
        }
        position += size
        return Value(littleEndian: value)
    }

    /// Reads a byte that must be 1 or 0.
    public mutating func getBool() throws(WireError) -> Bool {
        let value = try get(UInt8.self)
        guard value <= 1 else { throw .invalid(field: "boolean", value: UInt64(value)) }
        return value == 1
    }

    /// Reads a string; bytes that are not UTF-8 are replaced.
    public mutating func getString() throws(WireError) -> String {
        let count = Int(try get(UInt16.self))
        return String(decoding: try getRaw(count), as: UTF8.self)
    }

    /// Reads `count` raw bytes.
    public mutating func getRaw(_ count: Int) throws(WireError) -> ArraySlice<UInt8> {
        guard count >= 0, remaining >= count else { throw .truncated }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// Reads a list that `WireWriter.put(_:_:)` wrote.
    public mutating func getList<Element>(
        _ body: (inout WireReader) throws(WireError) -> Element
    ) throws(WireError) -> [Element] {
        let count = Int(try get(UInt16.self))
        var list: [Element] = []
        for _ in 0..<count { list.append(try body(&self)) }
        return list
    }

    /// Checks that everything has been read.
    public func finish() throws(WireError) {
        guard remaining == 0 else { throw .trailing(byteCount: remaining) }
    }
}
