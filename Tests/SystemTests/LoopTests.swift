import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// The lanes' loops: how they wait, wake and reckon time.
    @Suite(.needsDataplane) struct LoopTests {
        /// Sets the rx mode of every port.
        private func setMode(_ mode: String, _ testbed: Testbed) async throws {
            for port in Testbed.ports {
                try await testbed.dataplane.configure("set interface rx-mode \(port) \(mode)")
            }
        }

        /// The graph nodes of a lane, by name, those that were never called too.
        private func graphNodes(
            _ testbed: Testbed,
            node: Int
        ) async throws -> [String: JSONValue] {
            let report = try await testbed.dataplane.show("runtime verbose node \(node)")
            let nodes = report["lanes"].elements.first?["nodes"].elements ?? []
            return Dictionary(
                nodes.map { ($0["name"].string ?? "", $0) },
                uniquingKeysWith: { first, _ in first }
            )
        }

        private func lane(_ testbed: Testbed, node: Int) async throws -> JSONValue {
            try await testbed.dataplane.show("threads")["threads"].elements.first {
                $0["numaNode"].int == node && $0["type"].string == "lane"
            } ?? .null
        }

        /// Turns of a lane's loop in some seconds without traffic.
        private func turns(_ testbed: Testbed, node: Int, seconds: Int) async throws -> Int {
            let before = try #require(try await lane(testbed, node: node)["loops"].int)
            try await Task.sleep(for: .seconds(seconds))
            return try #require(try await lane(testbed, node: node)["loops"].int) - before
        }

        @Test(arguments: ["polling", "interrupt", "adaptive"])
        func everyPingThroughIdleLanesIsAnsweredAndTheySleepMeanwhile(mode: String) async throws {
            try await Testbed.run { testbed in
                try await setMode(mode, testbed)
                let (host, far) = (testbed.left[0], testbed.right[0])
                // Until a neighbour is known, a packet to it takes the place of the one before.
                _ = try await host.ping(far.address, count: 5, everySeconds: 0.3)
                // Slow enough for both lanes to fall asleep before each.
                let report = try await host.ping(far.address, count: 200, everySeconds: 0.02)
                #expect(report == .complete(200))
                // The ports' packets came through the descriptors, the others by hand-off. A lane that
                // polls sleeps so shortly that packets may always find it awake.
                let least = mode == "polling" ? 0 : 10
                for node in 0...1 {
                    let lane = try await lane(testbed, node: node)
                    #expect((lane["deviceWakeups"].int ?? 0) >= min(1, least), "\(mode): \(lane)")
                    #expect((lane["wakeups"].int ?? 0) >= least, "\(mode): \(lane)")
                    #expect((lane["wakesSent"].int ?? 0) >= least, "\(mode): \(lane)")
                    // A lane that polled would turn millions of times.
                    let turns = try await turns(testbed, node: node, seconds: 2)
                    #expect(turns < 40_000, "\(mode)")
                }
            }
        }

        @Test func anAdaptivePortIsPolledUnderLoadAndWaitsAfterwards() async throws {
            try await Testbed.run { testbed in
                try await setMode("adaptive", testbed)
                let before = try await graphNodes(testbed, node: 0)["tap-input"]
                #expect(before?["state"].string == "interrupt wait")
                let (host, far) = (testbed.left[0], testbed.right[0])
                // TCP comes in bursts.
                let report = try await StreamReport(from: host, to: far, seconds: 3, options: [])
                #expect(report.error == nil)
                let isQuiet = await eventually(withinSeconds: 5) {
                    let state = try? await graphNodes(testbed, node: 0)["tap-input"]?["state"]
                    return state?.string == "interrupt wait"
                }
                #expect(isQuiet)
                let after = try #require(try await graphNodes(testbed, node: 0)["tap-input"])
                // There and back at least once.
                #expect((after["switches"].int ?? 0) >= 2, "\(after)")
                #expect((after["interrupts"].int ?? 0) >= 10, "\(after)")
            }
        }

        @Test func theRxModeOutlivesTheWorker() async throws {
            try await Testbed.run { testbed in
                let dataplane = testbed.dataplane
                try await dataplane.configure("set interface rx-mode left0 interrupt")
                try await dataplane.configure("set interface rx-mode left1 adaptive")
                func modes() async throws -> [String] {
                    try await dataplane.show("interface rx-placement")["queues"].elements.map {
                        "\($0["interface"].string ?? "") \($0["mode"].string ?? "") "
                            + "\($0["state"].string ?? "")"
                    }.sorted()
                }
                let expected = [
                    "left0 interrupt interrupt wait", "left1 adaptive interrupt wait",
                    "right0 polling polling", "right1 polling polling",
                ]
                let isSet = await eventually(withinSeconds: 5) { (try? await modes()) == expected }
                let found = try await modes()
                #expect(isSet, "\(found)")
                let node = try await dataplane.show("nodes")["nodes"].elements.first ?? .null
                let pid = try #require(node["workerPID"].int)
                #expect(kill(Int32(pid), SIGKILL) == 0)
                let isBack = await eventually(withinSeconds: 20) {
                    let now = try? await dataplane.show("nodes")["nodes"].elements.first
                    return now?["workerState"].string == "forwarding"
                        && now?["incarnation"].int == 2
                }
                #expect(isBack)
                let isKept = await eventually(withinSeconds: 5) {
                    (try? await modes()) == expected
                }
                let kept = try await modes()
                #expect(isKept, "\(kept)")
                let (host, far) = (testbed.left[0], testbed.right[0])
                _ = try await host.ping(far.address, count: 5, everySeconds: 0.2)
                #expect(try await host.ping(far.address, count: 50) == .complete(50))
                let refused = try await dataplane.ctl("set interface rx-mode left0 sometimes")
                #expect(refused.status == 2 && refused.errors.contains("adaptive"))
            }
        }

        @Test func processesClocksAndCallsAreShown() async throws {
            try await Testbed.run { testbed in
                let dataplane = testbed.dataplane
                let (host, far) = (testbed.left[0], testbed.right[0])
                _ = try await host.ping(far.address, count: 5, everySeconds: 0.3)
                #expect(try await host.ping(far.address, count: 50) == .complete(50))
                // The first verification comes after a second.
                let isVerified = await eventually(withinSeconds: 10) {
                    let clocks = try? await dataplane.show("clock")["clocks"].elements
                    return clocks?.count == 3
                        && clocks?.allSatisfy { ($0["checks"].int ?? 0) >= 1 } == true
                }
                #expect(isVerified)
                let clocks = try await dataplane.show("clock verbose")["clocks"].elements
                #expect(clocks.count == 5)
                for clock in clocks {
                    #expect(clock["jumps"].int == 0)
                    // One time base: a thousandth of a second is a hundred times what is usual.
                    #expect(abs(clock["offsetNanoseconds"].int ?? 0) < 1_000_000, "\(clock)")
                }
                for node in 0...1 {
                    let states = try await dataplane.show("processes")["processes"].elements
                        .filter { $0["numaNode"].int == node }
                        .reduce(into: [:]) { $0[$1["name"].string ?? ""] = $1["state"].string }
                    #expect(states["clock-verify"] == "clock wait")
                    #expect(states["lane-calls"] == "event wait")
                    #expect(states["gauges"] == "clock wait")
                }
                let ways = try await dataplane.show("rpc")["ways"].elements
                #expect(ways.count == 6)
                #expect(ways.allSatisfy { $0["refused"].int == 0 })
                // Each node has told the supervisor of its host.
                for way in ways where way["to"].string == "supervisor" {
                    #expect((way["calls"].int ?? 0) >= 1, "\(way)")
                }
            }
        }

        @Test(arguments: ["", "summary", "verbose", "max", "time", "node 1", "node 0 lane 0"])
        func runtimeHasAllItsForms(form: String) async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                _ = try await host.ping(far.address, count: 5, everySeconds: 0.3)
                #expect(try await host.ping(far.address, count: 50) == .complete(50))
                let result = try await testbed.dataplane.ctl("show runtime \(form)")
                #expect(result.status == 0, "\(result)")
                let text = result.output
                #expect(text.contains("NUMA node 0 lane 0") == (form != "node 1"))
                #expect(text.contains("NUMA node 1 lane 0") == (form != "node 0 lane 0"))
                #expect(text.contains("loops/sec"))
                #expect(text.contains("ip4-lookup") == (form != "summary"))
                #expect(
                    text.contains("clock-verify") == !["summary", "node 0 lane 0"].contains(form)
                )
                #expect(text.contains("Max Node Clocks") == (form == "max"))
                #expect(text.contains("Nanoseconds") == (form == "time"))
            }
        }
    }
}
