internal import ControlProtocol
internal import LinuxSystem
internal import Synchronization

/// What happens to the dataplane, in the order in which it does, for clients that watch.
///
/// The last events are kept once for all clients. A client has no queue but its place in them: one that is slow
/// holds nobody up, and is told how many it has missed.
final class EventFeed: Sendable {
    /// Something that happened.
    struct Event: Encodable, Sendable {
        /// `RUN-NUMBER`: the supervisor's life, and the event's place in it.
        var id = ""
        var type: String
        var unixSeconds = 0.0
        var numaNode: Int?
        var role: String?
        var incarnation: Int?
        var state: String?
        var detail: String?
        var change: UInt64?
        var interface: Int?
        var isUp: Bool?
        var speedMegabits: Int?
        var level: String?
        var source: String?
        var lost: UInt64?

        init(type: String) { self.type = type }
    }

    /// Those behind an id that are still kept.
    struct Batch: Sendable {
        var events: [Event]
        /// How many came between the id and the first of `events`.
        var lost: UInt64
        /// The number of the last one.
        var last: UInt64
    }

    private struct State {
        /// A ring: the event of number n is at n % capacity.
        var events: [Event] = []
        /// The number of the last event, from 1.
        var last: UInt64 = 0
        var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextWatcher = 0
    }

    private let state = Mutex(State())
    /// Tells this supervisor's ids from those of the one before.
    let run: UInt64

    /// The events that are kept.
    static let capacity: UInt64 = 4096

    init() { run = UInt64(Self.now() * 1000) }

    /// Adds an event; waits for nobody.
    func add(_ event: Event) {
        var event = event
        event.unixSeconds = Self.now()
        let watchers = state.withLock { state in
            state.last += 1
            event.id = "\(run)-\(state.last)"
            if state.events.count < Int(Self.capacity) {
                state.events.append(event)
            } else {
                state.events[Int((state.last - 1) % Self.capacity)] = event
            }
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.yield() }
    }

    /// The number of the last event.
    var last: UInt64 { state.withLock { $0.last } }

    /// What came behind the event of a number, at most so many.
    func events(after number: UInt64, limit: Int = 256) -> Batch {
        state.withLock { state in
            let oldest = state.last - min(state.last, UInt64(state.events.count)) + 1
            let first = max(number + 1, oldest)
            guard first <= state.last else { return Batch(events: [], lost: 0, last: state.last) }
            let end = min(state.last, first + UInt64(limit) - 1)
            let events = (first...end).map { state.events[Int(($0 - 1) % Self.capacity)] }
            return Batch(events: events, lost: first - number - 1, last: end)
        }
    }

    /// The place of an id; nil: it is of another supervisor, or none.
    func place(of id: String) -> UInt64? {
        let parts = id.split(separator: "-")
        guard parts.count == 2, UInt64(parts[0]) == run, let number = UInt64(parts[1]),
            number <= last
        else { return nil }
        return number
    }

    /// A signal for each time that something was added; several may become one.
    func watch() -> (signals: AsyncStream<Void>, number: Int) {
        let (signals, continuation) = AsyncStream.makeStream(
            of: Void.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        let number = state.withLock { state in
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = continuation
            return state.nextWatcher
        }
        return (signals, number)
    }

    /// Ends a `watch`.
    func forget(_ number: Int) {
        state.withLock { $0.watchers.removeValue(forKey: number) }?.finish()
    }

    /// Wakes one that watches, whether anything was added or not.
    func wake(_ number: Int) { _ = state.withLock { $0.watchers[number] }?.yield() }

    static func now() -> Double { LogLine.unixSeconds() }
}

extension EventFeed.Event {
    /// Something about a keeper or a worker: `started`, a state, `ended`.
    static func process(
        _ name: ProcessName,
        _ state: String,
        detail: String? = nil
    ) -> EventFeed.Event {
        var event = EventFeed.Event(type: "process")
        event.numaNode = name.node
        event.role = name.role == .keeper ? "keeper" : "worker"
        event.incarnation = Int(name.incarnation)
        event.state = state
        event.detail = detail
        return event
    }

    /// A change is made on all workers.
    static func change(_ number: UInt64) -> EventFeed.Event {
        var event = EventFeed.Event(type: "change")
        event.change = number
        return event
    }

    /// A worker did not survive a change.
    static func poison(_ number: UInt64, _ name: ProcessName) -> EventFeed.Event {
        var event = process(name, "ended")
        event.type = "poison"
        event.change = number
        return event
    }

    /// The link of an interface came or went.
    static func link(
        interface: Int,
        numaNode: Int,
        isUp: Bool,
        speedMegabits: Int
    ) -> EventFeed.Event {
        var event = EventFeed.Event(type: "link")
        event.interface = interface
        event.numaNode = numaNode
        event.isUp = isUp
        event.speedMegabits = speedMegabits
        return event
    }

    /// A line of the log that somebody should read.
    static func alarm(level: String, source: String, line: String) -> EventFeed.Event {
        var event = EventFeed.Event(type: "alarm")
        event.level = level
        event.source = source
        event.detail = line
        return event
    }

    /// Events that a client has missed: too many came, or another supervisor did (nil).
    static func lost(_ count: UInt64?) -> EventFeed.Event {
        var event = EventFeed.Event(type: "lost")
        event.lost = count
        event.unixSeconds = EventFeed.now()
        if count == nil {
            event.detail = "another supervisor has taken over; its events begin anew"
        }
        return event
    }
}
