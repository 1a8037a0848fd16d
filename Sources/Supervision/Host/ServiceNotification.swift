#if canImport(Glibc)
    internal import Glibc
#endif

/// What systemd is told of a service (sd_notify protocol).
public enum ServiceNotification {
    /// The variables by which systemd speaks to a service, and to none of the service's children.
    public static let variables: Set<String> = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID",
        "LISTEN_FDNAMES",
    ]

    /// How long systemd waits for a word before it takes the service for hung.
    ///
    /// - Parameters:
    ///   - environment: of this process, as it was started.
    ///   - pid: this process's number.
    /// - Returns: nil: it does not wait for this process.
    public static func watchdogTime(_ environment: [String: String], pid: Int32) -> Duration? {
        guard let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text),
            microseconds > 0
        else { return nil }
        if let other = environment["WATCHDOG_PID"], Int32(other) != pid { return nil }
        return .microseconds(microseconds)
    }

    /// Sends a state, such as `READY=1`, if somebody asked for it.
    ///
    /// - Parameters:
    ///   - state: the assignments, one a line.
    ///   - path: the socket; a leading `@` means an abstract name; nil: the one in NOTIFY_SOCKET.
    /// - Returns: whether it was sent.
    @discardableResult
    public static func send(_ state: String, to path: String? = nil) -> Bool {
        let asked = path ?? getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        guard let path = asked, !path.isEmpty else { return false }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)

        let kind = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(state.utf8)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), $0, length)
            }
        }
        return sent == bytes.count
    }
}
