internal import Coordination

extension CommandTable {
    /// `show barrier`, `test barrier`.
    static let barrierCommands = [
        Command(
            .words("show barrier", help: "how lanes were stopped, and for how long"),
            "Shows what the barriers came to: callers, times, late lanes."
        ) { _, session throws(CommandFailure) in
            BarrierTables(session.dataplane.barrierReport)
        },
        Command(
            .words("test barrier", help: "stop lanes, for measuring")
                + .options([
                    .option("node", .numaNode, "only this NUMA node's lanes; else all"),
                    .option("count", .integer(1...1_000_000), "so many times; else once"),
                    .option("hold", .integer(0...1_000_000), "microseconds to stay closed"),
                ]),
            "Stops lanes and lets them go on, for measuring; packets wait meanwhile."
        ) { input, session throws(CommandFailure) in
            let scope = input.integer("node").map(BarrierScope.node) ?? .all
            let hold = Duration.microseconds(input.integer("hold") ?? 0)
            for _ in 0..<(input.integer("count") ?? 1) {
                do throws(ChangeError) {
                    try await session.dataplane.testBarrier(scope, hold: hold)
                } catch { throw .refused(error) }
            }
            return DoneResult()
        },
    ]
}
