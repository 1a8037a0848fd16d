internal import ControlProtocol
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The socket's place in the file system.
///
/// The server binds a temporary name; the socket gets its mode and then its real name in one step,
/// so that nobody ever finds one that is open to all or that replaces a living one half-way.
struct ControlSocketFile: Sendable {
    let path: String

    /// Where the server binds.
    var temporaryPath: String { path + ".new" }

    /// The most bytes of `path`, room for the temporary name included.
    static let maximumBytes = ControlSocket.maximumPathBytes - 4

    /// Checks that the place is free: nothing there, or a socket that nobody listens on.
    init(path: String) async throws(ControlServerError) {
        self.path = path
        guard path.utf8.count <= Self.maximumBytes else { throw .pathTooLong(path: path) }
        if await Self.isListening(path) { throw .inUse(path: path) }
    }

    /// Gives the bound socket its mode and its name.
    func publish(mode: mode_t = 0o660) throws(ControlServerError) {
        guard chmod(temporaryPath, mode) == 0, rename(temporaryPath, path) == 0 else {
            throw .cannotListen(path: path, reason: String(cString: strerror(errno)))
        }
    }

    /// Takes the socket out of the file system.
    func remove() {
        unlink(temporaryPath)
        unlink(path)
    }

    private static func isListening(_ path: String) async -> Bool {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(2))
        // Whatever the reason: nobody answers there.
        guard let channel = try? await bootstrap.connect(unixDomainSocketPath: path).get() else {
            return false
        }
        channel.close(promise: nil)
        return true
    }
}

/// Carries a fault out of the callback in which the server says that it is bound.
final class ListeningOutcome: Sendable {
    private let failed = Mutex<ControlServerError?>(nil)

    var failure: ControlServerError? { failed.withLock { $0 } }

    func fail(_ error: ControlServerError) { failed.withLock { $0 = error } }
}
