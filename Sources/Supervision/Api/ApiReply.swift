internal import ControlProtocol
internal import FoundationEssentials
internal import NIOCore

/// An answer of the API, before it is one of HTTP.
struct ApiReply: Sendable {
    /// What follows the head.
    enum Body: Sendable {
        case bytes([UInt8])
        /// Written as it comes about; a client that does not read holds up nobody but its own.
        case stream(@Sendable (ApiWriter) async throws -> Void)
    }

    var status: Int
    var type: String
    var headers: [(name: String, value: String)] = []
    var body: Body

    static let json = "application/json; charset=utf-8"
    static let problem = "application/problem+json; charset=utf-8"
    static let lines = "application/x-ndjson; charset=utf-8"

    init(_ status: Int = 200, type: String = ApiReply.json, _ bytes: [UInt8]) {
        self.status = status
        self.type = type
        body = .bytes(bytes)
    }

    /// A JSON value; keys in alphabetical order.
    init(_ status: Int = 200, encoding value: some Encodable) {
        self.init(status, Self.encode(value))
    }

    init(type: String, stream: @escaping @Sendable (ApiWriter) async throws -> Void) {
        status = 200
        self.type = type
        body = .stream(stream)
    }

    /// A change was made.
    init(change: UInt64) {
        self.init(encoding: ChangeResult(change: change))
    }

    static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Our own structures of numbers and texts: numbers that JSON lacks are kept out of them.
        return (try? encoder.encode(value)).map { Array($0) } ?? Array("{}".utf8)
    }

    /// How many bytes it has; nil: nobody knows yet.
    var byteCount: Int? { if case .bytes(let bytes) = body { bytes.count } else { nil } }
}

/// Takes the parts of an answer that comes about slowly.
final class ApiWriter: @unchecked Sendable {
    /// Used by the task that writes, one part at a time.
    private let put: (ByteBuffer) async throws -> Void

    init(_ put: @escaping (ByteBuffer) async throws -> Void) { self.put = put }

    /// Writes a part; waits while the client does not read.
    ///
    /// - Throws: if the client is gone, or was let go because it does not read.
    func write(_ bytes: [UInt8]) async throws { try await put(ByteBuffer(bytes: bytes)) }

    /// Writes JSON values, one a line.
    func write(lines values: [some Encodable]) async throws {
        guard !values.isEmpty else { return }
        try await write(values.flatMap { ApiReply.encode($0) + [UInt8(ascii: "\n")] })
    }
}

/// Why a request was not done.
struct ApiFault: Error, Sendable {
    var status: Int
    /// For programs; see `CommandFault.kind`.
    var kind: String
    var message: String
    var position: Int?
    var expected: [String] = []
    var headers: [(name: String, value: String)] = []
    /// The number of the last change, where that helps.
    var change: UInt64?

    init(_ status: Int, _ kind: String, _ message: String) {
        self.status = status
        self.kind = kind
        self.message = message
    }

    /// The request is not a proper one.
    init(_ status: Int, _ message: String) { self.init(status, "request", message) }

    /// What a command failed with.
    init(_ failure: CommandFailure) {
        let status =
            switch failure.kind {
            case .syntax: 400
            case .refused: 409
            case .forbidden: 403
            }
        self.init(status, failure.kind.rawValue, failure.message)
        position = failure.position
        expected = failure.expected
    }

    private var title: String {
        switch status {
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 504: "Gateway Timeout"
        default: "Error"
        }
    }

    /// The problem as RFC 9457 has it, with the members that commands have always had.
    func reply(requestID: String) -> ApiReply {
        var error: [String: JSONValue] = [
            "kind": .string(kind), "message": .string(message),
            "expected": .array(expected.map { .string($0) }),
        ]
        if let position { error["position"] = .number(of: position) }
        var problem: [String: JSONValue] = [
            "type": "about:blank", "title": .string(title), "status": .number(of: status),
            "detail": .string(message), "requestId": .string(requestID), "ok": false,
            "error": .object(error),
        ]
        if let change { problem["change"] = .integer(Int64(clamping: change)) }
        var reply = ApiReply(status, encoding: JSONValue.object(problem))
        reply.type = ApiReply.problem
        reply.headers = headers
        return reply
    }
}
