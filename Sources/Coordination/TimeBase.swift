internal import CLinux

/// How readings of the time-stamp counter become nanoseconds since the supervisor's start.
///
/// Every process has its own and they agree to microseconds, because each is held to the same
/// kernel's monotonic clock and starts from the same moment.
@frozen
public struct TimeBase: Hashable, Sendable {
    /// A reading of the time-stamp counter.
    public var anchorTSC: UInt64
    /// The nanoseconds at that reading.
    public var anchorNanoseconds: UInt64
    /// Nanoseconds a tick, times 2^40.
    public var multiplier: UInt64

    /// Makes a time base of its parts.
    @inlinable
    public init(anchorTSC: UInt64, anchorNanoseconds: UInt64, multiplier: UInt64) {
        self.anchorTSC = anchorTSC
        self.anchorNanoseconds = anchorNanoseconds
        self.multiplier = multiplier
    }

    /// Makes a time base of a frequency.
    public init(anchorTSC: UInt64, anchorNanoseconds: UInt64, hertz: Double) {
        self.init(
            anchorTSC: anchorTSC,
            anchorNanoseconds: anchorNanoseconds,
            multiplier: UInt64((1e9 / hertz * Self.one).rounded())
        )
    }

    static let one = Double(1 << 40)

    /// Ticks a second by which this base reckons; it is not the counter's frequency while an error
    /// is being worked off.
    public var hertz: Double { multiplier > 0 ? 1e9 * Self.one / Double(multiplier) : 0 }

    /// Nanoseconds since the supervisor's start; readings from before the anchor count as it.
    @inlinable @inline(__always)
    public func nanoseconds(at tsc: UInt64) -> UInt64 {
        guard tsc > anchorTSC else { return anchorNanoseconds }
        let product = (tsc &- anchorTSC).multipliedFullWidth(by: multiplier)
        return anchorNanoseconds &+ (product.high << 24 | product.low >> 40)
    }

    /// The reading of the time-stamp counter at which it will be that many nanoseconds; never
    /// before the anchor.
    public func tsc(at nanoseconds: UInt64) -> UInt64 {
        guard nanoseconds > anchorNanoseconds, multiplier > 0 else { return anchorTSC }
        let ahead = nanoseconds &- anchorNanoseconds
        let scaled = (high: ahead >> 24, low: ahead << 40)
        // So far ahead that it does not matter when.
        guard scaled.high < multiplier else { return .max }
        return anchorTSC &+ multiplier.dividingFullWidth(scaled).quotient &+ 1
    }
}

/// Where a process publishes its time base: eight words that its control lane alone writes and that
/// lanes and other processes read.
///
/// The version is odd while the words change; a reader that sees it odd, or changed after reading,
/// reads again.
public struct PublishedTimeBase: @unchecked Sendable {
    private let words: UnsafeMutablePointer<UInt64>

    /// Takes eight words, which outlive this value.
    public init(_ words: UnsafeMutablePointer<UInt64>) { self.words = words }

    /// Publishes a time base.
    public func publish(_ base: TimeBase) {
        let version = words.pointee
        CLinux_store_relaxed64(words, version &+ 1)
        CLinux_full_fence()
        CLinux_store_relaxed64(words + 1, base.anchorTSC)
        CLinux_store_relaxed64(words + 2, base.anchorNanoseconds)
        CLinux_store_relaxed64(words + 3, base.multiplier)
        CLinux_store_release64(words, version &+ 2)
    }

    /// The time base as it stands; nil: none has been published, or its writer died while it wrote.
    public func read() -> TimeBase? {
        for _ in 0..<1000 {
            let version = CLinux_load_acquire64(words)
            if version == 0 { return nil }
            let base = TimeBase(
                anchorTSC: CLinux_load_relaxed64(words + 1),
                anchorNanoseconds: CLinux_load_relaxed64(words + 2),
                multiplier: CLinux_load_relaxed64(words + 3)
            )
            CLinux_full_fence()
            if version & 1 == 0, CLinux_load_relaxed64(words) == version { return base }
            CLinux_pause()
        }
        return nil
    }

    /// Counts the publications, for readers that keep a copy.
    public var version: UInt64 { CLinux_load_relaxed64(words) }
}
