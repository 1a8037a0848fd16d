import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Metrics and health as monitoring systems read them, judged by their own programs.
    @Suite(.needsDataplane) struct MetricsTests {
        private func curl(_ words: String...) async throws -> String {
            let result = try await TestSupport.run(
                ["curl", "-s", "--max-time", "20"] + words,
                withinSeconds: 30
            )
            try #require(result.status == 0, "\(result)")
            return result.output
        }

        /// Runs a program with a file as its input.
        private func judge(_ words: [String], reads text: String) async throws -> CommandResult {
            let file = FileManager.default.temporaryDirectory
                .appendingPathComponent("causeway-metrics-\(UUID().uuidString)")
            try text.write(to: file, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: file) }
            let command = words.map { "'\($0)'" }.joined(separator: " ")
            return try await TestSupport.run(
                ["sh", "-c", "\(command) <'\(file.path)'"],
                withinSeconds: 60
            )
        }

        /// The sum of the samples whose names and labels begin and go on so.
        private func value(_ metrics: String, _ name: String, _ label: String = "") -> Double {
            metrics.split(separator: "\n")
                .filter { $0.hasPrefix(name) && (label.isEmpty || $0.contains(label)) }
                .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
                .reduce(0, +)
        }

        @Test func promtoolAndAnOpenMetricsParserTakeThem() async throws {
            let port = 20_000 + Int(getpid()) % 20_000
            try await Testbed.run(startup: "metrics { listen 127.0.0.1:\(port) }") { testbed in
                _ = try await testbed.left[0].namespace.run(
                    "ping",
                    "-c",
                    "1",
                    testbed.right[0].address
                )
                _ = try await testbed.left[0].ping(testbed.right[0].address, count: 100)
                let socket = testbed.dataplane.runtimeDirectory + "/metrics.sock"
                let plain = try await curl("--unix-socket", socket, "http://causeway/metrics")
                let judged = try await judge(
                    [
                        Repository.root + "/deploy/promtool", "check",
                        "metrics",
                    ],
                    reads: plain
                )
                #expect(judged.status == 0, "\(judged)")
                #expect(judged.output.isEmpty && judged.errors.isEmpty, "\(judged)")
                let open = try await curl(
                    "-H",
                    "accept: application/openmetrics-text; version=1.0.0",
                    "http://127.0.0.1:\(port)/metrics"
                )
                let parsed = try await judge(
                    [
                        "/usr/bin/python3", "-c",
                        "import sys; from prometheus_client.openmetrics.parser import "
                            + "text_string_to_metric_families as parse; "
                            + "print(len(list(parse(sys.stdin.read()))))",
                    ],
                    reads: open
                )
                #expect(parsed.status == 0, "\(parsed)")
                let families = open.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }.count
                #expect(
                    Int(parsed.output.trimmingCharacters(in: .whitespacesAndNewlines)) == families
                )
                #expect(families > 40)
                let received = value(
                    open,
                    "causeway_interface_receive_packets_total{",
                    "interface=\"left0\""
                )
                #expect(received >= 101)
                #expect(
                    value(open, "causeway_node_up{") == 2,
                    "\(open.split(separator: "\n").filter { $0.contains("node_up") })"
                )
                #expect(value(open, "causeway_handoff_packets_total{", "from_node=\"0\"") >= 101)
                let shown = try await testbed.dataplane.show("interface")["interfaces"].elements
                    .first { $0["name"].string == "left0" }?["counters"]["rxPackets"].int
                #expect(Double(shown ?? 0) >= received)
            }
        }

        /// A short run of `command-fuzzer metrics 1000000`.
        @Test func everyRequestIsAnsweredAsItShouldBe() async throws {
            try await Testbed.run { testbed in
                let fuzzer = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
                    .deletingLastPathComponent().appendingPathComponent("command-fuzzer").path
                let socket = testbed.dataplane.runtimeDirectory + "/metrics.sock"
                let output = try await succeed(
                    [
                        "env", "CAUSEWAY_METRICS_SOCKET=\(socket)", fuzzer, "metrics", "5000",
                        "20261124",
                    ],
                    withinSeconds: 300
                )
                #expect(output.contains("metrics: 5000 inputs, seed 20261124: no crash, no hang"))
            }
        }

        @Test func healthTellsADeadNodeFromADeadDataplane() async throws {
            // No restart: the node stays down.
            try await Testbed.run(restart: "{max: 0, window: 60s, backoff: 0ms}") { testbed in
                let socket = testbed.dataplane.runtimeDirectory + "/metrics.sock"
                func health(_ path: String) async throws -> (status: String, body: JSONValue) {
                    let answer = try await curl(
                        "-w",
                        "\n%{http_code}",
                        "--unix-socket",
                        socket,
                        "http://causeway/v1/health" + path
                    )
                    let lines = answer.split(separator: "\n")
                    return (String(lines.last ?? ""), try JSONValue(parsing: String(lines[0])))
                }
                #expect(try await health("/degraded").status == "200")
                #expect(try await health("").body["status"].string == "ready")
                let node = try await testbed.dataplane.show("nodes")["nodes"].elements[1]
                #expect(kill(Int32(try #require(node["workerPID"].int)), SIGKILL) == 0)
                let isSeen = await eventually(withinSeconds: 20) {
                    (try? await health("/degraded").status) == "503"
                }
                #expect(isSeen)
                let report = try await health("").body
                #expect(report["status"].string == "degraded")
                #expect(report["reasons"].elements.contains { $0["id"].string == "node-down" })
                #expect(report["reasons"].elements.allSatisfy { $0["numaNode"].int == 1 })
                #expect(try await health("/ready").status == "200", "node 0 forwards")
                #expect(try await health("/alive").status == "200")
            }
        }
    }
}
