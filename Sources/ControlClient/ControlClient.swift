public import ControlProtocol
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Talks to a supervisor over its control socket: one connection a request.
public struct ControlClient: Sendable {
    /// Where the supervisor listens.
    public let socketPath: String

    /// How long a connection may take.
    static let connectSeconds: Int64 = 5
    /// The most bytes of an answer.
    static let maximumAnswerBytes = 1 << 30

    /// Makes a client; nothing is connected yet.
    public init(socketPath: String) { self.socketPath = socketPath }

    /// Runs a command.
    ///
    /// - Parameters:
    ///   - line: the command.
    ///   - isJSON: whether the answer has `result` rather than `text`.
    ///   - scope: the NUMA node that a command is about which takes one and does not say which.
    /// - Returns: the answer, also that of a command which failed.
    /// - Throws: `ControlClientError` if there is no proper answer, or the task is cancelled.
    public func run(
        _ line: String,
        isJSON: Bool = false,
        scope: Int? = nil
    ) async throws(ControlClientError) -> CommandReply<JSONValue> {
        try await run(line, isJSON: isJSON, scope: scope, as: JSONValue.self)
    }

    /// Runs a command and reads its result.
    ///
    /// - Parameters:
    ///   - line: the command, such as `show nodes`.
    ///   - type: the form of its JSON; fields that it leaves out are passed over.
    /// - Returns: the result.
    /// - Throws: `ControlClientError`, also for a command that failed.
    public func result<Result: Codable & Sendable>(
        of line: String,
        as type: Result.Type
    ) async throws(ControlClientError) -> Result {
        let reply = try await run(line, isJSON: true, scope: nil, as: type)
        guard let result = reply.result else {
            throw .answer(socket: socketPath, reason: reply.error?.message ?? "no result in it")
        }
        return result
    }

    /// Asks what may stand at the end of a line.
    ///
    /// - Parameter line: the line up to the cursor.
    /// - Returns: what the running instance takes there.
    /// - Throws: `ControlClientError`, also if the answer takes longer than a person waits.
    public func complete(_ line: String) async throws(ControlClientError) -> CompletionReply {
        let body = try encode(CompletionRequest(line: line))
        let answer = try await request(
            .POST,
            "/v1/complete",
            body,
            milliseconds: Self.promptMilliseconds
        )
        return try decode(answer)
    }

    /// Reads what an interactive client is to know.
    ///
    /// - Returns: settings, and which supervisor this is.
    /// - Throws: `ControlClientError`, also if the answer takes longer than a person waits.
    public func session() async throws(ControlClientError) -> SessionSettings {
        try decode(
            try await request(.GET, "/v1/session", [], milliseconds: Self.promptMilliseconds)
        )
    }

    /// How long what a person waits for at every key may take.
    static let promptMilliseconds: Int64 = 2000

    private func encode(_ value: some Encodable) throws(ControlClientError) -> [UInt8] {
        do { return Array(try JSONEncoder().encode(value)) } catch {
            throw .answer(socket: socketPath, reason: "\(error)")
        }
    }

    private func decode<Value: Decodable>(_ answer: [UInt8]) throws(ControlClientError) -> Value {
        do { return try JSONDecoder().decode(Value.self, from: Data(answer)) } catch {
            throw .answer(socket: socketPath, reason: "not in the form of this version")
        }
    }

    /// Reads what each lane counted.
    ///
    /// - Returns: one reading; two of them make `LaneRates`.
    /// - Throws: `ControlClientError` if there is no proper answer.
    public func lanes() async throws(ControlClientError) -> LaneTotals {
        try await result(of: "show lanes", as: LaneTotals.self)
    }

    private func run<Result: Codable & Sendable>(
        _ line: String,
        isJSON: Bool,
        scope: Int?,
        as type: Result.Type
    ) async throws(ControlClientError) -> CommandReply<Result> {
        let body = try encode(CommandRequest(command: line, json: isJSON, scope: scope))
        return try decode(try await request(.POST, "/v1/cli", body))
    }

    /// Sends one request and collects the body of its answer.
    private func request(
        _ method: HTTPMethod,
        _ path: String,
        _ body: [UInt8],
        milliseconds: Int64? = nil
    ) async throws(ControlClientError) -> [UInt8] {
        guard socketPath.utf8.count <= ControlSocket.maximumPathBytes else {
            throw .unreachable(socket: socketPath, reason: "the path is too long for a socket")
        }
        let group = MultiThreadedEventLoopGroup.singleton
        let answer = group.next().makePromise(of: [UInt8].self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .connectTimeout(.seconds(Self.connectSeconds))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(
                            AnswerCollector(answer, limit: Self.maximumAnswerBytes)
                        )
                    }
                }
                .connect(unixDomainSocketPath: socketPath).get()
        } catch {
            answer.fail(error)
            throw .unreachable(socket: socketPath, reason: Self.words(for: error))
        }
        send(method, path, body, on: channel)
        let limit = milliseconds.map {
            channel.eventLoop.scheduleTask(in: .milliseconds($0)) {
                answer.fail(AnswerFault(reason: "it takes too long"))
                channel.close(promise: nil)
            }
        }
        defer { limit?.cancel() }
        do {
            return try await withTaskCancellationHandler {
                try await answer.futureResult.get()
            } onCancel: {
                channel.eventLoop.execute {
                    answer.fail(AnswerFault(reason: "it was given up"))
                    channel.close(promise: nil)
                }
            }
        } catch {
            throw .answer(socket: socketPath, reason: Self.words(for: error))
        }
    }

    private func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: [UInt8],
        on channel: any Channel
    ) {
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: path)
        head.headers.add(name: "host", value: "localhost")
        head.headers.add(name: "content-type", value: "application/json")
        head.headers.add(name: "content-length", value: String(body.count))
        head.headers.add(name: "connection", value: "close")
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(
            HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))),
            promise: nil
        )
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    private static func words(for error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        switch error.errnoCode {
        case ENOENT: return "there is no such socket"
        case ECONNREFUSED: return "nobody listens there"
        case EACCES, EPERM: return "access is denied"
        default: return String(cString: strerror(error.errnoCode))
        }
    }
}

/// Why there is no answer to a command.
public enum ControlClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no connection.
    case unreachable(socket: String, reason: String)
    /// The connection ended before the answer, or it is not one.
    case answer(socket: String, reason: String)

    /// What happened, in a few words.
    public var reason: String {
        switch self {
        case .unreachable(_, let reason), .answer(_, let reason): reason
        }
    }

    /// What happened, with the socket and what to do.
    public var description: String {
        switch self {
        case .unreachable(let socket, let reason):
            """
            cannot reach the supervisor at \(socket): \(reason); is causeway running? \
            -s SOCKET or \(ControlSocket.environmentVariable) names another socket
            """
        case .answer(let socket, let reason):
            "no proper answer from the supervisor at \(socket): \(reason)"
        }
    }
}
