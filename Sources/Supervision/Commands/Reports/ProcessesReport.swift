internal import CausewayConfiguration
internal import Coordination

/// `show processes`: what the control lanes do by themselves.
struct ProcessesReport: CommandResult {
    /// A process of a control lane.
    struct Process: Encodable, Sendable {
        var numaNode: Int
        var name: String
        /// `not started`, `running`, `suspended`, `event wait`, `clock wait`, `any wait`, `one time
        /// event wait`, `yield` or `done`.
        var state: String
        /// Times that it was resumed, and times that it waited.
        var calls: UInt64
        var suspends: UInt64
        var events: UInt64
        /// Clocks that it ran in all, and the most without a wait.
        var clocks: UInt64
        var maximumClocks: UInt64
    }

    var processes: [Process]

    init(_ readings: [NodeReading]) {
        processes = readings.flatMap { reading in
            (reading.status.segment?.processes ?? []).map { process in
                Process(
                    numaNode: reading.placement.number,
                    name: process.name,
                    state: "\(process.wait)",
                    calls: process.calls,
                    suspends: process.suspends,
                    events: process.events,
                    clocks: process.clocks,
                    maximumClocks: process.maximumClocks
                )
            }
        }
    }

    var text: String {
        var table = TextTable([
            .init("Node", 4, .left), .init("Name", 20, .left), .init("State", 20, .left),
            .init("Calls", 10), .init("Suspends", 10), .init("Events", 10),
            .init("Clocks/Call", 12), .init("Max Clocks", 12),
        ])
        for process in processes {
            table.add([
                String(process.numaNode), process.name, process.state, String(process.calls),
                String(process.suspends), String(process.events),
                Figure.scientific(Double(process.clocks) / Double(max(1, process.calls))),
                Figure.scientific(Double(process.maximumClocks)),
            ])
        }
        return table.text
    }
}

/// `show rpc`: calls from lanes to control lanes, and messages between those and the supervisor.
struct CallsReport: CommandResult {
    /// A way that calls take.
    struct Way: Encodable, Sendable {
        var from: String
        var to: String
        var calls: UInt64
        /// Calls that found no room: a lane's and a worker's are given up, and said again when they
        /// come up again; the supervisor waits.
        var refused: UInt64
        /// Calls that fit; nil: as much as a socket's buffer holds.
        var capacity: Int?
    }

    var ways: [Way]

    /// What a lane's mailbox holds.
    private static let mailboxCapacity = 1024

    init(_ readings: [NodeReading]) {
        ways = []
        for reading in readings {
            let control = "cw-n\(reading.placement.number)-control"
            for (index, lane) in reading.lanes.enumerated() {
                ways.append(
                    Way(
                        from: "cw-n\(reading.placement.number)-l\(index)",
                        to: control,
                        calls: lane[.controlCalls],
                        refused: lane[.controlCallsRefused],
                        capacity: Self.mailboxCapacity
                    )
                )
            }
            ways.append(
                Way(
                    from: control,
                    to: "supervisor",
                    calls: reading.status.segment?.load(.reportsSent) ?? 0,
                    refused: reading.status.segment?.load(.reportsRefused) ?? 0
                )
            )
            ways.append(
                Way(
                    from: "supervisor",
                    to: control,
                    calls: reading.status.messagesSent,
                    refused: reading.status.messageWaits
                )
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("From", 14, .left), .init("To", 14, .left), .init("Calls", 12),
            .init("No room", 8), .init("Capacity", 8),
        ])
        for way in ways {
            table.add([
                way.from, way.to, String(way.calls), String(way.refused),
                way.capacity.map { String($0) } ?? "socket",
            ])
        }
        return table.text
    }
}
