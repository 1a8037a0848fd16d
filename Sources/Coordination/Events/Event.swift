/// An event as a reader found it.
public struct Event: Hashable, Sendable {
    /// The time-stamp counter then; of a span, at its beginning.
    public var tsc: UInt64
    /// What happened, as the record has it; a later version may know more kinds.
    public var rawKind: UInt16
    /// As the kind says.
    public var small: UInt16
    /// As the kind says.
    public var middle: UInt32
    /// As the kind says.
    public var value: UInt64
    /// The ring that it stood in, 0 for the control lane or the supervisor's commands.
    public var writer: Int

    /// Makes an event, as a reader does.
    public init(
        tsc: UInt64,
        rawKind: UInt16,
        small: UInt16,
        middle: UInt32,
        value: UInt64,
        writer: Int
    ) {
        self.tsc = tsc
        self.rawKind = rawKind
        self.small = small
        self.middle = middle
        self.value = value
        self.writer = writer
    }

    /// What happened; nil: a kind that this version does not know.
    public var kind: EventKind? { EventKind(rawValue: rawKind) }
}

/// What an event log held at one moment, readable for as long as this value lives.
public struct EventReading: Sendable {
    /// Whose log it is.
    public struct Source: Hashable, Sendable {
        /// The NUMA node's number in the placement, or `EventLog.supervisorNode`.
        public var node: Int
        /// Counts the process's lives, from 1.
        public var incarnation: UInt32
        /// The process's id; 0: unknown.
        public var pid: Int
        /// The threads of the rings; 0: unknown.
        public var threads: [Int]

        /// Names a log, as tests do.
        public init(node: Int, incarnation: UInt32, pid: Int, threads: [Int]) {
            self.node = node
            self.incarnation = incarnation
            self.pid = pid
            self.threads = threads
        }
    }

    /// Whose log it is.
    public var source: Source
    /// In the order of their times.
    public var events: [Event]
    /// Records that were being written, or written over, while they were read.
    public var tornCount: Int
    /// Records in use, all rings together.
    public var capacity: Int
    /// What the log takes.
    public var traces: EventTraces
    /// The texts that events name.
    public var texts: [String]
    /// The names of the graph nodes by index.
    public var nodeNames: [String]

    /// Makes a reading, as tests do.
    public init(
        source: Source,
        events: [Event],
        tornCount: Int = 0,
        capacity: Int = 0,
        traces: EventTraces = .standard,
        texts: [String] = [],
        nodeNames: [String] = []
    ) {
        self.source = source
        self.events = events
        self.tornCount = tornCount
        self.capacity = capacity
        self.traces = traces
        self.texts = texts
        self.nodeNames = nodeNames
    }

    /// A text by its number; empty: there is no such.
    public func text(_ number: UInt32) -> String {
        Int(number) < texts.count ? texts[Int(number)] : ""
    }

    /// A graph node's name by its index.
    public func nodeName(_ index: UInt16) -> String {
        Int(index) < nodeNames.count ? nodeNames[Int(index)] : "node-\(index)"
    }
}
