/// Medians and their spread.
enum Statistics {
    /// The middle value; the mean of the two in the middle of an even number.
    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The median absolute deviation from the median.
    static func spread(_ values: [Double]) -> Double {
        let middle = median(values)
        return median(values.map { abs($0 - middle) })
    }
}

/// Random numbers that are the same in every run (xorshift64*).
struct SeededRandom {
    private var state: UInt64

    /// Makes a sequence; each seed another one.
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    /// The next number.
    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }

    /// A number in 0..<`bound`.
    mutating func next(below bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
