internal import CausewayConfiguration
internal import Coordination

/// `show clock`: how the processes' time bases agree.
struct ClockReport: CommandResult {
    /// The time base of a process, or the clock of a lane.
    struct Clock: Encodable, Sendable {
        /// `supervisor`, or the worker's name.
        var name: String
        var numaNode: Int?
        /// The lane's number on its NUMA node; nil: the process itself.
        var lane: Int?
        /// The frequency of the time-stamp counter as it was measured.
        var hertz: Double
        /// How far it is ahead of the supervisor's clock now; nil: unknown, or it is that.
        var offsetNanoseconds: Int64?
        /// How far it was ahead of the kernel's clock when it was last verified.
        var errorNanoseconds: Int64
        /// Verifications, those that found a jump, and how often a lane's clock was held because it
        /// would have gone back.
        var checks: UInt64
        var jumps: UInt64
        var held: UInt64
    }

    /// Seconds since the supervisor started.
    var timeSeconds: Double
    var clocks: [Clock]

    init(_ view: DataplaneView, isVerbose: Bool) {
        clocks = []
        timeSeconds = view.uptimeSeconds
        if let clock = view.clock {
            timeSeconds = Double(clock.base.nanoseconds(at: clock.tsc)) / 1e9
            clocks.append(
                Clock(
                    name: "supervisor",
                    hertz: clock.hertz,
                    errorNanoseconds: clock.errorNanoseconds,
                    checks: clock.checks,
                    jumps: clock.jumps,
                    held: 0
                )
            )
        }
        for reading in view.readings() {
            guard let segment = reading.status.segment else { continue }
            clocks.append(Clock(segment, reading, supervisor: view.clock))
            guard isVerbose else { continue }
            for index in reading.lanes.indices {
                clocks.append(Clock(lane: index, segment, reading))
            }
        }
    }

    var text: String {
        var table = TextTable([
            .init("Clock", 16, .left), .init("Frequency MHz", 14), .init("Offset us", 10),
            .init("Error us", 10), .init("Checks", 7), .init("Jumps", 6), .init("Held", 6),
        ])
        for clock in clocks {
            table.add([
                clock.name, Figure.fixed(clock.hertz / 1e6, digits: 6),
                clock.offsetNanoseconds.map(Self.microseconds) ?? "-",
                Self.microseconds(clock.errorNanoseconds), String(clock.checks),
                String(clock.jumps), String(clock.held),
            ])
        }
        return "Time now \(Figure.fixed(timeSeconds, digits: 6)) s since the supervisor's start\n"
            + table.text
    }

    private static func microseconds(_ nanoseconds: Int64) -> String {
        Figure.fixed(Double(nanoseconds) / 1000, digits: 3)
    }
}

extension ClockReport.Clock {
    fileprivate init(
        _ segment: WorkerSegment,
        _ reading: NodeReading,
        supervisor: ClockStatus?
    ) {
        name = "cw-n\(reading.placement.number)"
        numaNode = reading.placement.number
        hertz = Double(segment.load(.clockMillihertzMeasured)) / 1000
        if let supervisor, let base = PublishedTimeBase(segment.pointer(.timeBase)).read() {
            offsetNanoseconds = Int64(
                bitPattern: base.nanoseconds(at: supervisor.tsc)
                    &- supervisor.base.nanoseconds(at: supervisor.tsc)
            )
        }
        errorNanoseconds = Int64(bitPattern: segment.load(.clockError))
        checks = segment.load(.clockChecks)
        jumps = segment.load(.clockJumps)
        held = 0
    }

    fileprivate init(lane index: Int, _ segment: WorkerSegment, _ reading: NodeReading) {
        let lane = reading.lanes[index]
        name = "cw-n\(reading.placement.number)-l\(index)"
        numaNode = reading.placement.number
        self.lane = index
        hertz = PublishedTimeBase(segment.pointer(.timeBase)).read()?.hertz ?? 0
        errorNanoseconds = Int64(bitPattern: lane[.clockError])
        checks = lane[.clockChecks]
        jumps = 0
        held = lane[.clockHeld]
    }
}
