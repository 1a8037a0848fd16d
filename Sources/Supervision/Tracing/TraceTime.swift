internal import Coordination

/// A time of a trace as it is printed.
struct TraceTime {
    private let format: TraceTimeFormat
    private let clock: EventClock

    init(_ format: TraceTimeFormat, _ clock: EventClock) {
        self.format = format
        self.clock = clock
    }

    /// A reading of the time-stamp counter, of a packet that came in at `begin`.
    func text(of tsc: UInt64, since begin: UInt64) -> String {
        let nanoseconds = clock.nanoseconds(at: tsc)
        switch format {
        case .relative: return Self.clockTime(max(0, nanoseconds) / 1000, separator: ":")
        case .delta:
            let ticks = tsc &- begin
            return Figure.fixed(Double(clock.nanoseconds(ticks: ticks)) / 1000, digits: 3) + " us"
        case .datetime:
            let microseconds =
                (Int64(clamping: clock.unixNanoseconds).addingReportingOverflow(nanoseconds)
                    .partialValue) / 1000
            let day = microseconds / 86_400_000_000
            let time = Self.clockTime(microseconds % 86_400_000_000, separator: ".")
            return "\(Self.date(ofDay: Int(day)))T\(time)Z"
        }
    }

    private static func clockTime(_ microseconds: Int64, separator: String) -> String {
        let seconds = Int(microseconds / 1_000_000)
        let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60].map {
            $0 < 10 ? "0\($0)" : "\($0)"
        }
        let rest = String(Int(microseconds % 1_000_000))
        let zeros = String(repeating: "0", count: 6 - rest.utf8.count)
        return parts.joined(separator: ":") + separator + zeros + rest
    }

    /// The date of a day since 1970-01-01, in the Gregorian calendar (days_from_civil reversed).
    static func date(ofDay day: Int) -> String {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let year =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        let number = month < 10 ? month + 3 : month - 9
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year + era * 400 + (number <= 2 ? 1 : 0))-\(two(number))-\(two(dayOfMonth))"
    }
}
