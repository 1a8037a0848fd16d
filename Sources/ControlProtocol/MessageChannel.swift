internal import CLinux
internal import LinuxSystem
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A message that arrived, with what came along.
public struct ReceivedMessage: Sendable {
    /// The number that the sender gave its request; an answer carries the same.
    public var request: UInt32
    /// What the other end said.
    public var message: NodeMessage
    /// Descriptors that came with it; the receiver owns and closes them.
    public var descriptors: [CInt]

    /// Makes a received message; the descriptors become the receiver's.
    public init(request: UInt32, message: NodeMessage, descriptors: [CInt]) {
        self.request = request
        self.message = message
        self.descriptors = descriptors
    }
}

/// Why nothing could be received or sent.
public enum ChannelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The other end is gone.
    case closed
    /// The other end takes no more for now; nothing was sent.
    case full
    /// The bytes are no message of this version.
    case malformed(WireError)
    /// The other end speaks another version.
    case version(theirs: UInt16)
    /// The socket failed, with the reason of the kernel.
    case system(Errno)

    /// What went wrong, and for another version what to install.
    public var description: String {
        switch self {
        case .closed: "the other end closed the connection"
        case .full: "the other end does not read its messages"
        case .malformed(let error): "malformed message: \(error)"
        case .version(let theirs):
            "the other end speaks version \(theirs) of the node protocol, this one \(NodeMessage.version); "
                + "install both programs from one build"
        case .system(let errno): "socket: \(errno)"
        }
    }
}

/// One end of a connection between supervisor, keeper and worker, which never blocks.
///
/// One thread at a time receives; a message is one datagram.
public final class MessageChannel: @unchecked Sendable {
    /// The socket, for polling; owned by the channel.
    public let descriptor: CInt
    private let buffer: UnsafeMutableRawPointer

    /// Takes over a connected, non-blocking SOCK_SEQPACKET socket, and closes it at the end.
    public init(owning descriptor: CInt) {
        self.descriptor = descriptor
        buffer = .allocate(byteCount: NodeMessage.maximumBytes, alignment: 64)
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// Connects to a listening node.
    ///
    /// - Parameter path: the socket's path, at most 107 bytes.
    /// - Returns: the supervisor's or the worker's end of the new connection.
    /// - Throws: the `Errno` of the socket, such as `ECONNREFUSED` if nobody listens.
    public static func connect(path: String) throws(Errno) -> MessageChannel {
        let descriptor = try Self.socket()
        do throws(Errno) {
            try systemCall { CLinux_unix_connect(descriptor, path) }
            return MessageChannel(owning: descriptor)
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Binds and listens; a stale socket at `path` is replaced.
    ///
    /// - Parameter path: where the socket goes, at most 107 bytes; only its owner may connect.
    /// - Returns: the listening socket, which the caller owns.
    /// - Throws: the `Errno` of the socket or its file.
    public static func listen(path: String) throws(Errno) -> CInt {
        let descriptor = try Self.socket()
        do throws(Errno) {
            unlink(path)
            try systemCall { CLinux_unix_bind(descriptor, path) }
            try systemCall { chmod(path, 0o600) }
            try systemCall { Glibc.listen(descriptor, 16) }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Takes the next waiting connection of a listening socket; nil: none waits.
    ///
    /// - Parameter listener: a listening SOCK_SEQPACKET socket, which stays the caller's.
    /// - Returns: the new connection's end.
    /// - Throws: the `Errno` of the listening socket.
    public static func accept(from listener: CInt) throws(Errno) -> MessageChannel? {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else {
            let code = Errno(rawValue: errno)
            if code == .wouldBlock || code == .interrupted || code == .connectionAbort {
                return nil
            }
            throw code
        }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return MessageChannel(owning: descriptor)
    }

    private static func socket() throws(Errno) -> CInt {
        let kind =
            CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
            | CInt(SOCK_NONBLOCK.rawValue)
        let descriptor = try systemCall { Glibc.socket(AF_UNIX, kind, 0) }
        var bytes: CInt = 4 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout<CInt>.size))
        return descriptor
    }

    /// Sends a message whole or not at all.
    ///
    /// - Parameters:
    ///   - message: what to say; at most `NodeMessage.maximumBytes` once encoded.
    ///   - request: the sender's number for it; an answer carries the number of its request.
    ///   - descriptors: at most 64, which stay the sender's.
    /// - Throws: `full` or `closed`, by which the other end is late or gone, or the socket's
    ///   error.
    public func send(
        _ message: NodeMessage,
        request: UInt32 = 0,
        descriptors: [CInt] = []
    ) throws(ChannelError) {
        let bytes = message.encoded(request: request)
        precondition(bytes.count <= NodeMessage.maximumBytes, "a message longer than its bound")
        let result = bytes.withUnsafeBytes { body in
            descriptors.withUnsafeBufferPointer { fds in
                body.baseAddress.map {
                    CLinux_send_descriptors(
                        descriptor,
                        $0,
                        body.count,
                        fds.baseAddress,
                        CInt(fds.count)
                    )
                } ?? -1
            }
        }
        guard result < 0 else { return }
        let code = Errno(rawValue: errno)
        switch code {
        case .wouldBlock, .noBufferSpace: throw .full
        case .brokenPipe, .connectionReset, .socketNotConnected: throw .closed
        default: throw .system(code)
        }
    }

    /// Takes the next message; nil: none waits.
    ///
    /// - Returns: the message, with descriptors that the caller has to close.
    /// - Throws: `closed` once the other end is gone, `malformed` or `version` for a message that
    ///   this version cannot read, or the socket's error; descriptors that came along are closed
    ///   then.
    public func receive() throws(ChannelError) -> ReceivedMessage? {
        var fds = [CInt](repeating: -1, count: 64)
        var count: CInt = 64
        let length = fds.withUnsafeMutableBufferPointer { room in
            room.baseAddress.map {
                CLinux_receive_descriptors(descriptor, buffer, NodeMessage.maximumBytes, $0, &count)
            } ?? -1
        }
        if length == -1 {
            let code = Errno(rawValue: errno)
            if code == .wouldBlock || code == .interrupted { return nil }
            if code == .connectionReset { throw .closed }
            throw .system(code)
        }
        let received = Array(fds.prefix(Int(count)))
        do throws(ChannelError) {
            if length == 0 { throw .closed }
            if length < 0 { throw .malformed(.trailing(byteCount: NodeMessage.maximumBytes)) }
            let bytes = Array(UnsafeRawBufferPointer(start: buffer, count: length))
            let (request, message) = try NodeMessage.decode(bytes)
            return ReceivedMessage(request: request, message: message, descriptors: received)
        } catch {
            for descriptor in received { close(descriptor) }
            throw error
        }
    }
}
