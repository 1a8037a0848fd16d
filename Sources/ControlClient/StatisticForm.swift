internal import Coordination
internal import FoundationEssentials
internal import StatisticsReader

/// A statistic as it is printed: for people a line a place, for programs one JSON object.
struct StatisticForm: Encodable {
    /// A place of it.
    struct Place: Encodable {
        /// The lane, of a statistic with a row for each.
        var lane: Int?
        /// The position in the row, such as a `sw_if_index`.
        var index: Int?
        /// What the place is called, such as an interface.
        var label: String?
        var value: Double?
        /// The same as a whole number, which a `Double` may not hold.
        var count: UInt64?
        var packets: UInt64?
        var bytes: UInt64?
        var text: String?
        /// What the first number grew by in a second.
        var perSecond: Double?
    }

    var name: String
    /// `counter`, `combined`, `gauge`, `rate` or `names`.
    var type: String
    var values: [Place]

    /// Forms what was read.
    ///
    /// - Parameters:
    ///   - statistic: what was read.
    ///   - before: the same at an earlier moment, and the seconds between; nil: not known.
    init(_ statistic: Statistic, before: (statistic: Statistic, seconds: Double)?) {
        name = statistic.name
        type = "\(statistic.kind)"
        let earlier = before.map { before in
            (numbers: Self.firstNumbers(of: before.statistic), seconds: before.seconds)
        }
        values = statistic.places.map { place in
            var form = Place(
                lane: place.lane,
                index: place.index,
                label: place.label.isEmpty ? nil : place.label
            )
            form.text = place.text
            switch (statistic.kind, place.numbers.first, place.numbers.last) {
            case (.combined, .whole(let packets), .whole(let bytes)):
                form.packets = packets
                form.bytes = bytes
            case (_, .whole(let number), _): form.count = number
            case (_, .fraction(let number), _): form.value = number
            default: break
            }
            if [.counter, .combined].contains(statistic.kind), let earlier,
                earlier.seconds > 0, case .whole(let number) = place.numbers.first
            {
                let key = PlaceKey(lane: place.lane, index: place.index)
                let old = earlier.numbers[key] ?? 0
                form.perSecond = number >= old ? Double(number - old) / earlier.seconds : 0
            }
            return form
        }
    }

    private struct PlaceKey: Hashable {
        var lane: Int?
        var index: Int?
    }

    private static func firstNumbers(of statistic: Statistic) -> [PlaceKey: UInt64] {
        var numbers: [PlaceKey: UInt64] = [:]
        for place in statistic.places {
            if case .whole(let number) = place.numbers.first {
                numbers[PlaceKey(lane: place.lane, index: place.index)] = number
            }
        }
        return numbers
    }

    /// A line for each place.
    var text: String {
        values.map { place in
            var line = name
            if let lane = place.lane { line += " lane \(lane)" }
            if let index = place.index { line += " [\(index)]" }
            if let label = place.label { line += " \(label)" }
            if let text = place.text { line += " \(text)" }
            if let packets = place.packets, let bytes = place.bytes {
                line += " \(packets) packets, \(bytes) bytes"
            }
            if let count = place.count { line += " \(count)" }
            if let value = place.value { line += " \(Self.hundredths(value))" }
            if let rate = place.perSecond { line += " (\(Self.hundredths(rate))/s)" }
            return line + "\n"
        }.joined()
    }

    private static func hundredths(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        let scaled = Int((value * 100).rounded())
        let rest = String(100 + abs(scaled) % 100).dropFirst()
        return "\(scaled < 0 ? "-" : "")\(abs(scaled) / 100).\(rest)"
    }
}
