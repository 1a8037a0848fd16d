public import Coordination

/// A lane's view of its worker's time: nanoseconds since the supervisor's start, which never go
/// back, whatever becomes of the time base.
///
/// One thread uses it.
public struct LaneClock: Sendable {
    private let published: PublishedTimeBase
    private var version: UInt64
    /// The copy of the time base that the lane works with.
    public private(set) var base: TimeBase
    private var last: UInt64 = 0
    /// How often the clock would have gone back, and was held.
    public private(set) var held: UInt64 = 0

    /// Makes a clock.
    ///
    /// - Parameters:
    ///   - published: where the worker's control lane publishes its time base.
    ///   - fallback: what to reckon by as long as nothing is published.
    public init(_ published: PublishedTimeBase, fallback: TimeBase) {
        self.published = published
        version = published.version
        base = published.read() ?? fallback
    }

    /// Takes a time base that was published since.
    ///
    /// - Returns: whether there was a new one.
    public mutating func refresh() -> Bool {
        let now = published.version
        guard now != version, let new = published.read() else { return false }
        version = now
        base = new
        return true
    }

    /// Nanoseconds at a reading of the time-stamp counter, at least those given before.
    public mutating func nanoseconds(at tsc: UInt64) -> UInt64 {
        let now = base.nanoseconds(at: tsc)
        guard now >= last else {
            held &+= 1
            return last
        }
        last = now
        return now
    }
}
