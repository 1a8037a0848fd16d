internal import CLinux

#if canImport(Glibc)
    internal import Glibc
#endif

/// The common clock of all event logs of a machine: the time-stamp counter, and what it means in
/// nanoseconds.
///
/// The counter runs at one rate and from one zero for all CPUs and processes (invariant TSC), so
/// events of different processes are put in order by it alone. The rate is taken between the making
/// of a log and now, by the kernel's raw clock; the longer that is, the better.
public struct EventClock: Hashable, Sendable {
    /// A moment on both clocks.
    struct Instant: Hashable, Sendable {
        var tsc: UInt64
        /// CLOCK_MONOTONIC_RAW.
        var nanoseconds: UInt64

        static var now: Instant {
            // The counter is read on both sides of the system call, and their middle taken.
            let before = CLinux_tsc()
            let nanoseconds = EventClock.read(CLOCK_MONOTONIC_RAW)
            return Instant(tsc: before &+ (CLinux_tsc() &- before) / 2, nanoseconds: nanoseconds)
        }
    }

    /// The reading of the counter that times are counted from.
    public var baseTSC: UInt64
    /// Ticks of the counter a second.
    public var hertz: Double
    /// Nanoseconds since 1970 at the base.
    public var unixNanoseconds: UInt64

    /// Makes a clock of known figures, for tests and readers of another machine's files.
    public init(baseTSC: UInt64, hertz: Double, unixNanoseconds: UInt64) {
        self.baseTSC = baseTSC
        self.hertz = hertz
        self.unixNanoseconds = unixNanoseconds
    }

    /// Nanoseconds from the base to a reading of the counter; negative for one before it.
    public func nanoseconds(at tsc: UInt64) -> Int64 {
        let ticks = Int64(bitPattern: tsc &- baseTSC)
        return ticks.scaled(by: 1e9 / hertz)
    }

    /// Nanoseconds of a number of ticks.
    public func nanoseconds(ticks: UInt64) -> Int64 {
        Int64(clamping: ticks).scaled(by: 1e9 / hertz)
    }

    /// The time-stamp counter now.
    public static var ticks: UInt64 { CLinux_tsc() }

    static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Nanoseconds since 1970.
    static var unixNanoseconds: UInt64 { read(CLOCK_REALTIME) }

    /// The rate between two moments; nil if they are less than a millisecond apart.
    static func hertz(from first: Instant, to last: Instant) -> Double? {
        guard last.nanoseconds > first.nanoseconds &+ 1_000_000, last.tsc > first.tsc else {
            return nil
        }
        return Double(last.tsc - first.tsc) * 1e9 / Double(last.nanoseconds - first.nanoseconds)
    }
}

extension Int64 {
    /// The product as a number that fits, whatever the factor.
    fileprivate func scaled(by factor: Double) -> Int64 {
        let product = Double(self) * factor
        guard product.isFinite else { return 0 }
        return Int64(Swift.max(-9e18, Swift.min(9e18, product)))
    }
}

extension EventLog {
    /// The clock that counts from the making of this log.
    ///
    /// Waits a millisecond at most, when the log has only just been made.
    public var clock: EventClock {
        let base = EventClock.Instant(tsc: load(.baseTSC), nanoseconds: load(.baseNanoseconds))
        var hertz = EventClock.hertz(from: base, to: .now)
        if hertz == nil {
            usleep(1100)
            hertz = EventClock.hertz(from: base, to: .now)
        }
        return EventClock(
            baseTSC: base.tsc,
            // A base that cannot be right: one tick a nanosecond keeps the order, and that is all
            // that is known.
            hertz: hertz ?? 1e9,
            unixNanoseconds: load(.baseUnixNanoseconds)
        )
    }
}
