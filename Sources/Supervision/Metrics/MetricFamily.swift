/// Metrics of one name, as monitoring systems read them.
struct MetricFamily: Hashable, Sendable {
    /// What the values are.
    enum Kind: String, Sendable {
        /// Only grows, but for a new life of the process that counts, and `clear`.
        case counter
        case gauge
        /// 1, with what is to be said in labels.
        case info
        /// Quantiles, with `_count` and `_sum`.
        case summary
    }

    /// A value with its labels.
    struct Sample: Hashable, Sendable {
        /// Put behind the family's name, such as `_count` of a summary.
        var suffix = ""
        var labels: [Label]
        var value: Value
    }

    /// A label's name and value.
    struct Label: Hashable, Sendable {
        var name: String
        var value: String

        init(_ name: String, _ value: some CustomStringConvertible) {
            self.name = name
            self.value = value.description
        }
    }

    /// A sample's number.
    enum Value: Hashable, Sendable, CustomStringConvertible {
        case whole(UInt64)
        case fraction(Double)

        var description: String {
            switch self {
            case .whole(let number): "\(number)"
            case .fraction(let number): "\(number)"
            }
        }
    }

    /// Without the `causeway_` before it and the `_total` of a counter behind it.
    var name: String
    var kind: Kind
    /// A sentence without a period.
    var help: String
    var samples: [Sample]

    init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// A family of one value.
    init(_ name: String, _ kind: Kind, _ help: String, _ value: Value) {
        self.init(name, kind, help, [Sample(labels: [], value: value)])
    }
}
