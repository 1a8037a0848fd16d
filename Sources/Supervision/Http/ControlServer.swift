internal import ControlProtocol
internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
internal import NIOPosix

/// Serves commands over HTTP on a unix socket.
///
/// What it answers is `ApiTable`'s. Each request runs by itself, so a long `exec` keeps nobody waiting.
public struct ControlServer: Sendable {
    private let dataplane: any Dataplane
    private let socketPath: String
    private let logger: Logger
    private let stallMilliseconds: Int64
    private let access: ApiAccess

    /// The most connections at a time; further ones wait to be accepted.
    static let maximumConnections = 512
    /// How long a connection may be silent, or take to send a request or to take a part of an
    /// answer.
    static let idleSeconds: Int64 = 60

    /// Makes a server; `run` starts it.
    ///
    /// - Parameters:
    ///   - dataplane: what the commands act on.
    ///   - socketPath: where to listen; readable and writable by owner and group. A socket that
    ///     nobody listens on is replaced.
    ///   - logger: for one line a start, a change and a fault.
    ///   - access: who may do what.
    public init(
        dataplane: any Dataplane,
        socketPath: String,
        logger: Logger,
        access: ApiAccess = ApiAccess()
    ) {
        self.init(
            dataplane: dataplane,
            socketPath: socketPath,
            logger: logger,
            access: access,
            stallMilliseconds: Self.idleSeconds * 1000
        )
    }

    /// Makes a server with another limit for clients that do not read their answers.
    init(
        dataplane: any Dataplane,
        socketPath: String,
        logger: Logger,
        access: ApiAccess = ApiAccess(),
        stallMilliseconds: Int64
    ) {
        self.access = access
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
            responder: ApiFront(dataplane: dataplane, access: access, logger: logger),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        PeerHandler(dataplane.api.clients),
                        StalledWriteCloser(limit: .milliseconds(stallMilliseconds)),
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
                    try socket.publish(mode: access.socketMode)
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
