#if canImport(Glibc)
    internal import Glibc
#endif

/// A rate that forgets: an event counts half after the half-life.
///
/// VPP's comment and code disagree here: its constant is exp(-1/20), meant for a sample each 20 ms,
/// but a sample is taken each 0.2 ms, so that what it calls a second are 2.8 ms. This one works its
/// constant out of the time that has really passed: K = 2^(-dt/half-life).
public struct LoopRate: Sendable {
    /// How long it takes for a change to show by half, in seconds.
    public static let halfLifeSeconds = 1.0
    /// The shortest time between two samples, in seconds.
    public static let sampleSeconds = 0.02

    /// Events a second.
    public private(set) var perSecond = 0.0
    private var hasSample = false

    /// Makes a rate that has seen nothing.
    public init() {}

    /// Takes a sample.
    ///
    /// - Parameters:
    ///   - events: how many there were since the sample before.
    ///   - seconds: how long that took, above 0.
    ///   - halfLife: in seconds.
    public mutating func add(
        events: UInt64,
        seconds: Double,
        halfLife: Double = halfLifeSeconds
    ) {
        guard seconds > 0 else { return }
        let rate = Double(events) / seconds
        // The first sample has nothing to be mixed with.
        let keep = hasSample ? exp2(-seconds / halfLife) : 0
        perSecond = perSecond * keep + rate * (1 - keep)
        hasSample = true
    }
}
