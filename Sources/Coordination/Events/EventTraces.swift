/// What an event log takes: whether it runs, and which kinds of frequent events it wants.
public struct EventTraces: OptionSet, Hashable, Sendable {
    /// The word as it stands in the log's control line.
    public let rawValue: UInt64

    /// Makes a set of what the bits say; unknown bits are kept.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Requests to the control API.
    public static let api = EventTraces(rawValue: 1 << 0)
    /// Command lines.
    public static let cli = EventTraces(rawValue: 1 << 1)
    /// Calls of graph nodes.
    public static let dispatch = EventTraces(rawValue: 1 << 2)
    /// The timing wheel.
    public static let timers = EventTraces(rawValue: 1 << 3)
    /// Barriers.
    public static let barrier = EventTraces(rawValue: 1 << 4)
    /// The log takes events at all.
    public static let running = EventTraces(rawValue: 1 << 32)

    /// What a new log takes: all but what happens with every packet or turn.
    public static let standard: EventTraces = [.running, .api, .cli]

    /// The kinds that can be chosen, with their names in commands.
    public static let named: [(name: String, trace: EventTraces)] = [
        ("api", .api), ("cli", .cli), ("dispatch", .dispatch), ("tw_timer", .timers),
        ("barrier", .barrier),
    ]
}
