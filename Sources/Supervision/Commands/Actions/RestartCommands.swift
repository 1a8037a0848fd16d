extension CommandTable {
    /// Restarts and upgrades.
    static let restartCommands: [Command] = [
        Command(
            .word("restart", "replace workers without losing a packet")
                + .choice([
                    .word("node", "one NUMA node's")
                        + .value("node", .integer(0...31), "the node's number")
                        + .optional(
                            .word(
                                "--whole",
                                "keeper and worker: the ports go down, what the node holds is lost"
                            )
                        ),
                    .word("all", "those of all NUMA nodes, one after the other"),
                ]),
            "Replaces a NUMA node's worker by a fresh one, which takes everything over without losing a "
                + "packet. With --whole keeper and worker: its ports go down for about a second, TAP "
                + "interfaces are made anew, packets in it and to it are lost, its counters begin at 0 "
                + "and its generator's streams end; other nodes go on."
        ) { input, session throws(CommandFailure) in
            let isWhole = input.has("--whole")
            return try await eachNode(input, session, done: "restarted") {
                node throws(ChangeError) in
                isWhole
                    ? try await session.dataplane.restartWhole(node: node)
                    : try await session.dataplane.restart(node: node)
            }
        },
        Command(
            .word("upgrade", "replace workers by those of another build, without losing a packet")
                + .choice([
                    .word("node", "one NUMA node's")
                        + .value("node", .integer(0...31), "the node's number"),
                    .word("all", "those of all NUMA nodes, one after the other"),
                ])
                + .word("--with", "the other build")
                + .value("program", .path, "causeway-node, or a folder with its variants"),
            "Replaces a NUMA node's worker by one of another build of causeway-node; one that does not "
                + "fit to what runs is refused before anything stops."
        ) { input, session throws(CommandFailure) in
            let path = try input.required(input.text("program"), "PATH")
            let nodes = await nodes(input, session)
            do throws(ChangeError) {
                try await session.dataplane.checkUpgrade(nodes: nodes, with: path)
            } catch { throw .refused(error) }
            return try await eachNode(input, session, done: "upgraded") {
                node throws(ChangeError) in
                try await session.dataplane.upgrade(node: node, with: path)
            }
        },
    ]

    /// The node that a line names, or all.
    private static func nodes(_ input: CommandInput, _ session: CommandSession) async -> [Int] {
        if let node = input.integer("node") { return [node] }
        return await session.dataplane.view().nodes.map(\.number)
    }

    /// Does something for one node after the other, until it fails.
    private static func eachNode(
        _ input: CommandInput,
        _ session: CommandSession,
        done: String,
        _ body: (Int) async throws(ChangeError) -> RestartOutcome
    ) async throws(CommandFailure) -> RestartReport {
        var report = RestartReport()
        for node in await nodes(input, session) {
            do throws(ChangeError) {
                report.restarts.append(.init(try await body(node)))
            } catch {
                guard !report.restarts.isEmpty else { throw .refused(error) }
                throw .refused(ChangeError("\(error); \(done) before: \(report.list)"))
            }
        }
        return report
    }
}

/// What `restart` and `upgrade` did.
struct RestartReport: CommandResult {
    /// A node's restart.
    struct Restart: Encodable, Sendable {
        var numaNode: Int
        /// The number of the life that forwards now.
        var incarnation: UInt32
        /// For how long the node took no packet.
        var gapMicroseconds: Int
        var milliseconds: Int
        /// Whether the keeper was replaced too.
        var whole: Bool
        /// Packets that other nodes dropped because this one was down.
        var droppedByPeers: UInt64
        /// The program that forwards now, and the one before it.
        var program: ProgramStatus?
        var formerProgram: ProgramStatus?

        init(_ outcome: RestartOutcome) {
            numaNode = outcome.node
            incarnation = outcome.incarnation
            gapMicroseconds = outcome.gapMicroseconds
            milliseconds = outcome.milliseconds
            whole = outcome.isWhole
            droppedByPeers = outcome.droppedByPeers
            program = outcome.program
            formerProgram = outcome.formerProgram
        }

        var text: String {
            var lines =
                whole
                ? "node \(numaNode): keeper and worker replaced, worker \(incarnation) forwards after "
                    + "\(milliseconds) ms; \(droppedByPeers) packets of other nodes dropped\n"
                : "node \(numaNode): worker \(incarnation) took over, no packet taken for "
                    + "\(gapMicroseconds) us, \(milliseconds) ms in all\n"
            if let program, program != formerProgram {
                lines += "  \(program.path), build \(program.build)"
                lines += formerProgram.map { "; before: \($0.path), build \($0.build)\n" } ?? "\n"
            }
            return lines
        }
    }

    var restarts: [Restart] = []

    /// The nodes that are done.
    var list: String { restarts.map { "\($0.numaNode)" }.joined(separator: ", ") }

    var text: String { restarts.map(\.text).joined() }
}
