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

        /// What a lane and its `tap-input` had counted.
        private struct Reading {
            var turns: Int
            var sleeps: Int
            /// Calls of `tap-input` because of an interrupt, and its changes of mode.
            var interrupts: Int
            var switches: Int
            var state: String

            static func - (left: Reading, right: Reading) -> Reading {
                Reading(
                    turns: left.turns - right.turns,
                    sleeps: left.sleeps - right.sleeps,
                    interrupts: left.interrupts - right.interrupts,
                    switches: left.switches - right.switches,
                    state: left.state
                )
            }
        }

        private func reading(_ testbed: Testbed, node: Int) async throws -> Reading {
            let input = try #require(try await graphNodes(testbed, node: node)["tap-input"])
            let lane = try await lane(testbed, node: node)
            return Reading(
                turns: try #require(lane["loops"].int),
                sleeps: try #require(lane["sleeps"].int),
                interrupts: try #require(input["interrupts"].int),
                switches: try #require(input["switches"].int),
                state: try #require(input["state"].string)
            )
        }

        /// What a lane counts in two seconds without traffic.
        private func silence(_ testbed: Testbed, node: Int) async throws -> Reading {
            let before = try await reading(testbed, node: node)
            try await Task.sleep(for: .seconds(2))
            return try await reading(testbed, node: node) - before
        }

        @Test(arguments: ["polling", "interrupt", "adaptive"])
        func everyPingThroughIdleLanesIsAnsweredInEveryMode(mode: String) async throws {
            try await Testbed.run { testbed in
                try await setMode(mode, testbed)
                let (host, far) = (testbed.left[0], testbed.right[0])
                // Until a neighbour is known, a packet to it takes the place of the one before.
                _ = try await host.ping(far.address, count: 5, everySeconds: 0.3)
                var before: [Reading] = []
                for node in 0...1 { before.append(try await reading(testbed, node: node)) }
                // Slow enough for both lanes to fall asleep before each.
                let report = try await host.ping(far.address, count: 200, everySeconds: 0.02)
                #expect(report == .complete(200))
                for node in 0...1 {
                    let traffic = try await reading(testbed, node: node) - before[node]
                    let lane = try await lane(testbed, node: node)
                    if mode == "polling" {
                        // Nobody calls what is looked at in every turn, 256 times before a sleep.
                        #expect(traffic.interrupts == 0 && traffic.switches == 0, "\(traffic)")
                        #expect(traffic.turns >= 200 * 200, "\(traffic)")
                    } else {
                        // The ports' packets came through the descriptors, the others by hand-off.
                        #expect((lane["deviceWakeups"].int ?? 0) >= 1, "\(mode): \(lane)")
                        #expect((lane["wakeups"].int ?? 0) >= 10, "\(mode): \(lane)")
                        #expect((lane["wakesSent"].int ?? 0) >= 10, "\(mode): \(lane)")
                        #expect(traffic.interrupts >= 10, "\(mode): \(traffic)")
                    }
                    guard mode == "interrupt" else { continue }
                    // It sleeps at once but for the 100 turns after a handoff.
                    #expect(traffic.turns < 200 * 150 + 4 * traffic.sleeps, "\(traffic)")
                    #expect(traffic.switches == 0, "\(traffic)")
                }
            }
        }

        @Test(arguments: ["polling", "interrupt", "adaptive"])
        func aLaneWithoutTrafficSleepsAsItsModeSays(mode: String) async throws {
            try await Testbed.run { testbed in
                try await setMode(mode, testbed)
                let isPolling = mode == "polling"
                for node in 0...1 {
                    let isQuiet = await eventually(withinSeconds: 5) {
                        let state = try? await reading(testbed, node: node).state
                        return state == (isPolling ? "polling" : "interrupt wait")
                    }
                    #expect(isQuiet)
                    let silence = try await silence(testbed, node: node)
                    #expect(silence.sleeps > 0, "\(mode): \(silence)")
                    // A lane that did not sleep would turn millions of times.
                    #expect(silence.turns <= 4 * silence.sleeps + 2560, "\(mode): \(silence)")
                    if isPolling {
                        #expect(silence.interrupts == 0 && silence.switches == 0, "\(silence)")
                    }
                }
            }
        }

        @Test func aLaneThatPollsNeverSleepsUnlessItMay() async throws {
            try await Testbed.run(startup: "unix { poll-sleep-usec 0 }") { testbed in
                let busy = try await silence(testbed, node: 0)
                #expect(busy.sleeps == 0 && busy.turns > 10_000, "\(busy)")
                // Who waits for calls needs no leave.
                try await setMode("interrupt", testbed)
                let idle = try await silence(testbed, node: 0)
                #expect(idle.sleeps > 0, "\(idle)")
            }
        }

        @Test func anAdaptivePortIsPolledUnderLoadAndWaitsAfterwards() async throws {
            try await Testbed.run { testbed in
                try await setMode("adaptive", testbed)
                // The running workers are to say what they do.
                try await testbed.dataplane.configure("set logging class worker level debug")
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
                let log = try await testbed.dataplane.ctl("show logging").output
                #expect(log.contains("debug worker \"rx mode switched\""), "\(log)")
            }
        }

        @Test func theRxModeOutlivesTheWorker() async throws {
            try await Testbed.run { testbed in
                let dataplane = testbed.dataplane
                try await dataplane.configure("set interface rx-mode left0 interrupt")
                try await dataplane.configure("set interface rx-mode left1 adaptive")
                try await dataplane.configure("set interface rx-mode right1 interrupt")
                try await dataplane.configure("set interface rx-mode right1 queue 0 polling")
                try await dataplane.configure("set interface rx-mode right0 adaptive")
                try await dataplane.configure("set interface rx-mode right0 default")
                try await dataplane.configure("set logging class worker level info")
                #expect(!dataplane.log.contains("info worker state"))
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
                #expect(dataplane.log.contains("info worker state node=0"))
                // With its own mode gone the queue does as its interface says.
                try await dataplane.configure("set interface rx-mode right1 queue 0 default")
                let isBackToo = await eventually(withinSeconds: 5) {
                    (try? await modes())?.contains("right1 interrupt polling") == true
                }
                #expect(isBackToo, "right0 is polled by the same node")
                let none = try await dataplane.ctl("set interface rx-mode right1 queue 99 polling")
                #expect(none.status == 1 && none.errors.contains("right1 has queue"), "\(none)")
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
