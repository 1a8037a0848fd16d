import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// What the engine does under changes: nothing leaks, nothing stops.
    @Suite(.needsDataplane) struct EngineTests {
        /// What is in use on all nodes.
        private struct Usage: Equatable {
            var heapBytes: [Int]
            var buffers: [Int]
        }

        private func usage(_ dataplane: LiveDataplane) async throws -> Usage {
            Usage(
                heapBytes: try await dataplane.show("memory")["heaps"].elements.map {
                    $0["usedBytes"].int ?? -1
                },
                buffers: try await dataplane.show("buffers")["pools"].elements.map {
                    $0["used"].int ?? -1
                }
            )
        }

        @Test func changesOfTheTablesLeakNeitherHeapNorBuffers() async throws {
            try await Testbed.run { testbed in
                let (host, near, far) = (testbed.left[0], testbed.left[1], testbed.right[0])
                for other in [near, far] {
                    let report = try await host.ping(other.address, count: 20)
                    #expect(report == .complete(20))
                }
                try await change(testbed, times: 1)
                let before = try await usage(testbed.dataplane)
                let sent = try await host.echoReplies()
                let witness = try host.namespace.start("ping", "-q", "-i", "0.002", far.address)
                try await change(testbed, times: 50)
                witness.signal(SIGINT)
                let output = try await witness.end(withinSeconds: 10).output
                let seen = try await host.completed(PingReport(output), since: sent)
                #expect(seen.sent > 100)
                #expect(seen == .complete(seen.sent), "changes lose no packet")
                var after = try await usage(testbed.dataplane)
                _ = await eventually(withinSeconds: 5) {
                    if let now = try? await usage(testbed.dataplane) { after = now }
                    return after == before
                }
                #expect(after == before)
            }
        }

        /// Makes a change of every kind and takes it back.
        private func change(_ testbed: Testbed, times: Int) async throws {
            let (port, far) = (testbed.left[1].port, testbed.right[1])
            let turn = """
                ip route add 10.40.0.0/16 via \(far.address)
                ip route add 10.41.0.0/16 via \(far.address) \(far.port)
                set ip neighbor \(far.port) 10.10.3.77 02:00:00:00:00:77
                set interface ip address \(port) 10.50.0.1/24
                set interface handoff \(port) nodes 0,1
                set interface mtu packet 1400 \(port)
                ip route add count 300 10.42.0.0/24 via \(far.address)
                ip route del count 300 10.42.0.0/24
                set interface mtu packet 1500 \(port)
                set interface handoff \(port) disable
                set interface ip address del \(port) 10.50.0.1/24
                set ip neighbor del \(far.port) 10.10.3.77
                ip route del 10.41.0.0/16
                ip route del 10.40.0.0/16

                """
            try await testbed.dataplane.execute(
                String(repeating: turn, count: times),
                withinSeconds: 120
            )
        }
    }
}
