import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Changes that a worker does not survive.
    @Suite(.needsDataplane) struct CanaryTests {
        private static let restart = "{max: 100, window: 60s, backoff: 0ms}"

        private func pids(_ testbed: Testbed) async throws -> [Int?] {
            try await testbed.dataplane.show("nodes")["nodes"].elements.map { $0["workerPID"].int }
        }

        /// Makes a change that node 1's worker, the canary, dies of.
        ///
        /// - Returns: what the client was told.
        private func poison(
            _ testbed: Testbed,
            _ line: String,
            withTraffic: Bool = false
        ) async throws -> String {
            let before = try await RecordTests.node(testbed, 1)
            let hosts = testbed.right
            let traffic =
                withTraffic
                ? try hosts[0].namespace.start("ping", "-q", "-i", "0.05", hosts[1].address) : nil
            let answer = try await testbed.dataplane.ctl(line)
            #expect(answer.status != 0, "\(answer)")
            try await RecordTests.untilNextLife(testbed, 1, after: before)
            traffic?.signal(SIGINT)
            _ = try await traffic?.end(withinSeconds: 10)
            return answer.errors
        }

        @Test func aChangeThatTheFirstWorkerDiesOfIsTakenBackEverywhere() async throws {
            try await RecordTests.withMishaps(spare: true, restart: Self.restart) { testbed in
                let dataplane = testbed.dataplane
                let spares = await eventually(withinSeconds: 30) {
                    let nodes = try? await dataplane.show("nodes")["nodes"].elements
                    return nodes?.allSatisfy { $0["spareState"].string == "ready" } ?? false
                }
                #expect(spares)
                try await dataplane.configure("set mishap right0 none")
                try await dataplane.configure("canary on node 1 window 1")
                let node0 = try await pids(testbed)[0]
                // At once, with the next packet, and by a lane that does not come back.
                for (what, end, isTraffic) in [
                    ("dies", "signal 9 (SIGKILL)", false),
                    ("dies-later", "signal 9 (SIGKILL)", true),
                    ("hangs", "killed: node 1 lane 0", true),
                ] {
                    let told = try await poison(
                        testbed,
                        "set mishap right0 \(what)",
                        withTraffic: isTraffic
                    )
                    #expect(
                        told.contains("settings of plugin mishap: taken back; node 1's worker "),
                        "\(told)"
                    )
                    #expect(told.contains("ended: \(end)"), "\(told)")
                }
                let report = try await dataplane.show("canary")
                #expect(report["isOn"].bool == true && report["numaNode"].int == 1)
                #expect(report["poison"].elements.count == 3, "\(report)")
                #expect(report["pending"] == .null)
                #expect(dataplane.log.contains("poison-change"))
                let events = try await dataplane.ctl("show event-logger all").output
                #expect(events.contains("poison change taken back"))
                #expect(try await pids(testbed)[0] == node0, "node 0 had the poison too")
                // A change that does no harm is made, after the window, on all nodes.
                let begin = ContinuousClock.now
                try await dataplane.configure("ip route add 30.0.0.0/24 via 10.10.3.2")
                #expect(ContinuousClock.now - begin >= .seconds(1))
                let hosts = testbed.right
                #expect(try await hosts[0].ping(hosts[1].address, count: 1).received <= 1)
                #expect(try await hosts[0].ping(hosts[1].address, count: 20) == .complete(20))
                // Nor is it there in a worker's next life.
                try await dataplane.configure("canary off")
                try await RecordTests.killWorker(testbed, 0)
                try await RecordTests.killWorker(testbed, 1)
                let isBack = await eventually(withinSeconds: 20) {
                    (try? await hosts[0].ping(hosts[1].address, count: 10)) == .complete(10)
                }
                #expect(isBack)
            }
        }

        /// Without a canary everyone has it, and dies of it again and again: the node is given up, alone.
        @Test func aNodeThatKeepsDyingOfAChangeIsLeftDownAloneAndNamesIt() async throws {
            let restart = "{max: 2, window: 60s, backoff: 10ms}"
            try await RecordTests.withMishaps(restart: restart) { testbed in
                let dataplane = testbed.dataplane
                let before = try await RecordTests.node(testbed, 0)
                _ = try await dataplane.ctl("set mishap right0 dies-on-1")
                let isDown = await eventually(withinSeconds: 30) {
                    let reason = try? await RecordTests.node(testbed, 1)["reason"].string
                    return reason?.hasPrefix("left down: died 3 times within 60 s") ?? false
                }
                let node = try await RecordTests.node(testbed, 1)
                #expect(isDown, "\(node)")
                #expect(node["reason"].string?.contains(", while it applied change ") == true)
                #expect(dataplane.log.contains("node-left-down"))
                let death = try await dataplane.show("restarts")["restarts"].elements.last
                #expect(
                    death?["changeBegun"].int ?? 0 > death?["change"].int ?? 0,
                    "\(death ?? .null)"
                )
                let other = try await RecordTests.node(testbed, 0)
                #expect(other["workerPID"] == before["workerPID"])
                let hosts = testbed.left
                #expect(try await hosts[0].ping(hosts[1].address, count: 1).received <= 1)
                #expect(try await hosts[0].ping(hosts[1].address, count: 20) == .complete(20))
            }
        }
    }
}
