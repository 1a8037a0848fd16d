import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Other programs and whole nodes under the traffic of real hosts.
    @Suite(.needsDataplane) struct UpgradeTests {
        /// Pings over one node until it is told to stop.
        struct Witness {
            let host: Testbed.Host
            let before: Int
            let ping: RunningCommand

            init(_ host: Testbed.Host, to other: Testbed.Host) async throws {
                self.host = host
                _ = try await host.ping(other.address, count: 5)
                before = try await host.echoReplies()
                ping = try host.namespace.start("ping", "-q", "-i", "0.002", other.address)
            }

            func report() async throws -> PingReport {
                ping.signal(SIGINT)
                let output = try await ping.end(withinSeconds: 10).output
                return try await host.completed(PingReport(output), since: before)
            }
        }

        private func nodes(_ dataplane: LiveDataplane) async throws -> [JSONValue] {
            try await dataplane.show("nodes")["nodes"].elements
        }

        /// A program in the dataplane's folder.
        private func script(_ text: String, _ dataplane: LiveDataplane) throws -> String {
            let file = dataplane.folder.appendingPathComponent("node-\(UUID().uuidString)")
            try "#!/bin/sh\n\(text)\n".write(to: file, atomically: true, encoding: .utf8)
            let mode: [FileAttributeKey: Any] = [.posixPermissions: 0o755]
            try FileManager.default.setAttributes(mode, ofItemAtPath: file.path)
            return file.path
        }

        /// Upgrades that must not come about, with what the refusal says.
        private func expectRefusals(_ dataplane: LiveDataplane, _ present: String) async throws {
            let versions = try await TestSupport.run([present, "--versions"]).output
            let layout = try #require(try JSONValue(parsing: versions)["layouts"]["segment"].string)
            let other = versions.replacingOccurrences(of: layout, with: "77-0badc0de")
            #expect(other != versions)
            let cases = try [
                (script("echo '\(other)'", dataplane), "segment 77-0badc0de, not \(layout)"),
                ("/bin/true", "is another program than causeway-node"),
                ("\(dataplane.folder.path)/none", "there is no such file"),
                ("\(dataplane.folder.path)/startup.conf", "is not executable"),
                // It says that it fits, and dies when it is started as a worker.
                (
                    script("[ $1 = --versions ] && exec \(present) --versions; exit 7", dataplane),
                    "nothing stopped: node 1 goes on with \(present)"
                ),
            ]
            for (path, reason) in cases {
                let result = try await dataplane.ctl("upgrade node 1 --with \(path)")
                #expect(result.status == 1)
                #expect(result.errors.contains(reason), "\(result)")
            }
        }

        @Test func anotherProgramTakesOverBothNodesWithoutALossAndStays() async throws {
            let instance = LiveDataplane.freshName()
            let topology = Testbed.topology(
                instance: instance,
                restart: "{max: 100, window: 60s, backoff: 0ms}"
            )
            let first = try LiveDataplane(starting: instance, topology: topology)
            do {
                try await first.waitUntilForwarding()
                let hosts = try await Testbed.addHosts(to: first)
                let witnesses = try await [
                    Witness(hosts[0], to: hosts[1]), Witness(hosts[2], to: hosts[3]),
                ]
                let before = try await nodes(first)
                let present = try #require(before[1]["workerProgram"]["path"].string)
                try await expectRefusals(first, present)
                #expect(try await nodes(first)[1]["workerPID"] == before[1]["workerPID"])
                let copy = first.folder.appendingPathComponent("causeway-node").path
                try FileManager.default.copyItem(atPath: present, toPath: copy)
                let answer = try await first.json("upgrade all --with \(copy)")
                #expect(
                    answer["restarts"].elements.map { $0["program"]["path"].string } == [
                        copy, copy,
                    ]
                )
                for (index, node) in try await nodes(first).enumerated() {
                    #expect(node["workerProgram"]["path"].string == copy)
                    #expect(node["keeperProgram"] == before[index]["keeperProgram"])
                    #expect(node["workerProgram"]["buildID"].string?.count ?? 0 >= 16)
                    #expect(node["workerPID"] != before[index]["workerPID"])
                }
                let programs = try await first.show("cpu")["nodes"].elements
                #expect(programs.map { $0["program"].string } == [copy, copy])
                #expect(
                    try await first.ctl("show version").output.contains("NUMA node 1: \(copy) v")
                )
                for witness in witnesses {
                    let seen = try await witness.report()
                    #expect(seen.sent > 100)
                    #expect(seen == .complete(seen.sent))
                }
                #expect(try await first.allDrops().values.reduce(0, +) == 0)
                try await expectKept(copy, after: first, topology)
            } catch {
                await first.destroy()
                await Testbed.removeNamespaces(instance)
                throw error
            }
            await Testbed.removeNamespaces(instance)
        }

        /// The next supervisor starts the next life with the program that the last one was given.
        private func expectKept(
            _ program: String,
            after first: LiveDataplane,
            _ topology: String
        ) async throws {
            first.supervisor.signal(SIGKILL)
            _ = try await first.supervisor.end(withinSeconds: 10)
            let next = try LiveDataplane(starting: first.instance, topology: topology)
            try await next.waitUntilForwarding()
            let life = try #require(try await nodes(next)[1]["incarnation"].int)
            let pid = try #require(try await nodes(next)[1]["workerPID"].int)
            #expect(kill(Int32(pid), SIGKILL) == 0)
            let isBack = await eventually(withinSeconds: 10) {
                guard let node = try? await nodes(next)[1] else { return false }
                return node["incarnation"].int ?? 0 > life
                    && node["workerState"].string == "forwarding"
            }
            #expect(isBack)
            #expect(try await nodes(next)[1]["workerProgram"]["path"].string == program)
            try await next.stop()
        }

        /// First with a dead keeper, then with one that lives.
        @Test func aWholeRestartLosesNothingOnTheOtherNode() async throws {
            try await Testbed.run { testbed in
                let (near, far) = (testbed.left, testbed.right)
                let dataplane = testbed.dataplane
                try await dataplane.configure(
                    "ip route add 10.30.0.0/16 via \(far[1].address)",
                    "set ip neighbor \(far[1].port) 10.10.3.99 02:00:00:00:00:99"
                )
                let witness = try await Witness(near[0], to: near[1])
                for host in [near[0], far[1]] { _ = try await host.ping(far[0].address, count: 5) }
                let fib = try await dataplane.show("ip fib 10.30.0.0/16")
                let macs = try await [far[0].mac(), far[1].mac()]
                let addresses = try await dataplane.show("interface address")
                let pid = try #require(try await nodes(dataplane)[1]["keeperPID"].int)
                #expect(kill(Int32(pid), SIGKILL) == 0)
                var reason = ""
                _ = await eventually(withinSeconds: 10) {
                    reason = (try? await nodes(dataplane)[1]["reason"].string) ?? ""
                    return !reason.isEmpty
                }
                #expect(reason.hasPrefix("degraded: keeper died (signal 9 (SIGKILL))"), "\(reason)")
                #expect(reason.hasSuffix("causewayctl restart node 1 --whole"), "\(reason)")
                #expect(dataplane.log.contains("critical supervisor node-degraded node=1"))
                #expect(try await far[0].ping(far[1].address, count: 5) == .complete(5))
                // Packets for the node that is down, so that there is something to count.
                let across = try near[1].namespace.start(
                    "ping",
                    "-q",
                    "-i",
                    "0.002",
                    far[0].address
                )
                for round in 0..<2 {
                    let before = try await nodes(dataplane)
                    let answer = try await dataplane.json("restart node 1 --whole")
                    let restart = try #require(answer["restarts"].elements.first)
                    #expect(restart["whole"].bool == true)
                    #expect(restart["droppedByPeers"].int ?? 0 > 0, "\(restart)")
                    let now = try await nodes(dataplane)
                    #expect(now[1]["reason"].string?.isEmpty == true && now[1]["restarts"].int == 0)
                    #expect(now[1]["keeperPID"] != before[1]["keeperPID"], "round \(round)")
                    #expect(now[1]["workerPID"] != before[1]["workerPID"], "round \(round)")
                    #expect(now[0]["workerPID"] == before[0]["workerPID"])
                    // The kernel's end of a TAP went with the keeper that had made it.
                    for (host, mac) in zip(far, macs) { try await host.adoptAgain(mac: mac) }
                    _ = try await far[0].ping(far[1].address, count: 1)
                    #expect(try await far[0].ping(far[1].address, count: 50) == .complete(50))
                    #expect((try await dataplane.show("ip fib 10.30.0.0/16") == fib) as Bool)
                    #expect(try await dataplane.show("interface address") == addresses)
                }
                across.signal(SIGINT)
                _ = try await across.end(withinSeconds: 10)
                let neighbours = try await dataplane.ctl("show ip neighbors").output
                #expect(neighbours.contains("10.10.3.99"))
                let drops = try await dataplane.allDrops()
                #expect(
                    drops.contains { $0.key.contains("handoff peer down") && $0.value > 0 },
                    "\(drops)"
                )
                let seen = try await witness.report()
                #expect(seen.sent > 200)
                #expect(seen == .complete(seen.sent), "the other node's ports lost packets")
            }
        }
    }
}

extension Testbed.Host {
    /// The Ethernet address of the host's interface.
    func mac() async throws -> String {
        let text = try await namespace.runSucceeding("cat", "/sys/class/net/\(tap)/address")
        return String(text.prefix { $0 != "\n" })
    }

    /// Gives the host the interface that a new keeper made, with the address of the one before: a host
    /// on a wire would have kept it.
    func adoptAgain(mac: String) async throws {
        _ = try await TestSupport.run(["ip", "link", "set", tap, "address", mac])
        try await namespace.adopt(
            interface: tap,
            address: "\(address)/24",
            gateway: gateway
        )
    }
}
