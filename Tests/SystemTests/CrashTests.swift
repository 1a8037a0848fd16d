import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// A worker dies; its node comes back, and the other does not notice.
    @Suite(.needsDataplane) struct CrashTests {
        /// What must be the same after every life of the worker.
        private struct Condition: Equatable {
            var routes: JSONValue
            var neighbours: JSONValue
        }

        private func condition(_ testbed: Testbed) async throws -> Condition {
            Condition(
                routes: try await testbed.dataplane.show("ip fib"),
                neighbours: try await testbed.dataplane.show("ip neighbors")
            )
        }

        private func buffersInUse(_ testbed: Testbed, node: Int) async throws -> Int? {
            let pools = try await testbed.dataplane.show("buffers")["pools"].elements
            return pools.first { $0["numaNode"].int == node }?["used"].int
        }

        private func status(_ testbed: Testbed, node: Int) async throws -> JSONValue {
            try await testbed.dataplane.show("nodes")["nodes"].elements.first {
                $0["numaNode"].int == node
            } ?? .null
        }

        /// Kills a node's worker and waits until the next one forwards.
        private func killWorker(_ testbed: Testbed, node: Int) async throws {
            let before = try await status(testbed, node: node)
            let pid = try #require(before["workerPID"].int)
            #expect(kill(Int32(pid), SIGKILL) == 0)
            let isBack = await eventually(withinSeconds: 20, everyMilliseconds: 10) {
                guard let now = try? await status(testbed, node: node) else { return false }
                return now["workerState"].string == "forwarding"
                    && now["incarnation"] != before["incarnation"]
            }
            try #require(
                isBack,
                "node \(node) did not forward again: \(testbed.dataplane.log.suffix(2000))"
            )
        }

        /// Waits until a node has this many buffers in use; nil: until three readings are the same.
        ///
        /// - Returns: the last reading.
        private func settledBuffers(
            _ testbed: Testbed,
            node: Int,
            at wanted: Int? = nil
        ) async throws -> Int? {
            var readings: [Int?] = []
            _ = await eventually(withinSeconds: 5, everyMilliseconds: 20) {
                readings.append(try? await buffersInUse(testbed, node: node))
                if let wanted { return readings.last == wanted }
                return readings.count >= 3 && Set(readings.suffix(3)).count == 1
            }
            return readings.last ?? nil
        }

        @Test func aKilledWorkerDisturbsNoOtherNodeAHundredTimes() async throws {
            try await Testbed.run(restart: "{max: 1000, window: 60s, backoff: 0ms}") { testbed in
                let (near, far) = (testbed.left, testbed.right)
                try await testbed.dataplane.configure(
                    "ip route add 10.30.0.0/16 via \(far[1].address)",
                    "set ip neighbor \(far[1].port) 10.10.3.99 02:00:00:00:00:99"
                )
                for hosts in [near, far] {
                    let report = try await hosts[0].ping(hosts[1].address, count: 5)
                    #expect(report == .complete(5))
                }
                let expected = try await condition(testbed)
                let before = try await near[0].echoReplies()
                let witness = try near[0].namespace.start(
                    "ping",
                    "-q",
                    "-i",
                    "0.002",
                    near[1].address
                )
                var inUse: Int?
                for life in 1...100 {
                    try await killWorker(testbed, node: 1)
                    try await expectForwarding(from: far[0], to: far[1], life: life)
                    if life % 20 == 1 { try await expectSame(testbed, expected, life: life) }
                    let now = try await settledBuffers(testbed, node: 1, at: inUse)
                    #expect(now != nil, "show buffers says nothing about node 1")
                    #expect(
                        inUse == nil || now == inUse,
                        "\(now ?? 0) buffers in use, not \(inUse ?? 0), life \(life)"
                    )
                    inUse = inUse ?? now
                }
                witness.signal(SIGINT)
                let output = try await witness.end(withinSeconds: 10).output
                let seen = try await near[0].completed(PingReport(output), since: before)
                #expect(seen.sent > 5000)
                #expect(seen == .complete(seen.sent), "the other node's ports lost packets")
                try await expectSame(testbed, expected, life: 101)
                let across = try await near[0].ping(far[0].address, count: 500)
                #expect(across == .complete(500))
            }
        }

        /// Packets pass again between two ports of the node that was killed.
        private func expectForwarding(
            from host: Testbed.Host,
            to other: Testbed.Host,
            life: Int
        ) async throws {
            let isAnswered = await eventually(withinSeconds: 5) {
                (try? await host.ping(other.address, count: 1)) == .complete(1)
            }
            #expect(isAnswered, "life \(life)")
            let report = try await host.ping(other.address, count: 20)
            #expect(report == .complete(20), "life \(life)")
        }

        private func expectSame(
            _ testbed: Testbed,
            _ expected: Condition,
            life: Int
        ) async throws {
            let now = try await condition(testbed)
            #expect((now.routes == expected.routes) as Bool, "routes, life \(life)")
            #expect((now.neighbours == expected.neighbours) as Bool, "neighbours, life \(life)")
        }

        @Test func aCrashLeavesAReportThatNamesTheLane() async throws {
            try await Testbed.run { testbed in
                let before = try await status(testbed, node: 1)
                let pid = try #require(before["workerPID"].int)
                let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
                let lane = try #require(
                    tasks.first {
                        (try? String(
                            contentsOfFile: "/proc/\(pid)/task/\($0)/comm",
                            encoding: .utf8
                        ))
                            == "cw-n1-l0\n"
                    }
                )
                // tgkill: kill alone would send it to whichever thread takes it.
                let kill = "import ctypes; ctypes.CDLL(None).syscall(234, \(pid), \(lane), 11)"
                _ = try await RunningCommand(["python3", "-c", kill]).end(withinSeconds: 10)
                let isBack = await eventually(withinSeconds: 20) {
                    guard let now = try? await status(testbed, node: 1) else { return false }
                    return now["workerState"].string == "forwarding"
                        && now["incarnation"] != before["incarnation"]
                }
                #expect(isBack)
                let folder = "\(testbed.dataplane.runtimeDirectory)/node1"
                let names = try FileManager.default.contentsOfDirectory(atPath: folder)
                    .filter { $0.hasPrefix("crash.") }
                let name = try #require(
                    names.first { $0.hasSuffix(".worker.1.txt") },
                    "\(testbed.dataplane.log.suffix(2000))"
                )
                let other = try #require(names.first { $0.hasSuffix(".worker.1.commands.txt") })
                #expect(names.count == 2)
                let commands = try String(contentsOfFile: "\(folder)/\(other)", encoding: .utf8)
                #expect(commands.contains("set interface state left0 up\" done"))
                let report = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
                for part in [
                    "worker, NUMA node 1, incarnation 1, pid \(pid)", "signal 11 (SIGSEGV)",
                    "lane 0, cpu ", "pc 0x", "code at pc:", "NodeRuntime.LaneLoop", "end of report",
                ] { #expect(report.contains(part), "\(part) is not in\n\(report)") }
                #expect(testbed.dataplane.log.contains("crash-report"))
                // It is for the operator, so it would stay.
                for name in names {
                    try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
                }
            }
        }

        @Test func aNodeWhoseBudgetIsSpentStaysDownAndIsNamed() async throws {
            try await Testbed.run(restart: "{max: 1, window: 60s, backoff: 0ms}") { testbed in
                try await killWorker(testbed, node: 1)
                let pid = try #require(try await status(testbed, node: 1)["workerPID"].int)
                #expect(kill(Int32(pid), SIGKILL) == 0)
                let isDown = await eventually(withinSeconds: 10) {
                    (try? await status(testbed, node: 1)["reason"].string?.isEmpty == false)
                        ?? false
                }
                #expect(isDown)
                let (near, far) = (testbed.left, testbed.right)
                #expect(try await near[0].ping(near[1].address, count: 50) == .complete(50))
                #expect(try await near[0].ping(far[0].address, count: 5).received == 0)
            }
        }
    }
}
