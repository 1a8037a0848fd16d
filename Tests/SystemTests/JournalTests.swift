import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// What was configured is there again after everything has ended, however it did.
    @Suite(.needsDataplane) struct JournalTests {
        private struct Configuration: Equatable {
            var route: JSONValue
            var neighbours: [JSONValue]
            var addresses: String
        }

        /// Learned neighbours are not kept: a host that is there answers the first question.
        private func configuration(_ dataplane: LiveDataplane) async throws -> Configuration {
            let neighbours = try await dataplane.show("ip neighbors")["neighbours"].elements
            return Configuration(
                route: try await dataplane.show("ip fib 10.30.0.0/16")["prefixes"].elements.first?[
                    "sources"
                ] ?? .null,
                neighbours: neighbours.filter { $0["isStatic"].bool == true },
                addresses: try await dataplane.ctl("show interface address").output
            )
        }

        private func withInstance(
            _ body: (String, LiveDataplane) async throws -> LiveDataplane
        ) async throws {
            if let reason = Machine.lacksForDataplane() {
                throw LiveDataplaneError.machineLacks(reason)
            }
            let instance = LiveDataplane.freshName()
            let topology = Testbed.topology(instance: instance)
            let dataplane = try LiveDataplane(starting: instance, topology: topology)
            do {
                try await dataplane.waitUntilForwarding()
                try await body(topology, dataplane).stop()
            } catch {
                await dataplane.destroy()
                await Testbed.removeNamespaces(instance)
                throw error
            }
            await Testbed.removeNamespaces(instance)
        }

        @Test func everythingIsBackAfterAPowerCut() async throws {
            try await withInstance { topology, first in
                let hosts = try await Testbed.addHosts(to: first)
                try await first.configure(
                    "ip route add 10.30.0.0/16 via \(hosts[3].address)",
                    "set ip neighbor \(hosts[3].port) 10.10.3.99 02:00:00:00:00:99",
                    "set interface mtu 1400 \(hosts[1].port)"
                )
                try await first.execute(
                    "ip route add 20.0.0.0/32 count 100000 via \(hosts[2].address)"
                )
                let before = try await configuration(first)
                #expect(before.neighbours.count == 1)
                #expect(try await hosts[0].ping(hosts[2].address, count: 20).received > 0)
                await first.crash()

                let second = try LiveDataplane(starting: first.instance, topology: topology)
                try await second.waitUntilForwarding()
                #expect(second.log.contains("journal-restored"), "\(second.log)")
                // The kernel took the TAPs with the processes that had them; now there are new ones.
                for host in hosts {
                    try await host.namespace.adopt(
                        interface: host.tap,
                        address: "\(host.address)/24",
                        gateway: host.gateway
                    )
                }
                let after = try await configuration(second)
                #expect(after == before)
                let fib = try await second.ctl("show ip fib 20.1.0.0/32").output
                #expect(fib.contains(hosts[2].address), "\(fib)")
                #expect(
                    try await second.ctl("show interface \(hosts[1].port)").output.contains("1400")
                )
                for (from, to) in [(0, 1), (0, 2), (3, 1)] {
                    let isAnswered = await eventually(withinSeconds: 5) {
                        (try? await hosts[from].ping(hosts[to].address, count: 1)) == .complete(1)
                    }
                    #expect(isAnswered, "\(from) to \(to)")
                    let report = try await hosts[from].ping(hosts[to].address, count: 100)
                    #expect(report == .complete(100), "\(from) to \(to)")
                }
                return second
            }
        }

        @Test func aFullDiskRefusesChangesAndNothingElse() async throws {
            try await withInstance { topology, first in
                try await first.stopKeepingFolder()
                let state = first.folder.appendingPathComponent("state").path
                try await shell(
                    "rm -rf \(state) && mkdir -p \(state) && mount -t tmpfs -o size=256k none \(state)"
                )
                let second = try LiveDataplane(starting: first.instance, topology: topology)
                do {
                    try await second.waitUntilForwarding()
                    try await fill(state, second)
                } catch {
                    await second.crash()
                    try? await shell("umount \(state)")
                    throw error
                }
                try await second.stopKeepingFolder()
                try await shell("umount \(state)")
                let third = try LiveDataplane(starting: first.instance, topology: topology)
                try await third.waitUntilForwarding()
                return third
            }
        }

        /// Fills the disk, tries a change, makes room, and tries again.
        private func fill(_ state: String, _ dataplane: LiveDataplane) async throws {
            let hosts = try await Testbed.addHosts(to: dataplane)
            try await shell(
                "dd if=/dev/zero of=\(state)/ballast bs=4k count=100 2>/dev/null || true"
            )
            let witness = try hosts[0].namespace.start(
                "ping",
                "-q",
                "-i",
                "0.002",
                hosts[1].address
            )
            let before = try await hosts[0].echoReplies()
            let routes = "ip route add 20.0.0.0/32 count 20000 via \(hosts[2].address)"
            let refused = try await dataplane.ctl(routes)
            #expect(refused.status != 0)
            #expect(
                refused.errors.contains("\(state)/journal: No space left on device"),
                "\(refused)"
            )
            #expect(refused.errors.contains("make room there"), "\(refused)")
            #expect(
                try await dataplane.ctl("show ip fib 20.0.0.1/32").output.contains("20.0.0.1")
                    == false
            )
            let journal = try await dataplane.ctl("show journal").output
            #expect(journal.contains("changes are refused"), "\(journal)")
            witness.signal(SIGINT)
            let output = try await witness.end(withinSeconds: 10).output
            let seen = try await hosts[0].completed(PingReport(output), since: before)
            #expect(seen == .complete(seen.sent))
            try await shell("rm \(state)/ballast")
            try await dataplane.configure(routes)
            #expect(try await dataplane.ctl("show journal").output.contains("refused") == false)
        }

        private func shell(_ line: String) async throws {
            let result = try await TestSupport.run(["bash", "-c", line])
            try #require(result.status == 0, "\(result)")
        }
    }
}
