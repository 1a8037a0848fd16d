internal import Coordination

extension CommandTable {
    private static let onlyNode = Syntax.options([.option("node", .numaNode, "only this NUMA node")]
    )

    private static func logger(_ what: Syntax, _ summary: String, _ run: @escaping Command.Action)
        -> Command
    { Command(.word("event-logger", "what happened when") + what + onlyNode, summary, run: run) }

    /// A verb that only changes logs.
    private static func change(
        _ what: Syntax,
        _ summary: String,
        _ change: @escaping @Sendable (CommandInput) throws(CommandFailure) -> EventLogChange
    ) -> Command {
        logger(what, summary) { input, session throws(CommandFailure) in
            let change = try change(input)
            do throws(ChangeError) {
                try await session.dataplane.changeEventLogs(change, node: input.integer("node"))
            } catch { throw .refused(error) }
            return DoneResult()
        }
    }

    /// The commands `event-logger ...` and `show event-logger`.
    static let eventLoggerCommands = [
        change(.word("clear", "forget what happened"), "Empties the event logs.") {
            _ throws(CommandFailure) in .clear
        },
        change(.word("stop", "take nothing"), "Stops the event logs.") {
            _ throws(CommandFailure) in .run(false)
        },
        change(.word("restart", "take events again"), "Lets the event logs go on.") {
            _ throws(CommandFailure) in .run(true)
        },
        change(
            .word("resize", "how much fits")
                + .value(
                    "events",
                    .integer(EventLog.minimumEvents...EventLog.maximumEvents),
                    "events of each process"
                ),
            "Gives the event logs another size, and empties them."
        ) { input throws(CommandFailure) in
            .resize(try input.required(input.integer("events"), "EVENTS"))
        },
        logger(
            .word("trace", "frequent events")
                + .options(
                    EventTraces.named.map { .word($0.name, help(for: $0.name)) }
                        + [.word("disable", "no longer")]
                ),
            "Takes frequent events too, or shows which are taken."
        ) { input, session throws(CommandFailure) in try await trace(input, session) },
        logger(
            .word("save", "a file for ui.perfetto.dev")
                + .value("file", .word("NAME"), "a file in the runtime directory"),
            "Writes the events of all processes into a trace file."
        ) { input, session throws(CommandFailure) in try await save(input, session) },
        Command(
            .words("show event-logger", help: "what happened when")
                + .optional(
                    .choice([
                        .word("all", "all events"),
                        .value("count", .integer(1...10_000_000), "the last so many"),
                    ])
                ) + onlyNode,
            "Shows the last events of all processes in the order of their times."
        ) { input, session throws(CommandFailure) in
            let logs = await session.dataplane.eventLogs(node: input.integer("node"))
            return EventLoggerReport(
                logs.map { $0.read() },
                clock: clock(of: session, logs),
                last: input.has("all") ? .max : input.integer("count") ?? 250
            )
        },
    ]

    private static func help(for trace: String) -> String {
        switch trace {
        case "api": "requests to the control API"
        case "cli": "commands"
        case "dispatch": "calls of graph nodes"
        case "tw_timer": "turns of the timing wheel"
        default: "barriers"
        }
    }

    private static func trace(
        _ input: CommandInput,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        let node = input.integer("node")
        let chosen = EventTraces.named.filter { input.has($0.name) }
        guard !chosen.isEmpty else {
            guard !input.has("disable") else {
                throw .refused(
                    "say what to disable: "
                        + EventTraces.named.map(\.name).joined(separator: ", ")
                )
            }
            return EventTraceReport(await session.dataplane.eventLogs(node: node))
        }
        let change = EventLogChange.trace(
            EventTraces(chosen.map(\.trace)),
            isOn: !input.has("disable")
        )
        do throws(ChangeError) {
            try await session.dataplane.changeEventLogs(change, node: node)
        } catch { throw .refused(error) }
        return DoneResult()
    }

    private static func save(
        _ input: CommandInput,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        let name = try input.required(input.text("file"), "NAME")
        guard TraceFileName.isPlain(name) else { throw .refused(TraceFileName.refusal(of: name)) }
        let logs = await session.dataplane.eventLogs(node: input.integer("node"))
        let readings = logs.map { $0.read() }
        var file = TraceFile(readings, clock: clock(of: session, logs))
        do throws(ChangeError) {
            return SavedEvents(
                file: try await session.dataplane.save(name, file.encoded()),
                events: readings.reduce(0) { $0 + $1.events.count }
            )
        } catch { throw .refused(error) }
    }

    /// Times count from the start of the supervisor.
    private static func clock(of session: CommandSession, _ logs: [EventLog]) -> EventClock {
        (session.dataplane.events.log ?? logs.first)?.clock
            ?? EventClock(baseTSC: 0, hertz: 1e9, unixNanoseconds: 0)
    }
}
