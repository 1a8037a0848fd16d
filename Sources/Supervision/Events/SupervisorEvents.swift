internal import ControlProtocol
public import Coordination
internal import LinuxSystem
internal import Synchronization

/// What the supervisor records of itself: commands, requests, and what becomes of its processes.
///
/// Many tasks record here, so that one lock stands before the one ring; nothing here is on the way
/// of a packet. Before the log is there, events are lost.
public final class SupervisorEvents: Sendable {
    private struct State {
        var log: EventLog?
        /// The numbers of texts in the log; a command is one of a bounded set.
        var texts: [String: UInt32] = [:]
    }

    private let state = Mutex(State())
    private let feedState = Mutex<EventFeed?>(nil)

    /// Where clients read of it as it happens; nil: nobody does.
    var feed: EventFeed? {
        get { feedState.withLock { $0 } }
        set { feedState.withLock { $0 = newValue } }
    }

    /// Makes a recorder without a log.
    public init() {}

    /// The log; nil: there is none yet.
    public var log: EventLog? { state.withLock { $0.log } }

    /// Records in this log from now on.
    ///
    /// - Parameters:
    ///   - log: writable; of one writer, which is this.
    ///   - pid: this process's id.
    public func record(in log: EventLog, pid: Int) {
        log.setProcess(pid)
        log.writer(0).setThread(pid)
        state.withLock { $0 = State(log: log) }
    }

    /// The time-stamp counter, for the beginning of a span.
    var now: UInt64 { EventClock.ticks }

    /// Records a command line that has been run.
    func command(_ name: String, since start: UInt64, isRefused: Bool) {
        put(.command, at: start, small: isRefused ? 1 : 0, text: name)
    }

    /// Records an answered request.
    func request(_ name: String, since start: UInt64, status: Int) {
        put(.request, at: start, small: UInt16(clamping: status), text: name)
    }

    func started(_ name: ProcessName, _ pid: Int32) {
        put(.processStarted, name, middle: UInt32(clamping: pid))
        feed?.add(.process(name, "started"))
    }

    func entered(_ name: ProcessName, _ state: ProcessState) {
        put(.processState, name, middle: UInt32(state.rawValue))
        feed?.add(.process(name, "\(state)"))
    }

    func ended(_ name: ProcessName, _ status: ExitStatus) {
        let code: UInt32 =
            switch status {
            case .exited(let code): UInt32(clamping: code) & 0xFF
            case .signalled(let signal): 256 + UInt32(clamping: signal)
            case .unknown: .max
            }
        put(.processEnded, name, middle: code)
        feed?.add(.process(name, "ended", detail: "\(status)"))
    }

    /// Records something about a barrier; `until` is nil for what has no length.
    func barrier(
        _ kind: EventKind,
        since start: UInt64,
        until end: UInt64? = nil,
        caller: String,
        small: Int = 0
    ) {
        put(kind, at: start, until: end ?? start, small: UInt16(clamping: small), text: caller)
    }

    func barrierHeldDown(nanoseconds: UInt64, isJump: Bool) {
        write { log in
            let ticks = UInt64(Double(nanoseconds) * log.clock.hertz / 1e9)
            log.writer(0).record(
                .barrierHeldDown,
                at: EventClock.ticks &- ticks,
                small: isJump ? 1 : 0,
                value: ticks
            )
        }
    }

    func barrierLeft(node: Int) {
        write {
            $0.writer(0).record(.barrierLeft, at: EventClock.ticks, small: UInt16(clamping: node))
        }
    }

    /// Records something about a lane.
    func lane(_ kind: EventKind, _ place: LanePlace, value: UInt64 = 0) {
        write {
            $0.writer(0).record(
                kind,
                at: EventClock.ticks,
                small: UInt16(clamping: place.node),
                middle: UInt32(clamping: place.lane),
                value: value
            )
        }
    }

    /// Records a journal entry, and passes its number on.
    func committed(_ number: UInt64) -> UInt64 {
        write { $0.writer(0).record(.journal, at: EventClock.ticks, value: number) }
        feed?.add(.change(number))
        return number
    }

    /// Records a change that its first worker did not survive.
    func poison(_ number: UInt64, _ name: ProcessName) {
        write {
            $0.writer(0).record(
                .poison,
                at: EventClock.ticks,
                small: UInt16(clamping: name.node),
                middle: name.incarnation,
                value: number
            )
        }
        feed?.add(.poison(number, name))
    }

    private func put(_ kind: EventKind, _ name: ProcessName, middle: UInt32) {
        let process = EventProcess(node: name.node, isKeeper: name.role == .keeper)
        write {
            $0.writer(0).record(
                kind,
                at: EventClock.ticks,
                small: process.field,
                middle: middle,
                value: UInt64(name.incarnation)
            )
        }
    }

    private func put(
        _ kind: EventKind,
        at start: UInt64,
        until end: UInt64 = EventClock.ticks,
        small: UInt16,
        text: String
    ) {
        state.withLock { state in
            guard let log = state.log else { return }
            var number = state.texts[text] ?? 0
            if number == 0 {
                number = log.addText(text)
                state.texts[text] = number
            }
            log.writer(0).record(
                kind,
                at: start,
                small: small,
                middle: number,
                value: end &- start
            )
        }
    }

    private func write(_ body: (EventLog) -> Void) {
        state.withLock { state in
            if let log = state.log { body(log) }
        }
    }
}
