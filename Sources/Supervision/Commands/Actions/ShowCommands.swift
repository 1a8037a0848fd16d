internal import CausewayConfiguration
internal import ControlProtocol

extension CommandTable {
    private static func show(_ what: Syntax, _ summary: String, _ run: @escaping Command.Action)
        -> Command
    { Command(.word("show", "what there is") + what, summary, run: run) }

    private static let onlyNode = Syntax.options([
        .option("node", .numaNode, "only this NUMA node")
    ])
    private static let onlyInterface = Syntax.optional(
        .value("interface", .interface, "only this one")
    )

    /// The commands `show ...`.
    static let showCommands = processCommands + portCommands + counterCommands + fibCommands

    private static let processCommands = [
        show(.word("version", "of the supervisor"), "Shows the version and the time it runs.") {
            _,
            session throws(CommandFailure) in
            VersionReport(version: Build.version, await session.dataplane.view())
        },
        show(.word("threads", "the lanes") + onlyNode, "Shows the lanes' threads.") {
            input,
            session throws(CommandFailure) in
            let (before, now) = await session.twoReadings()
            return ThreadsReport(input.scoped(now), before: input.scoped(before))
        },
        show(.word("lanes", "the lanes' work") + onlyNode, "Shows what the lanes did.") {
            input,
            session throws(CommandFailure) in
            LanesReport(input.scoped(await session.dataplane.view().readings()))
        },
        show(.word("nodes", "the processes"), "Shows the keeper and the worker of each NUMA node.")
        {
            _,
            session throws(CommandFailure) in NodesReport(await session.dataplane.view())
        },
        show(.word("restarts", "of dead workers"), "Shows what became of each death of a worker.") {
            _,
            session throws(CommandFailure) in
            RecoveriesReport(await session.dataplane.recoveries())
        },
        show(.word("topology", "what runs where"), "Shows what runs where.") {
            _,
            session throws(CommandFailure) in
            TopologyReport(placement: await session.dataplane.view().placement)
        },
        show(
            .word("buffers", "the pools") + onlyNode,
            "Shows the packet buffers of each NUMA node."
        ) {
            input,
            session throws(CommandFailure) in
            BuffersReport(input.scoped(await session.dataplane.view().readings()))
        },
        show(.word("memory", "the heaps") + onlyNode, "Shows the workers' heaps.") {
            input,
            session throws(CommandFailure) in
            MemoryReport(input.scoped(await session.dataplane.view().readings()))
        },
        show(.word("cpu", "processors and builds"), "Shows which build runs where, and why.") {
            _,
            session throws(CommandFailure) in
            CPUReport(variants: await session.dataplane.view().variants)
        },
        show(.word("files", "what processes have open") + onlyNode, "Shows which files are open.") {
            input,
            session throws(CommandFailure) in
            FilesReport(await session.dataplane.view(), only: input.integer("node"))
        },
        show(.word("log", "the last lines"), "Shows the last lines of the supervisor's log.") {
            _,
            session throws(CommandFailure) in
            LogReport(log: await session.dataplane.view().log)
        },
        show(.word("journal", "the configuration on the disk"), "Shows how the journal is kept.") {
            _,
            session throws(CommandFailure) in
            JournalReport(
                await session.dataplane.journalStatus(),
                change: await session.dataplane.view().changeNumber
            )
        },
        show(
            .word("processes", "of the control lanes") + onlyNode,
            "Shows the control lanes' processes."
        ) {
            input,
            session throws(CommandFailure) in
            ProcessesReport(input.scoped(await session.dataplane.view().readings()))
        },
        show(
            .word("rpc", "calls between lanes and processes") + onlyNode,
            "Shows calls and back-pressure."
        ) {
            input,
            session throws(CommandFailure) in
            CallsReport(input.scoped(await session.dataplane.view().readings()))
        },
        show(
            .word("clock", "time bases") + .optional(.word("verbose", "each lane by itself")),
            "Shows how the processes' time bases agree."
        ) { input, session throws(CommandFailure) in
            ClockReport(await session.dataplane.view(), isVerbose: input.has("verbose"))
        },
    ]

