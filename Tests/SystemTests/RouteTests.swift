import TestSupport
import Testing

extension SystemTests {
    /// A full table, loaded while packets pass.
    @Suite(.needsDataplane) struct RouteTests {
        /// A million /32 routes from 20.0.0.0 on: first half to one host, second half to another.
        private static let half = 500_000

        private static func address(_ index: Int) -> String {
            let bits = (20 << 24) + index
            return [24, 16, 8, 0].map { String(bits >> $0 & 255) }.joined(separator: ".")
        }

        @Test func loadsAMillionRoutesWhileForwardingAndUsesEachOfThem() async throws {
            try await Testbed.run { testbed in
                let (host, near, far) = (testbed.left[0], testbed.left[1], testbed.right[0])
                // The two hosts behind the routes answer for every address of theirs.
                for owner in [near, far] {
                    try await owner.namespace.runSucceeding(
                        "ip",
                        "route",
                        "add",
                        "local",
                        "20.0.0.0/8",
                        "dev",
                        "lo"
                    )
                }
                // One packet is held for a neighbour that is not known yet; the next takes its place.
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
                let before = try await host.echoReplies()
                let witness = try host.namespace.start("ping", "-q", "-i", "0.002", far.address)
                try await testbed.dataplane.execute(
                    """
                    ip route add \(Self.address(0))/32 count \(Self.half) via \(near.address)
                    ip route add \(Self.address(Self.half))/32 count \(Self.half) via \(far.address)
                    """,
                    withinSeconds: 120
                )
                witness.signal(2)
                let output = try await witness.end(withinSeconds: 10).output
                let seen = try await host.completed(PingReport(output), since: before)
                #expect(seen.sent > 10)
                #expect(seen == .complete(seen.sent), "forwarding stopped while routes were loaded")

                try await expectRoutes(testbed)
                try await expectAnswers(from: host, viaFar: true)
                try await expectAnswers(from: testbed.right[1], viaFar: false)
                let beyond = try await host.namespace.run(
                    "ping",
                    "-c",
                    "1",
                    "-W",
                    "2",
                    Self.address(2 * Self.half)
                )
                #expect(beyond.output.contains("Unreachable"), "\(beyond)")
            }
        }

        /// The supervisor's table says the right host for routes at both ends, in the middle, and
        /// in between.
        private func expectRoutes(_ testbed: Testbed) async throws {
            for index in [0, 1, 77_777, Self.half - 1, Self.half, 2 * Self.half - 1] {
                let address = Self.address(index)
                let text = try await testbed.dataplane.ctl("show ip fib \(address)/32").output
                let owner = index < Self.half ? testbed.left[1] : testbed.right[0]
                #expect(text.contains(owner.address), "\(address): \(text)")
            }
        }

        /// Packets to addresses all over the table come to a host that answers.
        private func expectAnswers(from host: Testbed.Host, viaFar: Bool) async throws {
            // A step that is no power of two and prime to the table's size visits all of its parts.
            for step in 0..<100 {
                let address = Self.address(step * 9973 % (2 * Self.half))
                #expect(try await host.ping(address, count: 1) == .complete(1), "\(address)")
            }
        }
    }
}
