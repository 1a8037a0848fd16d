internal import ControlProtocol
internal import Glibc
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
    init(path: String) throws(ControlServerError) {
        self.path = path
        guard path.utf8.count <= Self.maximumBytes else { throw .pathTooLong(path: path) }
        if Self.isListening(path) { throw .inUse(path: path) }
    }

    /// Gives the bound socket its mode (0660) and its name.
    func publish() throws(ControlServerError) {
        guard chmod(temporaryPath, 0o660) == 0, rename(temporaryPath, path) == 0 else {
            throw .cannotListen(path: path, reason: String(cString: strerror(errno)))
        }
    }

    /// Takes the socket out of the file system.
    func remove() {
        unlink(temporaryPath)
        unlink(path)
    }

    private static func isListening(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}

/// Carries a fault out of the callback in which the server says that it is bound.
final class ListeningOutcome: Sendable {
    private let failed = Mutex<ControlServerError?>(nil)

    var failure: ControlServerError? { failed.withLock { $0 } }

    func fail(_ error: ControlServerError) { failed.withLock { $0 = error } }
}
