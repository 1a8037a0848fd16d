internal import CLinux

#if canImport(Glibc)
    internal import Glibc
#endif

/// The time-stamp counter and the kernel's monotonic clock at one moment.
public struct ClockSample: Hashable, Sendable {
    /// The time-stamp counter.
    public var tsc: UInt64
    /// CLOCK_MONOTONIC in nanoseconds.
    public var nanoseconds: UInt64

    /// Makes a sample of its parts.
    public init(tsc: UInt64, nanoseconds: UInt64) {
        self.tsc = tsc
        self.nanoseconds = nanoseconds
    }

    /// Reads both clocks as closely together as a few tries allow: some tens of nanoseconds on an
    /// idle CPU.
    public static func take() -> ClockSample {
        var best = ClockSample(tsc: 0, nanoseconds: 0)
        var closest = UInt64.max
        for _ in 0..<8 {
            let before = CLinux_tsc()
            let nanoseconds = Self.monotonicNanoseconds()
            let after = CLinux_tsc()
            guard after >= before, after - before < closest else { continue }
            closest = after - before
            best = ClockSample(tsc: before + closest / 2, nanoseconds: nanoseconds)
        }
        return best
    }

    /// CLOCK_MONOTONIC in nanoseconds.
    public static func monotonicNanoseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
    }
}

/// Keeps a process's time base true: measures the counter's frequency against the kernel's
/// monotonic clock, and works off what the base is wrong by, without a step back.
public struct ClockKeeper: Sendable {
    /// What a verification found.
    public struct Finding: Hashable, Sendable {
        /// The counter's frequency in ticks a second.
        public var hertz: Double
        /// How far the base was ahead of the kernel's clock, in nanoseconds; negative: behind.
        public var errorNanoseconds: Int64
        /// Whether one of the clocks jumped, so that measuring began anew.
        public var hasJumped: Bool
    }

    /// Seconds between verifications once the frequency is well known (VPP: 2^4).
    public static let longestInterval = 16.0
    /// An error beyond which the base is set rather than bent, in nanoseconds.
    public static let jumpNanoseconds: Int64 = 100_000_000
    /// The most that a base is bent, as a part of its speed.
    static let bend = 0.000_5

    /// CLOCK_MONOTONIC when the supervisor started: the zero of all time bases.
    public let zeroNanoseconds: UInt64
    /// The time base as it is now.
    public private(set) var base: TimeBase
    /// The counter's frequency in ticks a second.
    public private(set) var hertz: Double
    /// Verifications so far, and those that found a jump.
    public private(set) var checks: UInt64 = 0
    /// See `checks`.
    public private(set) var jumps: UInt64 = 0
    private var first: ClockSample

    /// Starts from a frequency that is known roughly.
    ///
    /// - Parameters:
    ///   - zeroNanoseconds: CLOCK_MONOTONIC when the supervisor started.
    ///   - hertz: what the frequency is believed to be.
    ///   - sample: both clocks now.
    public init(zeroNanoseconds: UInt64, hertz: Double, sample: ClockSample) {
        self.zeroNanoseconds = zeroNanoseconds
        self.hertz = hertz
        first = sample
        base = TimeBase(
            anchorTSC: sample.tsc,
            anchorNanoseconds: sample.nanoseconds &- zeroNanoseconds,
            hertz: hertz
        )
    }

    /// The seconds until the next verification: 1, 2, 4, 8, and then 16 each.
    public var interval: Double {
        checks < 4 ? Double(1 << checks) : Self.longestInterval
    }

    /// Compares both clocks, and corrects the base.
    ///
    /// The new base takes up where the old one is at the sample. If that is ahead of the kernel's
    /// clock it goes slower until it no longer is; if it is behind it goes faster, or, when it is
    /// far behind, is set forward.
    ///
    /// - Parameter sample: both clocks now.
    /// - Returns: what was found.
    public mutating func verify(_ sample: ClockSample) -> Finding {
        checks += 1
        let elapsed = Double(sample.nanoseconds &- first.nanoseconds)
        let ticks = Double(sample.tsc &- first.tsc)
        let measured = elapsed > 0 && ticks > 0 ? ticks * 1e9 / elapsed : hertz
        let own = base.nanoseconds(at: sample.tsc)
        let truth = sample.nanoseconds &- zeroNanoseconds
        let error = Int64(bitPattern: own &- truth)
        // A counter's frequency does not change; if it seems to, the machine was stopped or moved.
        let hasJumped = abs(measured / hertz - 1) > 0.01 || abs(error) > Self.jumpNanoseconds
        if hasJumped {
            jumps += 1
            first = sample
        } else {
            hertz = measured
        }
        let isFarBehind = error < -Self.jumpNanoseconds
        let seconds = interval
        let rest = isFarBehind ? 0 : Double(error) / (seconds * 1e9)
        let correction = error > Self.jumpNanoseconds ? 0.5 : max(-Self.bend, min(Self.bend, rest))
        base = TimeBase(
            anchorTSC: sample.tsc,
            anchorNanoseconds: isFarBehind ? truth : own,
            hertz: hertz / (1 - correction)
        )
        return Finding(hertz: hertz, errorNanoseconds: error, hasJumped: hasJumped)
    }

    /// Measures the counter's frequency for some milliseconds: good to a few parts in a hundred
    /// thousand.
    public static func roughHertz(milliseconds: UInt32 = 20) -> Double {
        let start = ClockSample.take()
        usleep(milliseconds * 1000)
        let end = ClockSample.take()
        let elapsed = Double(end.nanoseconds &- start.nanoseconds)
        return elapsed > 0 ? Double(end.tsc &- start.tsc) * 1e9 / elapsed : 1e9
    }
}
