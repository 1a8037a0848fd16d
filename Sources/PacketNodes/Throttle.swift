/// Lets each key through once in a period, by a bitmap of 512 hash buckets that starts anew every
/// period.
///
/// Keys that share a bucket share its turn; a new seed every period takes care that they do so once
/// only.
struct Throttle {
    private var bits = SIMD8<UInt64>()
    private var seed: UInt64 = 0
    private var start: UInt64 = 0
    private let period: UInt64

    /// - Parameter period: in ticks of the time-stamp counter.
    init(period: UInt64) { self.period = period }

    /// Whether a key has had its turn in this period; if not, this is it.
    ///
    /// `now` is the time-stamp counter, and `random` seeds the next period.
    mutating func refuses(_ key: UInt64, now: UInt64, random: () -> UInt64) -> Bool {
        if now &- start >= period || seed == 0 {
            bits = SIMD8()
            seed = random() | 1
            start = now
        }
        let bucket = Int(truncatingIfNeeded: ((key ^ seed) &* 0x9E37_79B9_7F4A_7C15) &>> 55)
        let bit: UInt64 = 1 &<< UInt64(bucket & 63)
        let word = bits[bucket &>> 6]
        bits[bucket &>> 6] = word | bit
        return word & bit != 0
    }
}
