/// The words for an event, for people.
public struct EventDescription: Hashable, Sendable {
    /// A short name, such as a graph node's.
    public var name: String
    /// What else is known, in order: a word and its value.
    public var arguments: [(key: String, value: Value)]

    /// What an argument says.
    public enum Value: Hashable, Sendable, CustomStringConvertible {
        case number(UInt64)
        case text(String)

        /// The value as it is printed.
        public var description: String {
            switch self {
            case .number(let number): "\(number)"
            case .text(let text): text
            }
        }
    }

    /// Whether two say the same.
    public static func == (left: EventDescription, right: EventDescription) -> Bool {
        left.text == right.text
    }

    /// Hashes what it says.
    public func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// Finds the words for an event of a log.
    public init(_ event: Event, in reading: EventReading) {
        guard let kind = event.kind else {
            self.init("event \(event.rawKind)", ("value", .number(event.value)))
            return
        }
        let middle = Value.number(UInt64(event.middle))
        switch kind {
        case .laneStarted:
            self.init("lane starts", ("cpu", .number(UInt64(event.small))), ("thread", middle))
        case .laneStopped: self.init("lane stops", ("loops", .number(event.value)))
        case .generation: self.init("generation", ("number", .number(event.value)))
        case .barrier: self.init("barrier", ("epoch", middle))
        case .dispatch: self.init(reading.nodeName(event.small), ("vectors", middle))
        case .timers: self.init("process tw", ("expired", middle))
        case .workerState: self.init("worker \(Self.state(UInt32(event.small)))")
        case .change:
            self.init("change", ("number", middle), ("result", .text(Self.outcome(event))))
        case .command:
            self.init(
                Self.named(reading.text(event.middle)),
                ("result", .text(Self.outcome(event)))
            )
        case .request:
            self.init(
                Self.named(reading.text(event.middle)),
                ("status", .number(UInt64(event.small)))
            )
        case .journal: self.init("journal entry", ("number", .number(event.value)))
        case .laneHung:
            self.init("\(Self.lane(event)) hangs", ("nanoseconds", .number(event.value)))
        case .poison:
            let node = Value.number(UInt64(event.small))
            self.init(
                "poison change taken back",
                ("number", .number(event.value)),
                ("node", node),
                ("worker", middle)
            )
        case .buffers:
            let name = event.small == 0 ? "buffers missing" : "buffers there twice"
            self.init(
                event.value == 0 ? "buffers accounted for" : name,
                ("number", .number(event.value))
            )
        case .barrierClosed, .barrierHeld, .barrierHeldDown, .barrierLate, .barrierFenced,
            .barrierLeft, .barrierRecursion, .barrierExpired:
            self.init(barrier: kind, event, in: reading)
        case .processStarted: self.init("\(Self.process(event)) starts", ("pid", middle))
        case .processState: self.init("\(Self.process(event)) \(Self.state(event.middle))")
        case .processEnded:
            self.init("\(Self.process(event)) ended", ("with", .text(Self.exit(event.middle))))
        }
    }

    private init(barrier kind: EventKind, _ event: Event, in reading: EventReading) {
        let caller = Self.named(reading.text(event.middle))
        switch kind {
        case .barrierClosed:
            self.init("barrier \(caller) closed", ("lanes", .number(UInt64(event.small))))
        case .barrierHeld:
            self.init(
                "barrier \(caller) held",
                ("result", .text(event.small == 0 ? "opened" : "lanes had gone on"))
            )
        case .barrierHeldDown:
            self.init(
                "barrier hold-down",
                ("result", .text(event.small == 0 ? "done" : "given up, clock changed"))
            )
        case .barrierLate:
            self.init("\(Self.lane(event)) late for a barrier", ("let-go-ns", .number(event.value)))
        case .barrierFenced: self.init("\(Self.lane(event)) hung in the way of a barrier")
        case .barrierLeft: self.init("barrier goes on without node \(event.small)")
        case .barrierRecursion: self.init("barrier \(caller) taken again")
        default: self.init("barrier expired", ("epoch", .number(UInt64(event.middle))))
        }
    }

    private static func lane(_ event: Event) -> String {
        "node \(event.small) lane \(event.middle)"
    }

    private init(_ name: String, _ arguments: (String, Value)...) {
        self.name = name
        self.arguments = arguments.map { (key: $0.0, value: $0.1) }
    }

    /// One line without its end.
    public var text: String {
        ([name] + arguments.map { "\($0.key) \($0.value)" }).joined(separator: " ")
    }

    private static func named(_ text: String) -> String { text.isEmpty ? "(no room)" : text }

    private static func outcome(_ event: Event) -> String { event.small == 0 ? "done" : "refused" }

    private static func state(_ number: UInt32) -> String {
        ProcessState(rawValue: UInt8(clamping: number)).map { "\($0)" } ?? "state \(number)"
    }

    private static func process(_ event: Event) -> String {
        let process = EventProcess(field: event.small)
        return "node \(process.node) " + (process.isKeeper ? "keeper" : "worker")
            + " \(event.value)"
    }

    private static func exit(_ code: UInt32) -> String {
        switch code {
        case 0..<256: "exit status \(code)"
        case .max: "an unknown status"
        default: "signal \(code - 256)"
        }
    }
}
