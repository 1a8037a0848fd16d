public import Coordination

/// A statistic with its values at one moment.
public struct Statistic: Hashable, Sendable {
    /// Such as `/if/rx`, `/node0/if/rx` or `/node1.3/if/rx`.
    public var name: String
    /// What the words are.
    public var kind: StatisticsEntry.Kind
    /// 64-bit words of a place.
    public var width: Int
    /// A row for each lane, or one; places one after the other, `width` words each.
    public var rows: [[UInt64]]
    /// What places are called, where they have names; such a place has an empty one if it is not
    /// in use.
    public var labels: [String]

    /// Makes a statistic of what was read.
    public init(
        name: String,
        kind: StatisticsEntry.Kind,
        width: Int,
        rows: [[UInt64]],
        labels: [String] = []
    ) {
        self.name = name
        self.kind = kind
        self.width = width
        self.rows = rows
        self.labels = labels
    }

    /// A number of a statistic.
    public enum Number: Hashable, Sendable, CustomStringConvertible {
        case whole(UInt64)
        case fraction(Double)

        /// The number in decimal digits.
        public var description: String {
            switch self {
            case .whole(let number): "\(number)"
            case .fraction(let number): "\(number)"
            }
        }
    }

    /// A place with its numbers.
    public struct Place: Hashable, Sendable {
        /// The row; nil if there is one alone.
        public var lane: Int?
        /// The position in the row; nil if there is one alone.
        public var index: Int?
        /// What the place is called; empty: nothing.
        public var label: String
        /// One, or packets and bytes.
        public var numbers: [Number]
        /// The text of a statistic of texts.
        public var text: String?
    }

    /// The places worth showing: where there is more than one, those with a name, or if places have
    /// none those that are not 0.
    public var places: [Place] {
        rows.enumerated().flatMap { lane, row in
            let count = row.count / max(1, width)
            return (0..<count).compactMap { index -> Place? in
                let words = row[index * width..<(index + 1) * width]
                let label = index < labels.count ? labels[index] : ""
                if kind == .names {
                    let text = Self.text(words)
                    return text.isEmpty
                        ? nil : Place(lane: nil, index: index, label: "", numbers: [], text: text)
                }
                if count > 1, labels.isEmpty ? words.allSatisfy({ $0 == 0 }) : label.isEmpty {
                    return nil
                }
                return Place(
                    lane: rows.count > 1 ? lane : nil,
                    index: count > 1 ? index : nil,
                    label: label,
                    numbers: words.map {
                        kind == .rate ? .fraction(Double(bitPattern: $0)) : .whole($0)
                    },
                    text: nil
                )
            }
        }
    }

    /// Everything together, of a statistic of counts.
    public var total: UInt64 {
        rows.reduce(0) { sum, row in
            sum &+ stride(from: 0, to: row.count, by: max(1, width)).reduce(0) { $0 &+ row[$1] }
        }
    }

    /// The texts, of a statistic of texts; empty ones are places that are not in use.
    static func texts(_ row: [UInt64], width: Int) -> [String] {
        (0..<row.count / max(1, width)).map { text(row[$0 * width..<($0 + 1) * width]) }
    }

    private static func text(_ words: ArraySlice<UInt64>) -> String {
        let bytes = words.flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
        }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
