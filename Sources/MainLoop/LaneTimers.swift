internal import Coordination

/// A lane's clock and timing wheel: how its graph nodes arrange to run at a time.
///
/// The lane's thread alone uses it; a copy is the same. Nothing is allocated after it is made. A
/// turn without anything due costs one comparison.
public struct LaneTimers: @unchecked Sendable {
    private struct State {
        var clock: LaneClock
        /// No timer expires before this reading of the time-stamp counter.
        var dueTSC: UInt64 = .max
        var expired: UInt64 = 0
        var refused: UInt64 = 0
    }

    private let state: UnsafeMutablePointer<State>
    private let wheel: TimingWheel
    /// Timers that a lane may have at a time.
    public static let capacity = 1024

    /// Makes timers that live as long as the process.
    ///
    /// - Parameters:
    ///   - clock: the lane's.
    ///   - tsc: the time-stamp counter now.
    public init(clock: LaneClock, tsc: UInt64) {
        var clock = clock
        wheel = TimingWheel(
            capacity: Self.capacity,
            now: TimingWheel.ticks(nanoseconds: clock.nanoseconds(at: tsc))
        )
        state = .allocate(capacity: 1)
        state.initialize(to: State(clock: clock))
    }

    /// Timers that have expired, and those that found the wheel full.
    public var expired: UInt64 { state.pointee.expired }
    /// See `expired`.
    public var refused: UInt64 { state.pointee.refused }
    /// How often the clock was held because it would have gone back.
    public var held: UInt64 { state.pointee.clock.held }
    /// Ticks of the time-stamp counter a second, as the lane reckons.
    public var hertz: Double { state.pointee.clock.base.hertz }

    /// Whether a timer may be due.
    @inline(__always)
    public func isDue(at tsc: UInt64) -> Bool { tsc >= state.pointee.dueTSC }

    /// Nanoseconds since the supervisor's start.
    public func nanoseconds(at tsc: UInt64) -> UInt64 {
        state.pointee.clock.nanoseconds(at: tsc)
    }

    /// Starts a timer; see `TimingWheel.start`.
    ///
    /// - Parameters:
    ///   - handle: whom it calls.
    ///   - nanoseconds: from now on; less than a tick is none.
    ///   - tsc: the time-stamp counter now.
    /// - Returns: the timer; nil: there is none.
    @discardableResult
    public func start(
        _ handle: TimerHandle,
        afterNanoseconds nanoseconds: UInt64,
        at tsc: UInt64
    ) -> TimerID? {
        let ticks = TimingWheel.ticks(nanoseconds: nanoseconds)
        let now = TimingWheel.ticks(nanoseconds: self.nanoseconds(at: tsc))
        let timer = wheel.start(handle, after: ticks, at: now)
        if timer == nil, ticks > 0 { state.pointee.refused &+= 1 }
        findDue()
        return timer
    }

    /// Stops a timer.
    @discardableResult
    public func stop(_ timer: TimerID) -> Bool { wheel.stop(timer) }

    /// Lets everything expire that is due.
    public func expire(at tsc: UInt64, _ body: (TimerHandle) -> Void) {
        _ = state.pointee.clock.refresh()
        let now = TimingWheel.ticks(nanoseconds: nanoseconds(at: tsc))
        let expired = wheel.expire(upTo: now, body)
        state.pointee.expired &+= UInt64(truncatingIfNeeded: expired)
        findDue()
    }

    /// Takes up a new time base, if there is one.
    public func refresh() {
        if state.pointee.clock.refresh() { findDue() }
    }

    /// Nanoseconds until a timer may be due; nil: there is none.
    public func nanosecondsToNextStop(at tsc: UInt64) -> UInt64? {
        guard let stop = wheel.nextStop else { return nil }
        let (due, isOver) = stop.multipliedReportingOverflow(by: TimingWheel.tickNanoseconds)
        if isOver { return .max }
        let now = nanoseconds(at: tsc)
        return due > now ? due - now : 0
    }

    private func findDue() {
        guard let stop = wheel.nextStop else {
            state.pointee.dueTSC = .max
            return
        }
        let (due, isOver) = stop.multipliedReportingOverflow(by: TimingWheel.tickNanoseconds)
        state.pointee.dueTSC = isOver ? .max : state.pointee.clock.base.tsc(at: due)
    }
}
