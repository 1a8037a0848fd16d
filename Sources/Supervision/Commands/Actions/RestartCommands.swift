extension CommandTable {
    /// Planned restarts.
    static let restartCommands: [Command] = [
        Command(
            .word("restart", "replace workers without losing a packet")
                + .choice([
                    .word("node", "one NUMA node's")
                        + .value("node", .integer(0...31), "the node's number"),
                    .word("all", "those of all NUMA nodes, one after the other"),
                ]),
            "Replaces a NUMA node's worker by a fresh one, which takes everything over."
        ) { input, session throws(CommandFailure) in
            let nodes: [Int] =
                if let node = input.integer("node") { [node] } else {
                    await session.dataplane.view().nodes.map(\.number)
                }
            var report = RestartReport()
            for node in nodes {
                do throws(ChangeError) {
                    report.restarts.append(.init(try await session.dataplane.restart(node: node)))
                } catch {
                    guard !report.restarts.isEmpty else { throw .refused(error) }
                    throw .refused(
                        ChangeError("\(error); restarted before: \(report.list)")
                    )
                }
            }
            return report
        }
    ]
}

/// What `restart` did.
struct RestartReport: CommandResult {
    /// A node's restart.
    struct Restart: Encodable, Sendable {
        var numaNode: Int
        /// The number of the life that forwards now.
        var incarnation: UInt32
        /// For how long the node took no packet.
        var gapMicroseconds: Int
        var milliseconds: Int

        init(_ outcome: RestartOutcome) {
            numaNode = outcome.node
            incarnation = outcome.incarnation
            gapMicroseconds = outcome.gapMicroseconds
            milliseconds = outcome.milliseconds
        }
    }

    var restarts: [Restart] = []

    /// The nodes that are done.
    var list: String { restarts.map { "\($0.numaNode)" }.joined(separator: ", ") }

    var text: String {
        restarts.map {
            "node \($0.numaNode): worker \($0.incarnation) took over, no packet taken for "
                + "\($0.gapMicroseconds) us, \($0.milliseconds) ms in all\n"
        }.joined()
    }
}
