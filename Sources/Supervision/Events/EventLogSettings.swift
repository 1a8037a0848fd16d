public import Coordination

/// What the event logs of a process's next lives are made with.
public struct EventLogSettings: Hashable, Sendable {
    /// Events of a log, all rings together.
    public var events: Int
    /// What is taken.
    public var traces: EventTraces

    /// Makes settings; without more said those of a new dataplane.
    public init(events: Int = EventLog.defaultEvents, traces: EventTraces = .standard) {
        self.events = events
        self.traces = traces
    }
}

/// What `event-logger` commands do to event logs.
public enum EventLogChange: Hashable, Sendable {
    /// Forgets what has been recorded.
    case clear
    /// Takes events, or none.
    case run(Bool)
    /// Has room for so many events, and forgets those that are there.
    case resize(Int)
    /// Takes these frequent events, or no longer.
    case trace(EventTraces, isOn: Bool)

    /// What a log takes after the change.
    func applied(to traces: EventTraces) -> EventTraces {
        switch self {
        case .clear, .resize: traces
        case .run(let isOn): isOn ? traces.union(.running) : traces.subtracting(.running)
        case .trace(let some, let isOn):
            isOn ? traces.union(some) : traces.subtracting(some)
        }
    }

    /// Applies the change to a log.
    ///
    /// - Parameters:
    ///   - log: writable.
    ///   - path: its file.
    /// - Throws: `ChangeError`, in words that name the file.
    func apply(to log: EventLog, path: String) throws(ChangeError) {
        log.setTraces(applied(to: log.traces))
        switch self {
        case .clear: log.clear()
        case .run, .trace: break
        case .resize(let events):
            do {
                try log.resize(events: events, path: path)
            } catch {
                throw ChangeError(
                    "\(path): no room for \(events) events (\(error)); choose fewer, or enlarge "
                        + "the file system"
                )
            }
        }
    }
}
