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
