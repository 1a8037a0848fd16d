internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore

/// Serves metrics and health over HTTP to those who only watch: nothing can be changed there.
public struct MetricsServer: Sendable {
    /// Where it listens.
    public enum Address: Hashable, Sendable, CustomStringConvertible {
        /// A unix socket that everybody on the machine may read.
        case socket(path: String)
        /// An address of this machine, and a TCP port.
        case tcp(host: String, port: Int)

        /// As logs name it.
        public var description: String {
            switch self {
            case .socket(let path): path
            case .tcp(let host, let port):
                host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            }
        }
    }

    /// The most connections at a time; further ones wait to be accepted.
    static let maximumConnections = 32

    private let dataplane: any Dataplane
    private let address: Address
    private let logger: Logger

    /// Makes a server; `run` starts it.
    public init(dataplane: any Dataplane, address: Address, logger: Logger) {
        self.dataplane = dataplane
        self.address = address
        self.logger = logger
    }

    /// Listens and answers until the task is cancelled.
    ///
    /// - Parameter onListening: called once clients can connect, with the TCP port if it is one.
    /// - Throws: `ControlServerError` if the address cannot be had.
    public func run(
        onListening: @escaping @Sendable (_ port: Int?) -> Void = { _ in }
    ) async throws {
        switch address {
        case .socket(let path):
            let file = try await ControlSocketFile(path: path)
            defer { file.remove() }
            let outcome = ListeningOutcome()
            try await serve(.unixDomainSocket(path: file.temporaryPath), outcome) { channel in
                do throws(ControlServerError) {
                    try file.publish(mode: 0o666)
                    onListening(nil)
                } catch {
                    outcome.fail(error)
                    channel.close(promise: nil)
                }
            }
        case .tcp(let host, let port):
            try await serve(.hostname(host, port: port), ListeningOutcome()) { channel in
                onListening(channel.localAddress?.port)
            }
        }
    }

    private func serve(
        _ bind: BindAddress,
        _ outcome: ListeningOutcome,
        _ onRunning: @escaping @Sendable (any Channel) -> Void
    ) async throws {
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            responder: WatchFront(dataplane: dataplane),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        StalledWriteCloser(limit: .seconds(ControlServer.idleSeconds))
                    ],
                    idleTimeout: .seconds(ControlServer.idleSeconds)
                )
            ),
            configuration: ApplicationConfiguration(
                address: bind,
                serverName: nil,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    Self.maximumConnections,
                    logger: quiet
                )
            ),
            onServerRunning: { channel in
                logger.info("metrics open", metadata: ["address": "\(address)"])
                onRunning(channel)
            },
            logger: quiet
        )
        do {
            try await application.run()
        } catch {
            if let failure = outcome.failure { throw failure }
            if Task.isCancelled { return }
            throw ControlServerError.cannotListen(path: "\(address)", reason: "\(error)")
        }
        if let failure = outcome.failure { throw failure }
    }
}
