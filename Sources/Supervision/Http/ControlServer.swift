internal import ControlProtocol
internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
internal import NIOPosix

/// Serves commands over HTTP on a unix socket.
///
/// `POST /v1/cli` runs any command, `GET /v1/show/...` gives what `show ...` knows as JSON, `GET
/// /v1/health` says how the dataplane is, `GET /metrics` what it counts; `POST /v1/complete` and `GET
/// /v1/session` are for those who type. Each request runs by itself, so a long `exec` keeps nobody
/// waiting.
public struct ControlServer: Sendable {
    private let dataplane: any Dataplane
    private let socketPath: String
    private let logger: Logger
    private let stallMilliseconds: Int64

    /// The most connections at a time; further ones wait to be accepted.
    static let maximumConnections = 64
    /// How long a connection may be silent, or take to send a request or to take a part of an
    /// answer.
    static let idleSeconds: Int64 = 60

    /// Makes a server; `run` starts it.
    ///
    /// - Parameters:
    ///   - dataplane: what the commands act on.
    ///   - socketPath: where to listen; readable and writable by owner and group. A socket that
    ///     nobody listens on is replaced.
    ///   - logger: for one line a start and a fault.
    public init(dataplane: any Dataplane, socketPath: String, logger: Logger) {
        self.init(
            dataplane: dataplane,
            socketPath: socketPath,
            logger: logger,
            stallMilliseconds: Self.idleSeconds * 1000
        )
    }

    /// Makes a server with another limit for clients that do not read their answers.
    init(dataplane: any Dataplane, socketPath: String, logger: Logger, stallMilliseconds: Int64) {
        self.dataplane = dataplane
        self.socketPath = socketPath
        self.logger = logger
        self.stallMilliseconds = stallMilliseconds
    }

    /// Listens and answers until the task is cancelled.
    ///
    /// - Parameter onListening: called once clients can connect.
    /// - Throws: `ControlServerError` if the socket cannot be had.
    public func run(onListening: @escaping @Sendable () async -> Void = {}) async throws {
        let socket = try await ControlSocketFile(path: socketPath)
        let outcome = ListeningOutcome()
        // What the server below logs as an error is a connection that ended, or this task's own
        // end.
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            router: routes(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        StalledWriteCloser(limit: .milliseconds(stallMilliseconds))
                    ],
                    idleTimeout: .seconds(Self.idleSeconds)
                )
            ),
            configuration: ApplicationConfiguration(
                address: .unixDomainSocket(path: socket.temporaryPath),
                serverName: nil,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    Self.maximumConnections,
                    logger: quiet
                )
            ),
            onServerRunning: { channel in
                do throws(ControlServerError) {
                    try socket.publish()
                    logger.info("control socket open", metadata: ["socket": "\(socketPath)"])
                    await onListening()
                } catch {
                    outcome.fail(error)
                    channel.close(promise: nil)
                }
            },
            logger: quiet
        )
        defer { socket.remove() }
        do {
            try await application.run()
        } catch {
            if let failure = outcome.failure { throw failure }
            if Task.isCancelled { return }
            throw ControlServerError.cannotListen(path: socketPath, reason: "\(error)")
        }
        if let failure = outcome.failure { throw failure }
    }

    private func routes() -> Router<BasicRequestContext> {
        let front = ControlRoutes(runner: CommandRunner(dataplane: dataplane))
        let router = Router(context: BasicRequestContext.self)
        WatchRoutes(dataplane: dataplane).add(to: router)
        router.post("/v1/cli") { request, _ in
            try await front.answer("POST /v1/cli") { try await front.command(request) }
        }
        // Asked for at every key, or again and again: not worth an event each.
        router.post("/v1/complete") { request, _ in try await front.complete(request) }
        router.get("/v1/session") { _, _ in try front.session() }
        router.get("/v1/show/**") { request, _ in
            try await front.answer("GET /v1/show") { try await front.show(request) }
        }
        router.get("/**") { _, _ in try front.unknown() }
        router.post("/**") { _, _ in try front.unknown() }
        return router
    }
}

/// Why the control socket cannot be had.
public enum ControlServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process listens there.
    case inUse(path: String)
    /// The kernel takes no path that long.
    case pathTooLong(path: String)
    /// Binding or publishing the socket failed.
    case cannotListen(path: String, reason: String)

    /// What the operator can change.
    public var description: String {
        switch self {
        case .inUse(let path):
            "\(path): another supervisor listens here; stop it, or give this one another runtime directory"
        case .pathTooLong(let path):
            "\(path): too long for a socket; at most \(ControlSocketFile.maximumBytes) bytes fit"
        case .cannotListen(let path, let reason): "cannot listen on \(path): \(reason)"
        }
    }
}
