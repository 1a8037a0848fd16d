internal import Synchronization

/// How times of traces are printed.
public enum TraceTimeFormat: String, CaseIterable, Sendable {
    /// Since the supervisor's start: `HH:MM:SS:microseconds`.
    case relative
    /// The date and time of day (UTC), to the microsecond.
    case datetime
    /// Microseconds since the packet came in.
    case delta

    /// What it prints, for help.
    var summary: String {
        switch self {
        case .relative: "since the supervisor's start"
        case .datetime: "date and time of day (UTC)"
        case .delta: "microseconds since the packet came in"
        }
    }
}

/// Which traced packets `show trace` shows.
public struct TraceFilter: Hashable, Sendable {
    /// Whether packets that passed the node are shown, or those that did not.
    public var isInclude: Bool
    /// The graph node.
    public var node: String
    /// The most packets that are shown.
    public var packets: Int

    /// Makes a filter.
    public init(isInclude: Bool, node: String, packets: Int) {
        self.isInclude = isInclude
        self.node = node
        self.packets = packets
    }
}

/// What commands have said of traces; it ends with the supervisor, traces do not.
public final class TraceSettings: Sendable {
    private struct State {
        var filter: TraceFilter?
        var timeFormat = TraceTimeFormat.relative
        var isVerbose = false
        var captureFile: String?
    }

    private let state = Mutex(State())

    /// Makes settings: no filter, times since the start.
    public init() {}

    /// Which packets are shown; nil: all.
    public var filter: TraceFilter? {
        get { state.withLock { $0.filter } }
        set { state.withLock { $0.filter = newValue } }
    }

    /// How times are printed.
    public var timeFormat: TraceTimeFormat {
        get { state.withLock { $0.timeFormat } }
        set { state.withLock { $0.timeFormat = newValue } }
    }

    /// What the file with captured packets will be called; nil: after what is captured.
    public var captureFile: String? {
        get { state.withLock { $0.captureFile } }
        set { state.withLock { $0.captureFile = newValue } }
    }

    /// Whether each record has a line about the packet's buffer.
    public var isVerbose: Bool {
        get { state.withLock { $0.isVerbose } }
        set { state.withLock { $0.isVerbose = newValue } }
    }
}
