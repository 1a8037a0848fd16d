internal import CLinux
public import Coordination

/// A process of the control lane: a Swift `async` function that runs until it waits, like VPP's
/// process nodes.
///
/// It runs on its loop's thread alone, one process at a time, and is never interrupted: between two
/// waits everything that belongs to the loop is its own. What waits here is woken by the loop's
/// timing wheel and by events. A process that waits for something else (a foreign task, a sleep of
/// Swift's) is shown as `suspended`, and goes on on the loop's thread too.
public final class GraphProcess: @unchecked Sendable {
    /// The name in `show processes`.
    public let name: String
    /// The loop that it runs on.
    public unowned let loop: ProcessLoop
    let index: Int32
    var state = ProcessWait.notStarted
    var events = EventQueue()
    var timer: TimerID?
    var continuation: UnsafeContinuation<Bool, Never>?
    private var oneTimeEvent: UInt64 = 0
    private var resumedTSC: UInt64 = 0
    /// Times that it was resumed, times that it waited, events that it has taken, clocks that it
    /// ran, and the most at a time.
    private(set) var calls: UInt64 = 0
    private(set) var suspends: UInt64 = 0
    private(set) var taken: UInt64 = 0
    private(set) var clocks: UInt64 = 0
    private(set) var maximumClocks: UInt64 = 0

    init(name: String, loop: ProcessLoop, index: Int32) {
        self.name = name
        self.loop = loop
        self.index = index
    }

    /// Waits for a time.
    ///
    /// Less than a tick of the timing wheel (10 us) is no wait; more is cut off at ticks. Events
    /// that come meanwhile wait until the process asks for them.
    public func suspend(nanoseconds: UInt64) async {
        let ticks = TimingWheel.ticks(nanoseconds: nanoseconds)
        guard ticks > 0 else { return }
        timer = loop.startTimer(of: self, ticks: ticks)
        // Without a timer nothing would wake it: then it looks again in the next turn.
        _ = await wait(as: timer == nil ? .yield : .clock)
    }

    /// Waits for a time; see `suspend(nanoseconds:)`.
    public func suspend(for time: Duration) async { await suspend(nanoseconds: time.nanoseconds) }

    /// Waits until there is an event; returns at once if there is.
    public func waitForEvent() async {
        guard events.isEmpty else { return }
        _ = await wait(as: .event)
    }

    /// Waits until there is an event or the time is over; returns at once if there is an event.
    ///
    /// - Returns: whether there is an event.
    public func waitForEvent(orNanoseconds nanoseconds: UInt64) async -> Bool {
        guard events.isEmpty else { return true }
        let ticks = TimingWheel.ticks(nanoseconds: nanoseconds)
        guard ticks > 0 else { return false }
        timer = loop.startTimer(of: self, ticks: ticks)
        _ = await wait(as: timer == nil ? .yield : .any)
        return !events.isEmpty
    }

    /// Waits for an event or the time; see `waitForEvent(orNanoseconds:)`.
    public func waitForEvent(or time: Duration) async -> Bool {
        await waitForEvent(orNanoseconds: time.nanoseconds)
    }

    /// Lets others run: goes on in the loop's next turn.
    public func yield() async { _ = await wait(as: .yield) }

    /// Makes an event that comes once, and that only `wait(for:)` takes.
    public func makeOneTimeEvent() -> OneTimeEvent {
        OneTimeEvent(process: self, type: loop.nextOneTimeType())
    }

    /// Waits for a one-time event, whatever else comes; once.
    ///
    /// - Returns: what it carries.
    public func wait(for event: OneTimeEvent) async -> EventPayload {
        precondition(event.process === self, "a one-time event of another process")
        if !events.has(event.type) {
            oneTimeEvent = event.type
            _ = await wait(as: .oneTimeEvent)
        }
        var payload = EventPayload()
        loop.takeEvents(of: self, type: event.type) { payload = $0 }
        events.forget(event.type)
        return payload
    }

    /// Takes all waiting events of one type, oldest first: of the type that first came earliest.
    ///
    /// - Parameter body: called with what each carries.
    /// - Returns: the type; nil: there is no event.
    @discardableResult
    public func takeEvents(_ body: (EventPayload) -> Void) -> UInt64? {
        loop.takeEvents(of: self, type: nil) {
            taken &+= 1
            body($0)
        }
    }

    /// What it waits for.
    public var wait: ProcessWait { state }

    /// Whether there are events that it has not taken.
    public var hasEvents: Bool { !events.isEmpty }

    /// Whether an event of a type may end what it waits for.
    func isWaiting(for type: UInt64) -> Bool {
        switch state {
        case .event, .any: type & OneTimeEvent.mark == 0
        case .oneTimeEvent: type == oneTimeEvent
        default: false
        }
    }

    private func wait(as kind: ProcessWait) async -> Bool {
        pause()
        suspends &+= 1
        state = kind
        if kind == .yield { loop.noteYield(self) }
        let result = await withUnsafeContinuation { continuation = $0 }
        goOn()
        return result
    }

    /// Begins to count the time that it runs.
    func goOn() {
        state = .running
        calls &+= 1
        resumedTSC = CLinux_tsc()
    }

    /// Ends to count the time that it runs.
    func pause() {
        guard state == .running else { return }
        let spent = CLinux_tsc() &- resumedTSC
        clocks &+= spent
        maximumClocks = max(maximumClocks, spent)
    }
}

/// An event that comes once, such as the answer to a question.
public struct OneTimeEvent: Sendable {
    let process: GraphProcess
    let type: UInt64
    /// Set in the types of one-time events.
    static let mark: UInt64 = 1 << 63

    /// Signals the event; on the loop's thread.
    public func signal(_ payload: EventPayload = EventPayload()) {
        process.loop.signal(process, type: type, payload)
    }
}

extension Duration {
    /// Whole nanoseconds; 0 for a negative time.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, isOver) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return isOver ? .max : product &+ UInt64(attoseconds / 1_000_000_000)
    }
}

extension GraphProcess {
    /// How the process stands, for the worker's segment.
    public var reading: ProcessReading {
        ProcessReading(
            name: name,
            wait: state,
            calls: calls,
            suspends: suspends,
            events: taken,
            clocks: clocks,
            maximumClocks: maximumClocks
        )
    }
}
