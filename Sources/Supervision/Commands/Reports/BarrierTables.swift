internal import Coordination

/// `show barrier`: what the barriers came to.
struct BarrierTables: CommandResult {
    /// Lengths of time, in nanoseconds.
    struct Times: Encodable, Sendable {
        var count: UInt64
        var p50: UInt64
        var p99: UInt64
        var maximum: UInt64

        init(_ histogram: LatencyHistogram) {
            count = histogram.count
            p50 = histogram.quantile(0.5)
            p99 = histogram.quantile(0.99)
            maximum = histogram.maximum
        }
    }

    /// A caller's barriers, and how long they were closed.
    struct Caller: Encodable, Sendable {
        var caller: String
        var closedNanoseconds: Times
    }

    /// How long a lane took to stop, and how often it slept instead.
    struct Lane: Encodable, Sendable {
        var numaNode: Int
        var lane: Int
        var nanoseconds: Times
        var asleep: UInt64
    }

    /// Barriers that were closed and opened, those in which lanes began, those taken again by who
    /// held them.
    var count: UInt64
    var beginnings: UInt64
    var recursions: UInt64
    /// From the first lane asked to all stopped, and to all let go.
    var closingNanoseconds: Times
    var closedNanoseconds: Times
    /// Waits because the last barrier had just been open.
    var holdDowns: UInt64
    var holdDownNanoseconds: UInt64
    var holdDownsGivenUp: UInt64
    /// Late attempts; those after which lanes were let go; workers killed; workers that ended
    /// meanwhile; barriers that were not closed; barriers that lanes opened themselves.
    var late: UInt64
    var letGo: UInt64
    var fenced: UInt64
    var left: UInt64
    var failed: UInt64
    var expired: UInt64
    var callers: [Caller]
    var lanes: [Lane]

    init(_ report: BarrierReport) {
        count = report.count
        beginnings = report.beginnings
        recursions = report.recursions
        closingNanoseconds = Times(report.closing)
        closedNanoseconds = Times(report.closed)
        holdDowns = report.holdDowns
        holdDownNanoseconds = report.holdDownNanoseconds
        holdDownsGivenUp = report.holdDownJumps
        late = report.late
        letGo = report.letGo
        fenced = report.fenced
        left = report.left
        failed = report.failures
        expired = report.expired
        callers = report.callers.sorted { $0.key < $1.key }.map {
            Caller(caller: $0.key, closedNanoseconds: Times($0.value.closed))
        }
        lanes = report.lanes.sorted { ($0.key.node, $0.key.lane) < ($1.key.node, $1.key.lane) }
            .map {
                Lane(
                    numaNode: $0.key.node,
                    lane: $0.key.lane,
                    nanoseconds: Times($0.value.time),
                    asleep: $0.value.asleep
                )
            }
    }

    var text: String {
        let wait = Self.microseconds(holdDownNanoseconds)
        return "Barriers \(count), beginnings of lanes \(beginnings), taken again \(recursions)\n"
            + "Hold-downs \(holdDowns) (\(wait) us in all), given up \(holdDownsGivenUp)\n"
            + "Late \(late), let go meanwhile \(letGo), workers killed \(fenced), workers gone "
            + "\(left), failed \(failed), expired \(expired)\n" + timeTable
    }

    private var timeTable: String {
        var table = TextTable([
            .init("Time us", 24, .left), .init("Count", 8), .init("p50", 10), .init("p99", 10),
            .init("Max", 10), .init("Asleep", 8),
        ])
        func add(_ name: String, _ times: Times, asleep: UInt64? = nil) {
            table.add([
                name, String(times.count), Self.microseconds(times.p50),
                Self.microseconds(times.p99), Self.microseconds(times.maximum),
                asleep.map { String($0) } ?? "",
            ])
        }
        add("closing", closingNanoseconds)
        add("closed", closedNanoseconds)
        for caller in callers { add("closed by \(caller.caller)", caller.closedNanoseconds) }
        for lane in lanes {
            add("node \(lane.numaNode) lane \(lane.lane)", lane.nanoseconds, asleep: lane.asleep)
        }
        return table.text
    }

    private static func microseconds(_ nanoseconds: UInt64) -> String {
        Figure.fixed(Double(nanoseconds) / 1000, digits: 1)
    }
}
