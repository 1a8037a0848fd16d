internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import SystemPackage

extension CommandTable {
    private static let onlyNode = Syntax.option("node", .numaNode, "only this NUMA node")

    /// `trace ...`, `show trace`, `clear trace`, `set trace timestamp-format`.
    static let traceCommands: [Command] = [
        Command(
            .words("trace add", help: "trace packets of an input node")
                + .value("input", .word("INPUT-NODE"), "the graph node that takes packets in")
                + .value(
                    "count",
                    .integer(0...1_000_000),
                    "packets of each lane; 0: no further ones"
                )
                + .options([.word("verbose", "a line about each packet's buffer"), onlyNode]),
            "Traces the next packets that an input node takes in, on every lane."
        ) { input, session throws(CommandFailure) in try await add(input, session) },
        Command(
            .words("trace filter", help: "which traced packets are shown")
                + .choice([
                    filter("include", "packets that passed a graph node"),
                    filter("exclude", "packets that did not pass a graph node"),
                    .word("none", "all packets"),
                ]),
            "Chooses the traced packets that are shown, and traces no further ones."
        ) { input, session throws(CommandFailure) in try await filter(input, session) },
        Command(
            .words("show trace", help: "what became of single packets")
                + .options([
                    .option("max", .integer(1...1_000_000), "packets of each lane (50)"), onlyNode,
                ]),
            "Shows the traced packets, each with its way through the graphs of all lanes."
        ) { input, session throws(CommandFailure) in await show(input, session) },
        Command(
            .words("clear trace", help: "forget traced packets") + .options([onlyNode]),
            "Forgets the traced packets, and traces no further ones."
        ) { input, session throws(CommandFailure) in
            for life in await lives(session, input.integer("node")) { life.buffer.clear() }
            return DoneResult()
        },
        Command(
            .words("set trace timestamp-format", help: "how times of traces are printed")
                + .choice(TraceTimeFormat.allCases.map { .word($0.rawValue, $0.summary) }),
            "Chooses how show trace prints times."
        ) { input, session throws(CommandFailure) in
            for format in TraceTimeFormat.allCases where input.has(format.rawValue) {
                session.dataplane.tracing.timeFormat = format
            }
            return DoneResult()
        },
    ]

    private static func filter(_ word: String, _ help: String) -> Syntax {
        .sequence([
            .word(word, help), .value("passed", .word("NODE"), "the graph node"),
            .value("count", .integer(1...1_000_000), "the most packets that are shown"),
        ])
    }

    static func lives(_ session: CommandSession, _ node: Int?) async -> [TracedLife] {
        await session.dataplane.tracedLives().filter { node == nil || $0.buffer.node == node }
    }

    private static func add(
        _ input: CommandInput,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        session.dataplane.tracing.isVerbose = input.has("verbose")
        return try await traceFurther(
            packets: try input.required(input.integer("count"), "COUNT"),
            of: try input.required(input.text("input"), "INPUT-NODE"),
            node: input.integer("node"),
            session
        )
    }

    /// Has lanes trace further packets of an input node.
    ///
    /// - Parameters:
    ///   - count: packets of each lane; 0: no further ones.
    ///   - name: the input node.
    ///   - node: only this NUMA node's lanes.
    ///   - session: where the command runs.
    /// - Returns: nothing to say.
    /// - Throws: `CommandFailure` if no worker traces, or has no such input node.
    static func traceFurther(
        packets count: Int,
        of name: String,
        node: Int? = nil,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        let all = await lives(session, nil).filter { !$0.isOver && $0.buffer.isAttached }
        let chosen = all.filter { node == nil || $0.buffer.node == node }
        guard !chosen.isEmpty else {
            throw .refused("no worker runs that can trace; show nodes says what runs")
        }
        var targets: [(life: TracedLife, index: Int)] = []
        for life in chosen {
            let inputs = inputNodes(of: life)
            guard let index = inputs.first(where: { $0.name == name })?.index else {
                throw .refused(
                    "\(name) is no input node of node \(life.buffer.node)'s worker; choose one of "
                        + inputs.map(\.name).sorted().joined(separator: ", ")
                )
            }
            targets.append((life, index))
        }
        // Traced packets may come to any node: all of them need room for what they then write.
        for life in all {
            try reserve(life) { () throws(Errno) in
                try life.buffer.reserve(path: life.path, records: true)
            }
        }
        for (life, index) in targets { life.buffer.add(packets: count, of: index) }
        return DoneResult()
    }

    /// Takes memory, or says where it is missing.
    static func reserve(
        _ life: TracedLife,
        _ body: () throws(Errno) -> Void
    ) throws(CommandFailure) {
        do throws(Errno) { try body() } catch {
            throw .refused("\(life.path): no room (\(error)); enlarge the file system")
        }
    }

    /// The input nodes of a worker's graph: the states of all others are `active`.
    private static func inputNodes(of life: TracedLife) -> [(name: String, index: Int)] {
        guard let segment = life.segment, segment.laneCount > 0 else { return [] }
        let lane = segment.lane(0)
        return segment.nodeNames.enumerated().compactMap { index, node in
            let state = lane.node(index)[LaneBlock.NodeWord.state.rawValue]
            return state == LaneNodeState.active.rawValue ? nil : (node.name, index)
        }
    }

    private static func filter(
        _ input: CommandInput,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        let all = await lives(session, nil)
        var filter: TraceFilter?
        if !input.has("none") {
            let node = try input.required(input.text("passed"), "NODE")
            let names = Set(all.flatMap { $0.segment?.nodeNames.map(\.name) ?? [] })
            guard names.contains(node) else {
                throw .refused("there is no graph node \(node); show runtime verbose lists them")
            }
            filter = TraceFilter(
                isInclude: input.has("include"),
                node: node,
                packets: try input.required(input.integer("count"), "N")
            )
        }
        for life in all { life.buffer.stop() }
        session.dataplane.tracing.filter = filter
        return DoneResult()
    }

    private static func show(
        _ input: CommandInput,
        _ session: CommandSession
    ) async -> any CommandResult {
        let view = await session.dataplane.view()
        let readings = await lives(session, nil).map { TraceReading($0) }
        var report = TraceReport(
            readings,
            await traceForm(session, view, maximum: input.integer("max") ?? 50)
        )
        if let node = input.integer("node") { report.packets.removeAll { $0.numaNode != node } }
        return report
    }

    static func traceForm(
        _ session: CommandSession,
        _ view: DataplaneView,
        maximum: Int
    ) async -> TraceReport.Form {
        let tracing = session.dataplane.tracing
        return TraceReport.Form(
            interfaces: interfaceNames(view),
            lanes: view.placement.nodes.flatMap { node in
                node.lanes.indices.map { (node.number, $0) }
            },
            clock: await clock(of: session),
            timeFormat: tracing.timeFormat,
            isVerbose: tracing.isVerbose,
            filter: tracing.filter,
            maximum: maximum
        )
    }

    /// Times count from the start of the supervisor.
    static func clock(of session: CommandSession) async -> EventClock {
        if let own = session.dataplane.events.log?.clock { return own }
        return await session.dataplane.eventLogs(node: nil).first?.clock
            ?? EventClock(baseTSC: 0, hertz: 1e9, unixNanoseconds: 0)
    }
}
