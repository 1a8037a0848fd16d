import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Planned restarts, and crashes with a spare, under traffic of real hosts and of the packet
    /// generator.
    @Suite(.needsDataplane) struct RestartTests {
        /// How often, in one test; CI takes fewer.
        private static let rounds =
            ProcessInfo.processInfo.environment["CAUSEWAY_LONG"] == nil ? 10 : 100

        @Test func plannedRestartsLoseNoPacketOfAnyNode() async throws {
            try await Testbed.run(spare: true) { testbed in
                try await untilSparesAreReady(testbed)
                let (host, far, near) = (testbed.left[0], testbed.right[0], testbed.left[1])
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
                #expect(try await near.ping(testbed.right[1].address, count: 5) == .complete(5))
                let before = [try await host.echoReplies(), try await near.echoReplies()]
                let witnesses = try [
                    host.namespace.start("ping", "-q", "-i", "0.002", far.address),
                    near.namespace.start("ping", "-q", "-i", "0.002", testbed.right[1].address),
                ]
                for round in 0..<Self.rounds {
                    let node = round % 2
                    let life = try await self.life(testbed, node)
                    let answer = try await testbed.dataplane.json("restart node \(node)")
                    let restart = try #require(answer["restarts"].elements.first)
                    #expect(restart["incarnation"].int == life + 1)
                    #expect(try await self.life(testbed, node) == life + 1)
                    try await untilSparesAreReady(testbed)
                }
                for (index, side) in [host, near].enumerated() {
                    witnesses[index].signal(2)
                    let output = try await witnesses[index].end(withinSeconds: 10).output
                    let seen = try await side.completed(PingReport(output), since: before[index])
                    #expect(seen.sent > 100)
                    #expect(seen == .complete(seen.sent))
                }
                #expect(try await testbed.dataplane.allDrops().values.reduce(0, +) == 0)
            }
        }

        /// The generator makes packets as fast as they go; every one of them leaves by the port that its
        /// route names, whichever of the worker's lives has it.
        @Test func plannedRestartsLoseNoPacketOfTheGeneratorAtFullLoad() async throws {
            let instance = LiveDataplane.freshName()
            try await LiveDataplane.run(
                instance: instance,
                topology: Testbed.loopless(instance)
            ) { dataplane in
                for (index, port) in ["in0", "out0", "in1", "out1"].enumerated() {
                    try await dataplane.configure(
                        "set interface state \(port) up",
                        "set interface ip address \(port) 10.50.\(index).1/24",
                        "set ip neighbor \(port) 10.50.\(index).9 02:00:00:00:00:0\(index)"
                    )
                }
                try await dataplane.configure("clear errors", "clear interfaces")
                let limit = 3_000_000
                for node in 0..<2 {
                    let target = "10.50.\(2 * node + 1).9"
                    let data = "{ UDP: 10.9.9.9 -> \(target) UDP: 1 -> 2 incrementing 22 }"
                    try await dataplane.execute(
                        "packet-generator new { name s\(node) limit \(limit) rate 1e6 size 64-64 "
                            + "interface in\(node) node ip4-input data \(data) }"
                    )
                }
                try await dataplane.configure("packet-generator enable-stream")
                for round in 0..<Self.rounds {
                    try await dataplane.configure("restart node \(round % 2)")
                }
                for node in 0..<2 {
                    var sent: Int?
                    _ = await eventually(withinSeconds: 60) {
                        let counters = try? await dataplane.interfaceCounters("out\(node)")
                        sent = counters?["txPackets"].int
                        return sent == limit
                    }
                    #expect(sent == limit, "node \(node)")
                }
                #expect(try await dataplane.allDrops().values.reduce(0, +) == 0)
            }
        }

        @Test func aSpareTakesOverFromAKilledWorkerAndTheOtherNodeLosesNothing() async throws {
            let restart = "{max: 1000, window: 60s, backoff: 0ms}"
            try await Testbed.run(restart: restart, spare: true) { testbed in
                try await untilSparesAreReady(testbed)
                let (near, far) = (testbed.left, testbed.right)
                for hosts in [near, far] {
                    #expect(try await hosts[0].ping(hosts[1].address, count: 5) == .complete(5))
                }
                let before = try await near[0].echoReplies()
                let witness = try near[0].namespace.start(
                    "ping",
                    "-q",
                    "-i",
                    "0.002",
                    near[1].address
                )
                for round in 0..<Self.rounds {
                    let life = try await self.life(testbed, 1)
                    let nodes = try await testbed.dataplane.show("nodes")["nodes"].elements
                    #expect(kill(Int32(try #require(nodes[1]["workerPID"].int)), SIGKILL) == 0)
                    let spare = try #require(nodes[1]["sparePID"].int)
                    let isBack = await eventually(withinSeconds: 10, everyMilliseconds: 10) {
                        guard let now = try? await testbed.dataplane.show("nodes")["nodes"].elements
                        else { return false }
                        return now[1]["workerPID"].int == spare
                            && now[1]["workerState"].string == "forwarding"
                    }
                    try #require(isBack, "round \(round): the spare does not forward")
                    #expect(try await self.life(testbed, 1) == life + 1)
                    #expect(try await far[0].ping(far[1].address, count: 20) == .complete(20))
                    try await untilSparesAreReady(testbed)
                }
                witness.signal(2)
                let output = try await witness.end(withinSeconds: 10).output
                let seen = try await near[0].completed(PingReport(output), since: before)
                #expect(seen == .complete(seen.sent), "the other node's ports lost packets")
                let deaths = try await testbed.dataplane.show("restarts")["restarts"].elements
                #expect(deaths.count == Self.rounds)
                for death in deaths {
                    #expect(death["by"].string == "spare")
                    #expect(death["buffers"].int == death["buffersFree"].int)
                    #expect(death["cause"].string == "signal 9 (SIGKILL)")
                }
                #expect(deaths.allSatisfy { $0["forwardingMicroseconds"].int ?? 0 > 0 })
            }
        }

        private func life(_ testbed: Testbed, _ node: Int) async throws -> Int {
            let nodes = try await testbed.dataplane.show("nodes")["nodes"].elements
            return try #require(nodes[node]["incarnation"].int)
        }

        private func untilSparesAreReady(_ testbed: Testbed) async throws {
            let areReady = await eventually(withinSeconds: 30, everyMilliseconds: 20) {
                guard let nodes = try? await testbed.dataplane.show("nodes")["nodes"].elements
                else { return false }
                return nodes.allSatisfy { $0["spareState"].string == "ready" }
            }
            #expect(areReady, "spares do not come up")
        }
    }
}
