import TestSupport
import Testing

extension SystemTests {
    /// What the other suites measure with, on outputs of the real programs.
    @Suite struct MeasurementTests {
        @Test func readsWhatPingCounted() {
            let text = """
                --- 10.2.0.2 ping statistics ---
                500 packets transmitted, 499 received, +2 duplicates, +1 errors, 0.2% packet loss, time 1022ms
                """
            let report = PingReport(text)
            #expect(report.sent == 500 && report.received == 499)
            #expect(report.duplicates == 2 && report.errors == 1)
            #expect(report != .complete(500))
            #expect(PingReport("") != .complete(1))
        }

        @Test func tellsACommandsStatusOutputAndSignal() async throws {
            let result = try await run(["sh", "-c", "echo out; echo err >&2; exit 7"])
            #expect(result.status == 7 && result.output == "out\n" && result.errors == "err\n")
            let sleeping = try RunningCommand(["sleep", "60"])
            sleeping.signal(15)
            #expect(try await sleeping.end(withinSeconds: 10).status == 128 + 15)
            await #expect(throws: CommandError.self) {
                try await run(["sleep", "60"], withinSeconds: 0.1)
            }
            await #expect(throws: CommandError.self) { try await succeed(["false"]) }
        }

        @Test func readsJSON() throws {
            let value = try JSONValue(parsing: #"{"a": [1, 2.5, "x", true, null], "b": {"c": 3}}"#)
            #expect(
                value["a"].elements == [
                    .integer(1), .number(2.5), .string("x"), .bool(true), .null,
                ]
            )
            #expect(value["b"]["c"].int == 3)
            #expect(value["no"]["such"] == .null)
        }
    }
}
