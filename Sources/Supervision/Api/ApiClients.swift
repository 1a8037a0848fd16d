internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// What a client may do.
public enum ApiRole: String, Sendable, Encodable {
    /// Nothing.
    case none
    /// Read: `show`, metrics, events.
    case reader
    /// Everything.
    case admin
}

/// Who may do what over the control socket, by the socket's credentials.
public struct ApiAccess: Sendable {
    /// The group whose members may do everything; nil: that of the supervisor.
    public var adminGroup: UInt32?
    /// The group whose members may read; nil: there is none, the socket's mode keeps others out.
    public var readGroup: UInt32?

    /// Makes the rules; without groups whoever can open the socket, root and the supervisor's group, may do all.
    public init(adminGroup: UInt32? = nil, readGroup: UInt32? = nil) {
        self.adminGroup = adminGroup
        self.readGroup = readGroup
    }

    /// What somebody may do.
    ///
    /// - Parameters:
    ///   - uid: the user.
    ///   - groups: all groups that the user is in.
    /// - Returns: the role.
    public func role(uid: UInt32, groups: [UInt32]) -> ApiRole {
        if uid == 0 || uid == geteuid() || groups.contains(adminGroup ?? getegid()) {
            return .admin
        }
        guard let readGroup else { return .none }
        return groups.contains(readGroup) ? .reader : .none
    }

    /// The mode of the socket: with a group of readers each may connect, and is then told what it may do.
    var socketMode: UInt32 { readGroup == nil ? 0o660 : 0o666 }

    /// The groups of a user: that of its process, and those that the machine knows.
    static func groups(uid: UInt32, gid: UInt32) -> [UInt32] {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var text = [CChar](repeating: 0, count: 16_384)
        var groups = [gid_t](repeating: 0, count: 1024)
        var count = Int32(groups.count)
        guard getpwuid_r(uid, &entry, &text, text.count, &found) == 0, found != nil,
            getgrouplist(entry.pw_name, entry.pw_gid, &groups, &count) >= 0
        else { return [gid] }
        return [gid] + groups.prefix(Int(count))
    }
}

/// The process at the other end of a connection, as the kernel knows it.
struct ApiPeer: Sendable, Hashable {
    var pid: Int32
    var uid: UInt32
    var gid: UInt32
}

/// Who is connected to the control socket, and how much each may have at a time.
final class ApiClients: Sendable {
    /// A connection.
    struct Session: Sendable {
        var number: Int
        var peer: ApiPeer
        var since: Double
        var requests = 0
        /// What it has asked for and not got yet, or what it asked for last.
        var request = ""
        var isBusy = false
        var role: ApiRole?
    }

    private struct State {
        var sessions: [ObjectIdentifier: Session] = [:]
        var total = 0
        /// Changes and streams that are on their way, by process.
        var changes: [Int32: Int] = [:]
        var streams: [Int32: Int] = [:]
        var refused = 0
    }

    private let state = Mutex(State())

    /// Connections of one process.
    static let maximumConnections = 128
    /// Changes of one process that have not come to an end, those that nobody waits for any more included.
    static let maximumChanges = 64
    /// Streams of events of one process.
    static let maximumStreams = 16

    /// Notes a connection; false: its process has too many.
    func add(_ channel: ObjectIdentifier, _ peer: ApiPeer) -> Bool {
        state.withLock { state in
            let held = state.sessions.values.reduce(0) { $1.peer.pid == peer.pid ? $0 + 1 : $0 }
            guard held < Self.maximumConnections else {
                state.refused += 1
                return false
            }
            state.total += 1
            state.sessions[channel] = Session(
                number: state.total,
                peer: peer,
                since: EventFeed.now()
            )
            return true
        }
    }

    func remove(_ channel: ObjectIdentifier) {
        _ = state.withLock { $0.sessions.removeValue(forKey: channel) }
    }

    /// Notes a request, and says whose it is; nil: the connection is gone.
    func begin(
        _ channel: ObjectIdentifier,
        _ request: String,
        access: ApiAccess
    ) -> (peer: ApiPeer, role: ApiRole)? {
        let known = state.withLock { state in
            state.sessions[channel]?.requests += 1
            state.sessions[channel]?.request = request
            state.sessions[channel]?.isBusy = true
            return state.sessions[channel]
        }
        guard let known else { return nil }
        if let role = known.role { return (known.peer, role) }
        // Asked for once a connection, outside the lock: it may have to read files.
        let (uid, gid) = (known.peer.uid, known.peer.gid)
        let role =
            uid == 0 ? .admin : access.role(uid: uid, groups: ApiAccess.groups(uid: uid, gid: gid))
        state.withLock { $0.sessions[channel]?.role = role }
        return (known.peer, role)
    }

    func end(_ channel: ObjectIdentifier) {
        state.withLock { $0.sessions[channel]?.isBusy = false }
    }

    /// Takes a place for a change of a process; false: it has too many on their way.
    func takeChange(_ pid: Int32) -> Bool {
        state.withLock { Self.take(&$0.changes, pid, Self.maximumChanges) }
    }

    func giveChange(_ pid: Int32) { state.withLock { Self.give(&$0.changes, pid) } }

    /// Takes a place for a stream of events; false: the process has too many.
    func takeStream(_ pid: Int32) -> Bool {
        state.withLock { Self.take(&$0.streams, pid, Self.maximumStreams) }
    }

    func giveStream(_ pid: Int32) { state.withLock { Self.give(&$0.streams, pid) } }

    private static func take(_ counts: inout [Int32: Int], _ pid: Int32, _ most: Int) -> Bool {
        guard counts[pid, default: 0] < most else { return false }
        counts[pid, default: 0] += 1
        return true
    }

    private static func give(_ counts: inout [Int32: Int], _ pid: Int32) {
        counts[pid, default: 1] -= 1
        if counts[pid] == 0 { counts[pid] = nil }
    }

    /// The connections, oldest first, and how many were refused.
    var sessions: (all: [Session], refused: Int) {
        state.withLock { ($0.sessions.values.sorted { $0.number < $1.number }, $0.refused) }
    }
}

/// Learns from the kernel who is at the other end of a connection.
final class PeerHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    private let clients: ApiClients

    init(_ clients: ApiClients) { self.clients = clients }

    func handlerAdded(context: ChannelHandlerContext) {
        let id = ObjectIdentifier(context.channel)
        guard let socket = context.channel as? any SocketOptionProvider else { return }
        let asked: EventLoopFuture<ApiPeer> = socket.unsafeGetSocketOption(
            level: .init(rawValue: SOL_SOCKET),
            name: .init(rawValue: SO_PEERCRED)
        )
        let channel = context.channel
        let clients = clients
        asked.whenComplete { result in
            // Without credentials there is no telling whose it is.
            guard case .success(let peer) = result, clients.add(id, peer) else {
                channel.close(promise: nil)
                return
            }
        }
        channel.closeFuture.whenComplete { _ in clients.remove(id) }
    }
}
