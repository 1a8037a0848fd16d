internal import CausewayConfiguration
internal import Coordination

extension CommandTable {
    /// The last so many events of a life that is over.
    private static let lastEvents = 250

    /// `show node N incarnation` and `clear node N incarnation`: lives of workers that are over.
    static let incarnationCommands: [Command] = [
        Command(
            .words("show node", help: "one NUMA node's dead workers")
                + .value("node", .numaNode, "the node's number")
                + .word("incarnation", "lives that are over and kept")
                + .optional(
                    .sequence([
                        .value("incarnation", .integer(1...Int(UInt32.max)), "the life's number"),
                        .optional(
                            .choice([
                                .word("interfaces", "packets and bytes"),
                                .word("errors", "drops by reason"),
                                .word("runtime", "what graph nodes did"),
                                .word("events", "what happened when"),
                                .word("stats", "everything that it counted"),
                            ])
                        ),
                    ])
                ),
            "Shows what is kept of a NUMA node's dead workers: counters, drops, events."
        ) { input, session throws(CommandFailure) in try await incarnation(input, session) },
        Command(
            .words("clear node", help: "one NUMA node's dead workers")
                + .value("node", .numaNode, "the node's number")
                + .word("incarnation", "lives that are over and kept")
                + .choice([
                    .value("incarnation", .integer(1...Int(UInt32.max)), "the life's number"),
                    .word("all", "all lives of the node that are over"),
                ]),
            "Forgets what is kept of a NUMA node's dead workers."
        ) { input, session throws(CommandFailure) in
            let node = try input.required(input.integer("node"), "NUMA-NODE")
            let life = input.integer("incarnation").map { UInt32(clamping: $0) }
            do throws(ChangeError) {
                let count = try await session.dataplane.clearDeadLives(
                    node: node,
                    incarnation: life
                )
                return ClearedLives(cleared: count)
            } catch { throw .refused(error) }
        },
    ]

    private static func incarnation(
        _ input: CommandInput,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        let node = try input.required(input.integer("node"), "NUMA-NODE")
        let kept = await session.dataplane.deadLives(node: node)
        guard let number = input.integer("incarnation").map({ UInt32(clamping: $0) }) else {
            return DeadLivesReport(node: node, kept)
        }
        guard let life = kept.first(where: { $0.incarnation == number }) else {
            throw .refused(DeadLife.absence(of: number, node: node, among: kept))
        }
        if input.has("events") {
            let logs = [life.eventLog].compactMap { $0 }
            let clock = session.dataplane.events.log?.clock ?? logs.first?.clock
            return EventLoggerReport(
                logs.map { $0.read() },
                clock: clock ?? EventClock(baseTSC: 0, hertz: 1e9, unixNanoseconds: 0),
                last: lastEvents
            )
        }
        if input.has("stats") { return DeadStatistics(life) }
        let view = await session.dataplane.view().seen(by: life)
        if input.has("interfaces") { return InterfaceReport(view, only: nil) }
        if input.has("errors") { return ErrorsReport(view.readings(), isVerbose: false) }
        if input.has("runtime") {
            return RuntimeReport(
                view.readings(),
                form: .table,
                filter: RuntimeReport.Filter(numaNode: node, lane: nil, isVerbose: false)
            )
        }
        return DeadLivesReport(node: node, [life])
    }
}

extension DataplaneView {
    /// The same with the counters of a life that is over, and of nothing else.
    func seen(by life: DeadLife) -> DataplaneView {
        var view = self
        view.nodes = nodes.filter { $0.number == life.node }.map { status in
            var status = status
            status.incarnation = life.incarnation
            status.segment = life.segment
            status.baseline = life.segment.map { CounterBaseline(of: $0) } ?? CounterBaseline()
            return status
        }
        // Rates would be to the present: what is over has none.
        view.clock = nil
        return view
    }
}
