internal import CLinux

/// An extension block: the 256 addresses of a /24 that longer prefixes cut up.
///
/// The addresses fall into intervals that share a word. A block holds a bitmap of where intervals begin
/// (32 bytes, bit 0 implied), the number of set bits before each of its four words (4 bytes), and then a
/// word for each interval. So 3 prefixes apart from each other fit into one cache line, 11 into two, and
/// 256 addresses of their own into 17; all sizes read the same way.
///
/// Bitmap and counts never change once a lane can see them; words change one at a time. An interval begins
/// wherever a prefix longer than 24 does, even when the word beside it is equal, so that a prefix can be
/// taken out again by changing words: that never needs memory.
struct FibBlock {
    static var countsOffset: Int { 32 }
    static var wordsOffset: Int { 36 }

    let base: UnsafeMutableRawPointer

    var words: UnsafeMutablePointer<UInt32> {
        (base + Self.wordsOffset).assumingMemoryBound(to: UInt32.self)
    }

    var bitmap: FibBitmap {
        FibBitmap(words: base.load(as: SIMD4<UInt64>.self))
    }

    var intervalCount: Int { bitmap.count + 1 }

    static func byteCount(intervals: Int) -> Int {
        (wordsOffset + intervals * 4 + 63) & ~63
    }

    /// Writes a block that nobody sees yet.
    func fill(bitmap: FibBitmap, from words: UnsafePointer<UInt32>) {
        base.storeBytes(of: bitmap.words, as: SIMD4<UInt64>.self)
        base.storeBytes(of: bitmap.counts, toByteOffset: Self.countsOffset, as: UInt32.self)
        let target = self.words
        var index = 1
        target[0] = words[0]
        bitmap.forEach { start in
            target[index] = words[start]
            index &+= 1
        }
    }

    /// Spreads the words over the 256 addresses.
    func expand(into words: UnsafeMutablePointer<UInt32>) {
        let source = self.words
        var from = 0
        var index = 0
        bitmap.forEach { start in
            let word = source[index]
            for address in from..<start { words[address] = word }
            from = start
            index &+= 1
        }
        for address in from..<256 { words[address] = source[index] }
    }

    /// Writes `words` into the intervals that there are, one word at a time, while lanes read.
    func update(from words: UnsafePointer<UInt32>) {
        let target = self.words
        var index = 1
        publish(words[0], at: target)
        bitmap.forEach { start in
            publish(words[start], at: target + index)
            index &+= 1
        }
    }

    /// Replaces every word whose prefix length is in `depths`, while lanes read.
    func replace(depths: ClosedRange<UInt32>, with word: UInt32) {
        let target = words
        for index in 0..<intervalCount where depths.contains(FibEntry.depth(target[index])) {
            publish(word, at: target + index)
        }
    }

    private func publish(_ word: UInt32, at target: UnsafeMutablePointer<UInt32>) {
        if target.pointee != word { CLinux_store_release32(target, word) }
    }
}

/// Where intervals begin in a /24; bit 0 is never set, because one always begins there.
struct FibBitmap {
    var words = SIMD4<UInt64>()

    init() {}

    init(words: SIMD4<UInt64>) { self.words = words }

    var count: Int {
        words[0].nonzeroBitCount + words[1].nonzeroBitCount + words[2].nonzeroBitCount
            + words[3].nonzeroBitCount
    }

    /// The number of set bits before each word, a byte each, the first one lowest.
    var counts: UInt32 {
        let first = UInt32(truncatingIfNeeded: words[0].nonzeroBitCount)
        let second = first &+ UInt32(truncatingIfNeeded: words[1].nonzeroBitCount)
        let third = second &+ UInt32(truncatingIfNeeded: words[2].nonzeroBitCount)
        return first << 8 | second << 16 | third << 24
    }

    func isSubset(of other: FibBitmap) -> Bool { words & ~other.words == SIMD4() }

    mutating func insert(_ address: Int) {
        words[address >> 6] |= 1 << UInt64(address & 63)
    }

    /// Calls `body` with every set bit, in ascending order.
    @inline(__always)
    func forEach(_ body: (Int) -> Void) {
        for index in 0..<4 {
            var word = words[index]
            while word != 0 {
                body(index &* 64 &+ word.trailingZeroBitCount)
                word &= word &- 1
            }
        }
    }

    /// Finds where intervals begin in a spread-out /24.
    init(of words: UnsafePointer<UInt32>) {
        for index in 0..<4 {
            var bits: UInt64 = 0
            for bit in 0..<64 {
                let address = index &* 64 &+ bit
                let word = words[address]
                let before = words[address == 0 ? 0 : address &- 1]
                // A prefix of length 25...32 begins at a multiple of its size.
                let beyond = (word >> FibEntry.depthShift) &- 24
                let low = UInt32(truncatingIfNeeded: address) & (255 &>> beyond)
                let begins = word != before || (beyond &- 1 < 8 && low == 0)
                bits |= (begins ? 1 : 0) &<< UInt64(bit)
            }
            self.words[index] = bits
        }
        self.words[0] &= ~1
    }

}
