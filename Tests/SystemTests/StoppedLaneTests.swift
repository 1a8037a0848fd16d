import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Barriers on running lanes, and lanes that hang.
    @Suite(.needsDataplane) struct StoppedLaneTests {
        private func node(_ testbed: Testbed, _ number: Int) async throws -> JSONValue {
            try await testbed.dataplane.show("nodes")["nodes"].elements.first {
                $0["numaNode"].int == number
            } ?? .null
        }

        /// Runs a body while pings pass between the two hosts of a node; all must be answered.
        private func expectNoLoss(
            among hosts: [Testbed.Host],
            _ body: () async throws -> Void
        ) async throws {
            // Until a neighbour is known, a packet to it takes the place of the one before.
            let isKnown = await eventually(withinSeconds: 20) {
                (try? await hosts[0].ping(hosts[1].address, count: 5)) == .complete(5)
            }
            #expect(isKnown)
            let before = try await hosts[0].echoReplies()
            let witness = try hosts[0].namespace.start(
                "ping",
                "-q",
                "-i",
                "0.002",
                hosts[1].address
            )
            try await body()
            witness.signal(SIGINT)
            let output = try await witness.end(withinSeconds: 10).output
            let seen = try await hosts[0].completed(PingReport(output), since: before)
            #expect(seen.sent > 20)
            #expect(seen == .complete(seen.sent), "the other node lost packets")
        }

        /// Waits until a node's next worker forwards.
        ///
        /// - Returns: why the one before died.
        private func nextLife(
            _ testbed: Testbed,
            _ number: Int,
            after before: JSONValue
        ) async throws -> String {
            let isBack = await eventually(withinSeconds: 30, everyMilliseconds: 10) {
                guard let now = try? await node(testbed, number) else { return false }
                return now["workerState"].string == "forwarding"
                    && now["incarnation"] != before["incarnation"]
            }
            try #require(isBack, "node \(number): \(testbed.dataplane.log.suffix(3000))")
            return try await node(testbed, number)["lastDeath"].string ?? ""
        }

        @Test func barriersUnderLoadLoseNothingAndSayHowLongTheyTook() async throws {
            try await Testbed.run(startup: Self.polling) { testbed in
                try await expectNoLoss(among: testbed.left) {
                    try await testbed.dataplane.configure("test barrier count 200")
                    try await testbed.dataplane.configure("test barrier node 1 count 50 hold 500")
                }
                let report = try await testbed.dataplane.show("barrier")
                #expect(report["count"].int == 250, "\(report)")
                #expect(report["beginnings"].int == 2, "\(report)")
                #expect(report["fenced"].int == 0 && report["expired"].int == 0, "\(report)")
                let lanes = report["lanes"].elements
                #expect(lanes.map { $0["numaNode"].int } == [0, 1])
                for lane in lanes {
                    let seen = (lane["nanoseconds"]["count"].int ?? 0) + (lane["asleep"].int ?? 0)
                    #expect(seen >= 200, "\(lane)")
                }
                #expect((report["closedNanoseconds"]["maximum"].int ?? 0) >= 500_000)
            }
        }

        @Test func aThousandRouteChangesUnderLoadTakeNoBarrier() async throws {
            try await Testbed.run { testbed in
                let before = try await testbed.dataplane.show("barrier")
                try await expectNoLoss(among: testbed.left) {
                    let far = testbed.right[0].address
                    let lines = (0..<500).flatMap { number in
                        let prefix = "30.\(number / 250).\(number % 250).0/24"
                        return ["ip route add \(prefix) via \(far)", "ip route del \(prefix)"]
                    }
                    try await testbed.dataplane.execute(
                        lines.joined(separator: "\n") + "\n",
                        withinSeconds: 120
                    )
                    for line in [
                        "set interface state right1 down", "set interface state right1 up",
                        "set interface mtu 1400 right1", "clear runtime", "clear interfaces",
                        "show runtime", "show ip fib summary", "event-logger trace dispatch",
                    ] { try await testbed.dataplane.configure(line) }
                }
                let after = try await testbed.dataplane.show("barrier")
                #expect(after["count"].int == 0 && before["count"].int == 0)
                #expect(after["beginnings"] == before["beginnings"])
                let report = try await testbed.dataplane.show("nodes")
                #expect((report["change"].int ?? 0) >= 1000, "\(report)")
            }
        }

        /// Lanes that never sleep: one that is stopped asleep would be in nobody's way.
        private static let polling = "unix { poll-sleep-usec 0 }\n"

        @Test func aLaneThatIsStoppedDuringABarrierIsNamedAndItsNodeComesBack() async throws {
            let startup = Self.polling + "lanes { hang-msec 0 }"
            try await Testbed.run(startup: startup) { testbed in
                let before = try await node(testbed, 1)
                let pid = Int32(try #require(before["workerPID"].int))
                try await expectNoLoss(among: testbed.left) {
                    kill(pid, SIGSTOP)
                    let begin = ContinuousClock.now
                    try await testbed.dataplane.configure("test barrier")
                    let taken = ContinuousClock.now - begin
                    #expect(taken >= .seconds(1) && taken < .seconds(10), "\(taken)")
                    let death = try await nextLife(testbed, 1, after: before)
                    #expect(
                        death.hasPrefix("worker killed: node 1 lane 0")
                            && death.hasSuffix(": late for barrier \"test\", its thread is stopped"),
                        "\(death)"
                    )
                }
                let report = try await testbed.dataplane.show("barrier")
                #expect(report["fenced"].int == 1, "\(report)")
                #expect(testbed.dataplane.log.contains("barrier-fenced"))
                let (host, far) = (testbed.right[0], testbed.right[1])
                let isBack = await eventually(withinSeconds: 20) {
                    (try? await host.ping(far.address, count: 20)) == .complete(20)
                }
                #expect(isBack)
                try await testbed.dataplane.configure("test barrier count 3")
            }
        }

        @Test func aStoppedWorkerIsFoundByItsHeartbeat() async throws {
            try await Testbed.run { testbed in
                let before = try await node(testbed, 1)
                try await expectNoLoss(among: testbed.left) {
                    kill(Int32(try #require(before["workerPID"].int)), SIGSTOP)
                    let death = try await nextLife(testbed, 1, after: before)
                    #expect(death.hasPrefix("worker killed: node 1 lane 0"), "\(death)")
                    #expect(death.hasSuffix("its thread is stopped"), "\(death)")
                }
                let events = try await testbed.dataplane.ctl("show event-logger all")
                #expect(events.output.contains("node 1 lane 0 hangs"))
                #expect(testbed.dataplane.log.contains("worker-hung"))
            }
        }

        @Test func aGraphNodeThatDoesNotComeBackIsNamed() async throws {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "plugins-\(UUID().uuidString)"
            )
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let root = SourceTree().root.path
            try await succeed([
                "clang", "-O1", "-shared", "-fPIC", "-I", "\(root)/Sources/CPlugin", "-o",
                "\(folder.path)/trap_plugin.so",
                "\(root)/Tests/SystemTests/programs/trap_plugin.c",
            ])
            try await Testbed.run(startup: "plugins { path \(folder.path) }") { testbed in
                try await testbed.dataplane.configure("set trap right0")
                let hosts = testbed.right
                #expect(try await hosts[0].ping(hosts[1].address, count: 10) == .complete(10))
                let before = try await node(testbed, 1)
                try await expectNoLoss(among: testbed.left) {
                    // "looploop", again and again.
                    _ = try await hosts[0].namespace.run(
                        "ping",
                        "-c",
                        "1",
                        "-W",
                        "1",
                        "-p",
                        "6c6f6f706c6f6f70",
                        hosts[1].address
                    )
                    let death = try await nextLife(testbed, 1, after: before)
                    #expect(
                        death.hasPrefix(
                            "worker killed: node 1 lane 0, in graph node trap-input: no turn for "
                        ) && death.hasSuffix("its thread runs without end"),
                        "\(death)"
                    )
                }
                let isBack = await eventually(withinSeconds: 20) {
                    (try? await hosts[0].ping(hosts[1].address, count: 10)) == .complete(10)
                }
                #expect(isBack)
            }
        }
    }
}
