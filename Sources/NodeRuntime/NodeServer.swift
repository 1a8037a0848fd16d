internal import CLinux
public import ControlProtocol
internal import Coordination
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// The listening end of a keeper or worker: accepts connections and collects what they say.
///
/// It never blocks longer than it is told to. One thread uses it. A connection that breaks the
/// protocol, or does not read what it is sent, is closed; the process goes on without it.
public final class NodeServer {
    private let listener: Int32
    private var channels: [MessageChannel] = []
    /// Connections that said `connect`, and so get state reports.
    private var subscribers: [MessageChannel] = []
    /// Whether there were connections, and the last of them has gone.
    private(set) var isAbandoned = false
    /// The most connections at a time.
    public static let maximumConnections = 16
    private let note: (String) -> Void

    /// Takes over a listening socket.
    ///
    /// - Parameters:
    ///   - listener: SOCK_SEQPACKET; made non-blocking.
    ///   - note: gets one line for each connection that is closed for a fault.
    public init(listener: Int32, note: @escaping (String) -> Void) {
        self.listener = listener
        self.note = note
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
        _ = fcntl(listener, F_SETFD, FD_CLOEXEC)
    }

    /// Waits for something to happen, and hands every message that came to `handle`.
    ///
    /// - Parameters:
    ///   - milliseconds: how long at most; 0: not at all; below 0: for ever.
    ///   - wakeup: a further descriptor to wait for, such as an eventfd, or -1.
    ///   - limit: the most messages of one connection, so that one cannot keep the loop to
    ///     itself.
    ///   - handle: gets each message with its connection; owns the descriptors that came along.
    public func serve(
        milliseconds: Int32,
        wakeup: Int32 = -1,
        limit: Int = 64,
        _ handle: (ReceivedMessage, MessageChannel) -> Void
    ) {
        var events = descriptors(wakeup)
        guard poll(&events, nfds_t(events.count), milliseconds) > 0 else { return }
        serve(events, limit: limit, handle)
    }

    /// Waits as `serve(milliseconds:)` does, and can be called meanwhile by threads that look
    /// whether it sleeps.
    ///
    /// - Parameters:
    ///   - microseconds: how long at most.
    ///   - wakeup: the eventfd that the callers write.
    ///   - signals: the line that says whether this thread sleeps.
    ///   - isCalled: whether there is something to do; asked after the line says that it sleeps.
    ///   - handle: gets each message with its connection; owns the descriptors that came along.
    func serve(
        microseconds: UInt64,
        wakeup: Int32,
        signals: LaneSignals,
        unless isCalled: () -> Bool,
        _ handle: (ReceivedMessage, MessageChannel) -> Void
    ) {
        var events = descriptors(wakeup)
        signals.fallAsleep()
        let time = isCalled() ? 0 : microseconds
        let ready = CLinux_poll_microseconds(&events, UInt32(events.count), time)
        signals.wakeUp()
        guard ready > 0 else { return }
        serve(events, limit: 64, handle)
    }

    private func descriptors(_ wakeup: Int32) -> [pollfd] {
        ([listener, wakeup] + channels.map(\.descriptor)).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
    }

    private func serve(
        _ events: [pollfd],
        limit: Int,
        _ handle: (ReceivedMessage, MessageChannel) -> Void
    ) {
        if events[0].revents != 0 { acceptAll() }
        for (channel, event) in zip(channels, events.dropFirst(2)) where event.revents != 0 {
            receive(from: channel, limit: limit, handle)
        }
    }

    /// Makes a connection one that `report` reaches.
    public func subscribe(_ channel: MessageChannel) {
        if !subscribers.contains(where: { $0 === channel }) { subscribers.append(channel) }
    }

    /// Sends a message to every subscriber; one that does not take it is closed.
    public func report(_ message: NodeMessage) {
        for channel in subscribers { answer(channel, message) }
    }

    /// Sends a message that may be lost to every subscriber; one that has no room for it goes
    /// without.
    ///
    /// - Returns: whether every subscriber got it.
    func offer(_ message: NodeMessage) -> Bool {
        var isComplete = true
        for channel in subscribers {
            do throws(ChannelError) {
                try channel.send(message)
            } catch {
                if error == .full { isComplete = false } else { drop(channel, because: "\(error)") }
            }
        }
        return isComplete
    }

    /// Has what the calling thread logs go to the subscribers too, as far as they take it.
    func forwardLog() {
        // The thread that serves is the one that logs, and the process ends with it.
        nonisolated(unsafe) let server = self
        NodeLog.forward { level, line in _ = server.offer(.logged(level: level, text: line)) }
    }

    /// Sends an answer; a connection that does not take it is closed.
    ///
    /// - Parameters:
    ///   - channel: where the question came from.
    ///   - message: the answer.
    ///   - request: the question's number.
    ///   - descriptors: sent along; they stay the caller's.
    public func answer(
        _ channel: MessageChannel,
        _ message: NodeMessage,
        request: UInt32 = 0,
        descriptors: [Int32] = []
    ) {
        do throws(ChannelError) {
            try channel.send(message, request: request, descriptors: descriptors)
        } catch {
            drop(channel, because: "\(error)")
        }
    }

    private func acceptAll() {
        do throws(Errno) {
            while let channel = try MessageChannel.accept(from: listener) {
                guard channels.count < Self.maximumConnections else {
                    note("connection refused: \(channels.count) are open")
                    continue
                }
                channels.append(channel)
                isAbandoned = false
            }
        } catch { note("accept: \(error)") }
    }

    private func receive(
        from channel: MessageChannel,
        limit: Int,
        _ handle: (ReceivedMessage, MessageChannel) -> Void
    ) {
        for _ in 0..<limit {
            do throws(ChannelError) {
                guard let received = try channel.receive() else { return }
                handle(received, channel)
            } catch {
                return drop(channel, because: error == .closed ? nil : "\(error)")
            }
        }
    }

    /// Closes the connections of earlier supervisors, with what they have sent and nobody has read.
    func drop(subscribersBut channel: MessageChannel) {
        let others = subscribers.filter { $0 !== channel }
        channels.removeAll { channel in others.contains { $0 === channel } }
        subscribers.removeAll { $0 !== channel }
    }

    private func drop(_ channel: MessageChannel, because reason: String?) {
        channels.removeAll { $0 === channel }
        subscribers.removeAll { $0 === channel }
        isAbandoned = channels.isEmpty
        if let reason { note("connection closed: \(reason)") }
    }
}
