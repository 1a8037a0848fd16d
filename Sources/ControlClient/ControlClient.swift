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
    /// - Returns: the answer, also that of a command which failed.
    /// - Throws: `ControlClientError` if there is no proper answer.
    public func run(
        _ line: String,
        isJSON: Bool = false
    ) async throws(ControlClientError) -> CommandReply<JSONValue> {
        try await run(line, isJSON: isJSON, as: JSONValue.self)
    }

    /// Reads what each lane counted.
    ///
    /// - Returns: one reading; two of them make `LaneRates`.
    /// - Throws: `ControlClientError` if there is no proper answer.
    public func lanes() async throws(ControlClientError) -> LaneTotals {
        let reply = try await run("show lanes", isJSON: true, as: LaneTotals.self)
        guard let totals = reply.result else {
            throw .answer(socket: socketPath, reason: reply.error?.message ?? "no lanes in it")
        }
        return totals
    }

    private func run<Result: Codable & Sendable>(
        _ line: String,
        isJSON: Bool,
        as type: Result.Type
    ) async throws(ControlClientError) -> CommandReply<Result> {
        let body: Data
        do {
            body = try JSONEncoder().encode(CommandRequest(command: line, json: isJSON))
        } catch {
            throw .answer(socket: socketPath, reason: "\(error)")
        }
        let answer = try await post("/v1/cli", Array(body))
        do {
            return try JSONDecoder().decode(CommandReply<Result>.self, from: Data(answer))
        } catch {
            throw .answer(socket: socketPath, reason: "not in the form of this version")
        }
    }

    /// Sends one request and collects the body of its answer.
    private func post(
        _ path: String,
        _ body: [UInt8]
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
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: path)
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
        do {
            return try await answer.futureResult.get()
        } catch {
            throw .answer(socket: socketPath, reason: Self.words(for: error))
        }
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
