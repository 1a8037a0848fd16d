/// Random numbers that a printed seed brings back (SplitMix64).
public struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    /// Starts at a seed.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// Makes wrong texts of right ones: cut, doubled, spliced, and spiced with what has troubled parsers before.
public struct Mutator {
    /// The texts to start from; those that turn out to be interesting may be added.
    public var texts: [[UInt8]]
    private let originals: Int
    private let spice: [[UInt8]]
    private var random: SeededNumbers

    /// Braces, quotes, numbers out of range, broken UTF-8 and YAML's traps.
    public static let commonSpice = [
        "{", "}", "[", "]", ": ", "- ", "\"", "#", "\n", "\t", "&a ", "*a", "? ", "|", "!!int ",
        "9999999999999999999", "-1", "0", "18446744073709551616", "1e9", "0x", "99999999T", "\u{0}",
        "é", "\u{FEFF}", "null", "<<: ", ",", "-", "..", "4294967296", "%s", "\\", "'", "\r",
    ]

    /// Makes a mutator.
    ///
    /// - Parameters:
    ///   - texts: at least one.
    ///   - words: the vocabulary, added to the common spice.
    ///   - seed: what brings the same texts back.
    public init(texts: [[UInt8]], words: [String] = [], seed: UInt64) {
        self.texts = texts
        originals = texts.count
        spice = (Self.commonSpice + words).map { Array($0.utf8) }
        random = SeededNumbers(seed: seed)
    }

    /// The next text: a copy of one of the texts, every other time of one that was there at the start,
    /// changed in one to four places.
    public mutating func next() -> [UInt8] {
        let count = Bool.random(using: &random) ? texts.count : originals
        var bytes = texts[Int.random(in: 0..<count, using: &random)]
        for _ in 0..<Int.random(in: 1...4, using: &random) { change(&bytes) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let at = Int.random(in: 0...bytes.count, using: &random)
        let length = min(bytes.count - at, Int.random(in: 1...20, using: &random))
        switch Int.random(in: 0..<7, using: &random) {
        case 0: bytes.replaceSubrange(at..<(at + length), with: [])
        case 1: bytes.insert(contentsOf: Array(bytes[at..<(at + length)]), at: at)
        case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        case 3, 4: bytes.insert(contentsOf: word(), at: at)
        case 5: bytes.replaceSubrange(at..<(at + length), with: word())
        default:
            let other = texts[Int.random(in: 0..<texts.count, using: &random)]
            let from = Int.random(in: 0...other.count, using: &random)
            let run = other[from..<min(other.count, from + 60)]
            bytes.insert(contentsOf: Array(run), at: at)
        }
    }

    private mutating func word() -> [UInt8] {
        spice[Int.random(in: 0..<spice.count, using: &random)]
    }
}
