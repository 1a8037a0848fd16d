/// What an event log takes: whether it runs, and which kinds of frequent events it wants.
public struct EventTraces: OptionSet, Hashable, Sendable {
    /// The word as it stands in the log's control line.
    public let rawValue: UInt64

    /// Makes a set of what the bits say; unknown bits are kept.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Requests to the control API.
    @inlinable public static var api: EventTraces { EventTraces(rawValue: 1 << 0) }
    /// Command lines.
    @inlinable public static var cli: EventTraces { EventTraces(rawValue: 1 << 1) }
    /// Calls of graph nodes.
    @inlinable public static var dispatch: EventTraces { EventTraces(rawValue: 1 << 2) }
    /// The timing wheel.
    @inlinable public static var timers: EventTraces { EventTraces(rawValue: 1 << 3) }
    /// Barriers.
    @inlinable public static var barrier: EventTraces { EventTraces(rawValue: 1 << 4) }
    /// The log takes events at all.
    @inlinable public static var running: EventTraces { EventTraces(rawValue: 1 << 32) }

    /// What a new log takes: all but what happens with every packet or turn.
    public static let standard: EventTraces = [.running, .api, .cli]

    /// The kinds that can be chosen, with their names in commands.
    public static let named: [(name: String, trace: EventTraces)] = [
        ("api", .api), ("cli", .cli), ("dispatch", .dispatch), ("tw_timer", .timers),
        ("barrier", .barrier),
    ]
}