    private static let portCommands = [
        show(
            .word("interface", "packets and bytes")
                + .optional(
                    .choice([
                        .word("address", "IPv4 addresses"),
                        .word("rx-placement", "which lane looks after which queue, and how"),
                        .value("interface", .interface, "only this one"),
                    ])
                ),
            "Shows interfaces with their counters, or their addresses."
        ) { input, session throws(CommandFailure) in
            let view = await session.dataplane.view()
            if input.has("address") { return InterfaceAddressReport(view) }
            if input.has("rx-placement") { return RxPlacementReport(view) }
            return InterfaceReport(view, only: input.text("interface"))
        },
        show(
            .word("hardware-interfaces", "the ports") + onlyInterface,
            "Shows ports with their drivers and hardware counters."
        ) { input, session throws(CommandFailure) in
            let view = await session.dataplane.view()
            let statuses = await session.dataplane.portStatuses()
            return HardwareReport(view, statuses, only: input.text("interface"))
        },
        show(
            .word("packet-generator", "the streams")
                + .optional(.word("verbose", "their packets too")),
            "Shows the packet generators' streams."
        ) { input, session throws(CommandFailure) in
            let view = await session.dataplane.view()
            let names = CommandTable.interfaceNames(view)
            var nodes: [PacketGeneratorReport.Node] = []
            for node in view.placement.nodes {
                nodes.append(await session.streams(of: node.number, interfaces: names))
            }
            return PacketGeneratorReport(nodes: nodes, isVerbose: input.has("verbose"))
        },
    ]

    private static let counterCommands = [
        show(
            .word("runtime", "graph nodes")
                + .options([
                    .option("node", .numaNode, "only this NUMA node"),
                    .option("lane", .integer(0...63), "only the lane of this number"),
                    .word("summary", "rates only"), .word("verbose", "idle graph nodes too"),
                    .word("max", "the most clocks of a call"),
                    .word("time", "nanoseconds instead of clocks"),
                ]),
            "Shows what graph nodes did on each lane, and the control lanes' processes."
        ) { input, session throws(CommandFailure) in
            RuntimeReport(
                await session.dataplane.view().readings(),
                form: input.has("summary")
                    ? .summary
                    : input.has("max") ? .maximum : input.has("time") ? .time : .table,
                filter: RuntimeReport.Filter(
                    numaNode: input.integer("node"),
                    lane: input.integer("lane"),
                    isVerbose: input.has("verbose")
                )
            )
        },
        errors(.word("errors", "drops by reason")),
        errors(.word("node", "graph nodes") + .word("counters", "drops by reason")),
        show(
            .word("statistics", "what counters lie in")
                + .word("segment", "of each worker, in shared memory")
                + .optional(.word("verbose", "the names too")),
            "Shows the segments that statistics are read from, and how much of them is used."
        ) { input, session throws(CommandFailure) in
            StatisticsReport(await session.dataplane.view(), isVerbose: input.has("verbose"))
        },
        handoff(.word("handoff", "packets between NUMA nodes")),
        handoff(.word("frame-queue", "packets between NUMA nodes")),
    ]

    private static func errors(_ what: Syntax) -> Command {
        show(
            what
                + .options([
                    .word("verbose", "each lane by itself"),
                    .option("node", .numaNode, "only this NUMA node"),
                ]),
            "Shows why packets were dropped."
        ) { input, session throws(CommandFailure) in
            ErrorsReport(
                input.scoped(await session.dataplane.view().readings()),
                isVerbose: input.has("verbose")
            )
        }
    }

    private static func handoff(_ what: Syntax) -> Command {
        show(what, "Shows the rings between NUMA nodes.") { _, session throws(CommandFailure) in
            HandoffReport(await session.dataplane.view().readings())
        }
    }
}

extension CommandSession {
    /// Two readings, 100 ms apart: long enough for a sleeping lane to turn its loop.
    fileprivate func twoReadings() async -> (before: [NodeReading], now: [NodeReading]) {
        let before = await dataplane.view().readings()
        // Cut short by a cancellation, the readings are only closer together.
        try? await Task.sleep(for: .milliseconds(100))
        return (before, await dataplane.view().readings())
    }

    fileprivate func streams(
        of node: Int,
        interfaces: [Int: String]
    ) async -> PacketGeneratorReport.Node {
        var streams: [PacketGeneratorReport.Stream] = []
        do throws(ChangeError) {
            // An answer has as many as go into it.
            while true {
                let from = UInt16(clamping: streams.count)
                let text = try await dataplane.packetGenerator(node: node, .show(from: from))
                let lines = text.split(separator: "\n")
                guard !lines.isEmpty else { break }
                for line in lines {
                    guard let status = PacketGeneratorStatus(line: line) else {
                        throw ChangeError("its worker says something else than streams")
                    }
                    streams.append(PacketGeneratorReport.Stream(status, interfaces))
                }
            }
            return PacketGeneratorReport.Node(numaNode: node, streams: streams)
        } catch {
            return PacketGeneratorReport.Node(numaNode: node, streams: [], error: "\(error)")
        }
    }
}

extension CommandInput {
    /// The readings of the NUMA node that `node N` names, or all.
    fileprivate func scoped(_ readings: [NodeReading]) -> [NodeReading] {
        guard let node = integer("node") else { return readings }
        return readings.filter { $0.placement.number == node }
    }
}
