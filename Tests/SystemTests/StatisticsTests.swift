import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// What workers count and record, as other processes see it: with traffic, and after a death.
    @Suite(.needsDataplane) struct StatisticsTests {
        /// Runs `causewayctl stats ...` and reads its JSON, a value a line.
        private func stats(_ testbed: Testbed, _ words: String...) async throws -> [JSONValue] {
            try await stats(testbed.dataplane, words)
        }

        private func stats(_ dataplane: LiveDataplane, _ words: [String]) async throws
            -> [JSONValue]
        {
            let result = try await TestSupport.run(
                [
                    Machine.program("causewayctl"), "--json", "--runtime-dir",
                    dataplane.runtimeDirectory, "stats",
                ] + words,
                withinSeconds: 30
            )
            try #require(result.status == 0, "\(result)")
            return try result.output.split(separator: "\n").map {
                try JSONValue(parsing: String($0))
            }
        }

        /// The packets of an interface, or the counts of a statistic in all.
        private func count(_ testbed: Testbed, _ name: String, label: String? = nil) async throws
            -> Int
        {
            try await count(testbed.dataplane, name, label: label)
        }

        private func count(_ dataplane: LiveDataplane, _ name: String, label: String? = nil)
            async throws -> Int
        {
            let found = try await stats(dataplane, ["get", "^\(name)$"]).first ?? .null
            return found["values"].elements.filter { label == nil || $0["label"].string == label }
                .reduce(0) { $0 + ($1["packets"].int ?? $1["count"].int ?? 0) }
        }

        private func worker(_ testbed: Testbed, node: Int) async throws -> JSONValue {
            try await testbed.dataplane.show("nodes")["nodes"].elements.first {
                $0["numaNode"].int == node
            } ?? .null
        }

        /// Kills a node's worker and waits until the next one forwards.
        private func killWorker(_ testbed: Testbed, node: Int) async throws {
            let before = try await worker(testbed, node: node)
            #expect(kill(Int32(try #require(before["workerPID"].int)), SIGKILL) == 0)
            let isBack = await eventually(withinSeconds: 20) {
                guard let now = try? await worker(testbed, node: node) else { return false }
                return now["workerState"].string == "forwarding"
                    && now["incarnation"] != before["incarnation"]
            }
            try #require(isBack)
        }

        @Test func countersAgreeWithTheCommandsWhileTrafficFlows() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                let traffic = try host.namespace.start(
                    "ping",
                    "-q",
                    "-i",
                    "0.002",
                    "-c",
                    "300",
                    "-W",
                    "5",
                    far.address
                )
                var last = 0
                for _ in 0..<20 {
                    let now = try await count(testbed, "/if/rx", label: "left0")
                    #expect(now >= last)
                    last = now
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(last > 20)
                #expect(try await count(testbed, "/sys/heartbeat") > 0)
                let report = PingReport(try await traffic.end(withinSeconds: 30).output)
                #expect(report == .complete(300))
                for port in ["left0", "right0"] {
                    let shown = try await testbed.dataplane.interfaceCounters(port)
                    for (name, field) in [("/if/rx", "rxPackets"), ("/if/tx", "txPackets")] {
                        let packets = try await count(testbed, name, label: port)
                        #expect(packets == shown[field].int, "\(port) \(name)")
                        #expect(packets >= report.sent)
                    }
                }
                // Each packet went from node 0 to node 1 or back.
                let handed = try await count(testbed, "/handoff/packets")
                #expect(handed >= 2 * report.sent)
                #expect(handed == (try await count(testbed, "/handoff/received")))
                try await testbed.dataplane.configure("clear interfaces")
                #expect(try await count(testbed, "/if/rx", label: "left0") < 20)
                #expect(try await count(testbed, "/handoff/packets") >= handed)
            }
        }

        @Test func namesAreListedByRegularExpression() async throws {
            try await Testbed.run { testbed in
                let listed = try await stats(testbed, "ls", "^/if/", "^/err/ip4-input/").first
                let names = (listed?.elements ?? []).compactMap(\.string)
                #expect(names.contains("/if/rx"))
                #expect(names.contains { $0.hasPrefix("/err/ip4-input/") })
                #expect(
                    names.allSatisfy { $0.hasPrefix("/if/") || $0.hasPrefix("/err/ip4-input/") }
                )
                let labels = try await stats(testbed, "get", "^/if/names$")[0]["values"].elements
                #expect(
                    labels.compactMap { $0["text"].string } == ["local0"] + Testbed.ports
                )
                let refused = try await testbed.dataplane.ctl("stats get ((")
                #expect(refused.status == 2)
                #expect(refused.errors.contains("regular expression"))
            }
        }

        /// A capture file of `count` minimum-size Ethernet frames, in the form of libpcap.
        private func capture(_ count: Int) -> Data {
            func words(_ numbers: UInt32...) -> Data {
                numbers.reduce(into: Data()) { data, number in
                    withUnsafeBytes(of: number.littleEndian) { data.append(contentsOf: $0) }
                }
            }
            // Microseconds, version 2.4, whole frames, Ethernet.
            var file = words(0xA1B2_C3D4, 4 << 16 | 2, 0, 0, 65_535, 1)
            let frame = Data(repeating: 0xFF, count: 6) + Data([2, 0, 0, 0, 0, 1, 8, 0])
            for _ in 0..<count {
                file += words(0, 0, 60, 60) + frame + Data(count: 60 - frame.count)
            }
            return file
        }

        @Test func whatHardwareCountsIsListedAndOutlivesTheWorker() async throws {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "\(LiveDataplane.freshName())-rx"
            )
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("frames.pcap")
            try capture(4000).write(to: file)
            // The first port's burst takes all buffers, so that the second one's driver finds none.
            let topology = """
                schema: 1
                nodes:
                  - node: 0
                    virtual-of: 0
                    lanes: [\(Machine.cpus[0])]
                    control-cpu: \(Machine.cpus[0])
                    buffers: 256
                    ports:
                      - {name: east, pcap: {rx: \(file.path)}}
                      - {name: west, pcap: {rx: \(file.path)}}

                """
            try await LiveDataplane.run(topology: topology) { dataplane in
                var missing = 0
                let isCounted = await eventually(withinSeconds: 10) {
                    missing = (try? await count(dataplane, "/if/rx-no-buf", label: "west")) ?? 0
                    return missing > 0
                }
                #expect(isCounted)
                #expect(try await count(dataplane, "/if/rx-miss") == 0)
                // Files come to their end: then both say the same.
                let isSettled = await eventually(withinSeconds: 10) {
                    let now = try? await count(dataplane, "/if/rx-no-buf", label: "west")
                    let errors = try? await count(dataplane, "/node0/if/rx-error", label: "west")
                    let ports = try? await dataplane.show("hardware-interfaces")["ports"].elements
                    let west = ports?.first { $0["name"].string == "west" }
                    return now != nil && now == west?["rxNoBuffer"].int
                        && errors == west?["rxErrors"].int
                }
                #expect(isSettled)
                missing = try await count(dataplane, "/if/rx-no-buf", label: "west")
                let node = try await dataplane.show("nodes")["nodes"].elements.first ?? .null
                #expect(kill(Int32(try #require(node["workerPID"].int)), SIGKILL) == 0)
                let isBack = await eventually(withinSeconds: 20) {
                    let now = try? await dataplane.show("nodes")["nodes"].elements.first
                    return now?["workerState"].string == "forwarding"
                        && now?["incarnation"].int == 2
                }
                #expect(isBack)
                #expect(try await count(dataplane, "/if/rx-no-buf", label: "west") >= missing)
                try await dataplane.configure("clear interfaces")
                #expect(try await count(dataplane, "/if/rx-no-buf", label: "west") < missing)
            }
        }

        @Test func aDeadWorkersCountersAndEventsAreStillThere() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                #expect(try await host.ping(far.address, count: 200) == .complete(200))
                let before = try await count(testbed, "/node1/if/rx", label: "right0")
                #expect(before >= 200)
                try await killWorker(testbed, node: 1)
                #expect(try await count(testbed, "/node1.1/if/rx", label: "right0") == before)
                #expect(try await count(testbed, "/node1.1/sys/ended") == 1)
                #expect(try await count(testbed, "/node1/if/rx", label: "right0") < before)
                let events = try await testbed.dataplane.show("event-logger all node 1")
                let lines = events["events"].elements
                for life in ["node 1 worker 1", "node 1 worker 2"] {
                    let words = lines.filter { $0["process"].string == life }
                        .compactMap { $0["event"].string }
                    #expect(words.contains { $0.hasPrefix("lane starts") }, "\(life): \(words)")
                    #expect(words.contains("worker forwarding"), "\(life): \(words)")
                }
                #expect(events["torn"].int == 0)
                let directory = "\(testbed.dataplane.runtimeDirectory)/node1"
                let isKept = await eventually(withinSeconds: 10) {
                    FileManager.default.fileExists(atPath: "\(directory)/worker.1.events.json")
                }
                #expect(isKept)
                let kept = try JSONValue(
                    parsing: String(
                        decoding: try Data(
                            contentsOf: URL(filePath: "\(directory)/worker.1.events.json")
                        ),
                        as: UTF8.self
                    )
                )
                let names = kept["traceEvents"].elements.compactMap { $0["name"].string }
                #expect(names.contains("lane starts"))
            }
        }

        @Test func callsOfGraphNodesAreTracedOnDemand() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                let dataplane = testbed.dataplane
                try await dataplane.configure("event-logger clear", "event-logger trace dispatch")
                #expect(try await host.ping(far.address, count: 50) == .complete(50))
                try await dataplane.configure("event-logger stop", "event-logger save calls.json")
                let file = "\(dataplane.runtimeDirectory)/calls.json"
                defer { try? FileManager.default.removeItem(atPath: file) }
                let trace = try JSONValue(
                    parsing: String(
                        decoding: try Data(contentsOf: URL(filePath: file)),
                        as: UTF8.self
                    )
                )
                let calls = trace["traceEvents"].elements.filter { $0["cat"].string == "dispatch" }
                for node in ["ip4-lookup", "ethernet-input", "worker-handoff", "tap-input"] {
                    let vectors = calls.filter { $0["name"].string == node }
                        .reduce(0) { $0 + ($1["args"]["vectors"].int ?? 0) }
                    #expect(vectors >= 50, "\(node): \(vectors)")
                }
                #expect(calls.allSatisfy { ($0["dur"].double ?? -1) >= 0 })
                // A call on one node and the next one's on the other are in the order of their times.
                let times = calls.compactMap { $0["ts"].double }
                #expect(times == times.sorted())
                #expect(Set(calls.compactMap { $0["pid"].int }).count == 2)
                let stopped = try await dataplane.show("event-logger 1")
                #expect(stopped["logger"].string == "stopped")
                try await dataplane.configure(
                    "event-logger trace dispatch disable",
                    "event-logger restart",
                    "event-logger resize 4096"
                )
                let after = try await dataplane.show("event-logger")
                // Two rings of a worker, one of the supervisor; what came since is little.
                #expect(after["capacity"].int == 3 * 4096)
                #expect(try await dataplane.ctl("event-logger save ../x").status == 1)
                #expect(try await dataplane.ctl("event-logger save supervisor.lock").status == 1)
            }
        }
    }
}
