import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// The programs in bench/ that kill processes under load and judge what follows; short runs of them
    /// here, long ones with CAUSEWAY_LONG.
    @Suite(.needsDataplane) struct ChaosTests {
        private static let isLong = ProcessInfo.processInfo.environment["CAUSEWAY_LONG"] != nil

        private func report(
            _ program: String,
            _ arguments: [String],
            withinSeconds seconds: Double
        ) async throws -> JSONValue {
            if let reason = Machine.lacksForDataplane() {
                throw LiveDataplaneError.machineLacks(reason)
            }
            let folder = URL(fileURLWithPath: Machine.program("causeway"))
                .deletingLastPathComponent()
            let path = SourceTree().root.appendingPathComponent("bench/\(program)").path
            let words = [path, "--json", "--binaries", folder.path] + arguments
            let result = try await TestSupport.run(words, withinSeconds: seconds)
            #expect([0, 1].contains(result.status), "\(result)")
            return try JSONValue(parsing: result.output)
        }

        private func expectAllKept(_ report: JSONValue) {
            for key in [
                "lost_on_other_nodes", "leaked_buffers", "duplicates", "corrupt", "stuck",
            ] { #expect(report[key].int == 0, "\(key): \(report)") }
            let failures = report["failures"].elements.compactMap(\.string)
            #expect(failures.isEmpty)
        }

        @Test func randomDeathsUnderLoadBreakNoPromise() async throws {
            let kills = Self.isLong ? 1000 : 12
            let report = try await report(
                "chaos",
                ["--kills", "\(kills)", "--seed", "9"],
                withinSeconds: Double(kills) * 5 + 240
            )
            #expect(report["kills"].int ?? 0 >= kills, "\(report)")
            #expect(report["sent"].int ?? 0 > 1000)
            #expect(report["outage_ms"]["count"].int ?? 0 > 0)
            expectAllKept(report)
        }

        @Test func deathsAtInstructionsOfEachStepBreakNoPromise() async throws {
            var arguments = ["--seed", "5"]
            if !Self.isLong { arguments += ["--sample", "18", "--cover", "1"] }
            let report = try await report(
                "fault-points",
                arguments,
                withinSeconds: Self.isLong ? 20_000 : 300
            )
            // What the load does not come to is no death; most points of a sample are.
            #expect(report["kills"].int ?? 0 >= 3, "\(report)")
            expectAllKept(report)
        }
    }
}
