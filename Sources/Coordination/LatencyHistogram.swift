/// Lengths of time, counted in classes that are an eighth of their size wide.
///
/// A quantile is the upper end of its class, so at most 12.5 % too large, and never above the
/// maximum, which is exact.
public struct LatencyHistogram: Hashable, Sendable {
    /// How many lengths there are.
    public private(set) var count: UInt64 = 0
    /// The longest one in nanoseconds.
    public private(set) var maximum: UInt64 = 0
    /// All of them together in nanoseconds.
    public private(set) var sum: UInt64 = 0
    private var classes = [UInt32](repeating: 0, count: 8 * 62)

    /// Makes an empty one.
    public init() {}

    /// Counts a length in nanoseconds.
    public mutating func add(_ nanoseconds: UInt64) {
        count += 1
        sum &+= nanoseconds
        maximum = max(maximum, nanoseconds)
        let index = Self.index(of: nanoseconds)
        if classes[index] < .max { classes[index] += 1 }
    }

    /// The length that `part` of all do not exceed.
    ///
    /// - Parameter part: in 0...1, such as 0.99.
    /// - Returns: nanoseconds; 0 if there are none.
    public func quantile(_ part: Double) -> UInt64 {
        let wanted = UInt64((Double(count) * part).rounded(.up))
        var seen: UInt64 = 0
        for (index, number) in classes.enumerated() where number > 0 {
            seen += UInt64(number)
            if seen >= wanted { return min(maximum, Self.upperEnd(of: index)) }
        }
        return maximum
    }

    private static func index(of value: UInt64) -> Int {
        guard value >= 8 else { return Int(value) }
        let power = 63 - value.leadingZeroBitCount
        return (power - 2) * 8 + Int((value >> UInt64(power - 3)) & 7)
    }

    private static func upperEnd(of index: Int) -> UInt64 {
        guard index >= 8 else { return UInt64(index) }
        let power = UInt64(index / 8 + 2)
        let lower = (8 + UInt64(index % 8)) << (power - 3)
        return lower &+ (1 << (power - 3)) &- 1
    }
}
