internal import Coordination

/// `show event-logger`: the last events of all processes.
struct EventLoggerReport: CommandResult {
    /// An event.
    struct Line: Encodable, Sendable {
        /// Seconds since the supervisor started.
        var seconds: Double
        var process: String
        var thread: String
        var event: String
        /// Seconds that it took, if it has a length.
        var duration: Double?
    }

    /// Events in the logs, and how many fit.
    var count: Int
    var capacity: Int
    /// `running`, `stopped`, or `running in A of B processes`.
    var logger: String
    /// Records that were being written while they were read.
    var torn: Int
    /// Oldest first.
    var events: [Line]

    init(_ readings: [EventReading], clock: EventClock, last: Int) {
        let merged = MergedEvents(readings)
        count = merged.order.count
        capacity = readings.reduce(0) { $0 + $1.capacity }
        torn = readings.reduce(0) { $0 + $1.tornCount }
        let running = readings.filter { $0.traces.contains(.running) }.count
        logger =
            if running == readings.count { "running" } else if running == 0 {
                "stopped"
            } else { "running in \(running) of \(readings.count) processes" }
        events = merged.order.suffix(last).map { place in
            let (reading, event) = merged[place]
            let isSpan = event.kind?.isSpan ?? false
            return Line(
                seconds: Double(clock.nanoseconds(at: event.tsc)) * 1e-9,
                process: TraceFile.name(of: reading.source),
                thread: TraceFile.name(ofWriter: event.writer, reading.source),
                event: EventDescription(event, in: reading).text,
                duration: isSpan ? Double(clock.nanoseconds(ticks: event.value)) * 1e-9 : nil
            )
        }
    }

    var text: String {
        var text = "\(count) of \(capacity) events in buffer, logger \(logger)\n"
        for line in events {
            let time = Figure.fixed(line.seconds, digits: 9)
            text += String(repeating: " ", count: max(0, 18 - time.utf8.count)) + time
            text += ": \(line.thread): \(line.event)"
            if let duration = line.duration {
                text += " (\(Figure.fixed(duration * 1e6, digits: 3)) us)"
            }
            text += "\n"
        }
        return text
    }
}

/// `event-logger trace`: which frequent events are taken.
struct EventTraceReport: CommandResult {
    /// A kind of events.
    struct Trace: Encodable, Sendable {
        var name: String
        /// `on`, `off`, or `on in A of B processes`.
        var state: String
    }

    var traces: [Trace]

    init(_ logs: [EventLog]) {
        traces = EventTraces.named.map { name, trace in
            let count = logs.filter { $0.traces.contains(trace) }.count
            let state =
                if count == 0 { "off" } else if count == logs.count { "on" } else {
                    "on in \(count) of \(logs.count) processes"
                }
            return Trace(name: name, state: state)
        }
    }

    var text: String { traces.map { "\($0.name): \($0.state)\n" }.joined() }
}

/// `event-logger save`: where the file is.
struct SavedEvents: CommandResult {
    var file: String
    var events: Int

    var text: String { "\(events) events saved to \(file)\n" }
}
