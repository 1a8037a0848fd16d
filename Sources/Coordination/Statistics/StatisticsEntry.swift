/// An entry of a segment's directory of statistics: a name, and where its values lie.
///
/// The values of an entry are a table: for each lane (or once for the worker) a row of `indices`
/// places, each of `width` 64-bit words side by side. A value's zero, which `clear` sets, lies
/// `zeroDistance` bytes behind it; 0: there is none. The directory is only added to, so an entry
/// keeps its place and its meaning for a worker's life. `docs/statistics.md` has the layout.
public struct StatisticsEntry: Hashable, Sendable {
    /// What the words of an entry are.
    public enum Kind: UInt32, Sendable, CaseIterable {
        /// Counts up, one word.
        case counter = 1
        /// Counts up, two words: packets and bytes.
        case combined = 2
        /// Stands for what is now, one word.
        case gauge = 3
        /// Stands for what is now, one word with the bits of a `Double`.
        case rate = 4
        /// Texts in UTF-8, ended by a zero byte; `width` words each.
        case names = 5
    }

    /// What an entry of several workers is together.
    public enum Together: UInt32, Sendable, CaseIterable {
        case sum = 1
        case minimum = 2
        case maximum = 3
        /// The workers' lanes one after the other, in the order of their nodes.
        case lanes = 4
        /// The first worker's stand for all.
        case same = 5
        /// The mean over the lanes of all workers.
        case mean = 6
    }

    /// Such as `/if/rx`; at most `longestName` bytes of UTF-8.
    public var name: String
    /// What the words are.
    public var kind: Kind
    /// What the entry is over several workers.
    public var together: Together
    /// Where in the segment the first value lies, in bytes; a multiple of 8.
    public var offset: Int
    /// Rows, and bytes from one to the next.
    public var lanes: Int
    /// See `lanes`.
    public var laneStride: Int
    /// Places in a row, and bytes from one to the next.
    public var indices: Int
    /// See `indices`.
    public var indexStride: Int
    /// 64-bit words of a place.
    public var width: Int
    /// Bytes from a value to its zero; 0: it has none.
    public var zeroDistance: Int

    /// Bytes of an entry in the directory.
    public static let byteCount = 256
    /// The longest name in bytes.
    public static let longestName = 191

    /// Makes an entry; without more said, one word for the worker.
    public init(
        name: String,
        kind: Kind,
        together: Together = .sum,
        offset: Int,
        lanes: Int = 1,
        laneStride: Int = 0,
        indices: Int = 1,
        indexStride: Int = 0,
        width: Int = 1,
        zeroDistance: Int = 0
    ) {
        self.name = name
        self.kind = kind
        self.together = together
        self.offset = offset
        self.lanes = lanes
        self.laneStride = laneStride
        self.indices = indices
        self.indexStride = indexStride
        self.width = width
        self.zeroDistance = zeroDistance
    }

    /// Writes the entry where the directory has it.
    func write(to entry: UnsafeMutableRawPointer) {
        let bytes = Array(name.utf8.prefix(Self.longestName)) + [0]
        entry.copyMemory(from: bytes, byteCount: bytes.count)
        let words = entry + 192
        words.storeBytes(of: kind.rawValue, as: UInt32.self)
        words.storeBytes(of: together.rawValue, toByteOffset: 4, as: UInt32.self)
        words.storeBytes(of: UInt64(offset), toByteOffset: 8, as: UInt64.self)
        let fields = [lanes, laneStride, indices, indexStride, width, zeroDistance]
        for (index, field) in fields.enumerated() {
            words.storeBytes(
                of: UInt32(field),
                toByteOffset: 16 + 4 * index,
                as: UInt32.self
            )
        }
    }

    /// Reads an entry; nil: it is none, or its values do not lie within the segment.
    ///
    /// - Parameters:
    ///   - entry: where the directory has it.
    ///   - byteCount: the length of the segment.
    init?(reading entry: UnsafeRawPointer, within byteCount: Int) {
        let words = entry + 192
        func field(_ offset: Int) -> Int {
            Int(words.load(fromByteOffset: offset, as: UInt32.self))
        }
        guard let kind = Kind(rawValue: words.load(as: UInt32.self)),
            let together = Together(rawValue: words.load(fromByteOffset: 4, as: UInt32.self)),
            let offset = Int(exactly: words.load(fromByteOffset: 8, as: UInt64.self))
        else { return nil }
        let text = UnsafeRawBufferPointer(start: entry, count: 192).prefix { $0 != 0 }
        self.init(
            name: String(decoding: text, as: UTF8.self),
            kind: kind,
            together: together,
            offset: offset,
            lanes: field(16),
            laneStride: field(20),
            indices: field(24),
            indexStride: field(28),
            width: field(32),
            zeroDistance: field(36)
        )
        guard !name.isEmpty, isWithin(byteCount) else { return nil }
    }

    /// Whether every value, and every zero, lies within a segment, at a multiple of 8.
    func isWithin(_ byteCount: Int) -> Bool {
        guard (1...4096).contains(lanes), (1...65_536).contains(indices),
            (1...16).contains(width), offset >= 0, offset <= byteCount,
            [offset, laneStride, indexStride, zeroDistance].allSatisfy({ $0 % 8 == 0 })
        else { return false }
        // None of the factors has more than 32 bits.
        let last =
            offset + (lanes - 1) * laneStride + (indices - 1) * indexStride + width * 8
            + zeroDistance
        return last <= byteCount
    }
}
