import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// A supervisor dies, and the next one goes on with what runs: no packet is lost by it.
    @Suite(.needsDataplane) struct TakeOverTests {
        /// A dataplane whose supervisor is one of many.
        private struct Reign {
            var dataplane: LiveDataplane
            let topology: String
            let hosts: [Testbed.Host]

            /// Kills the supervisor, waits, and starts another one.
            mutating func succeed(afterMilliseconds wait: Int, killing worker: Int? = nil)
                async throws
            {
                dataplane.supervisor.signal(SIGKILL)
                _ = try await dataplane.supervisor.end(withinSeconds: 10)
                if let worker { #expect(kill(Int32(worker), SIGKILL) == 0) }
                try await Task.sleep(for: .milliseconds(wait))
                dataplane = try LiveDataplane(starting: dataplane.instance, topology: topology)
                try await dataplane.waitUntilForwarding()
            }

            func nodes() async throws -> [JSONValue] {
                try await dataplane.show("nodes")["nodes"].elements
            }

            func pids(_ key: String) async throws -> [Int?] {
                try await nodes().map { $0[key].int }
            }
        }

        private func withReign(_ body: (inout Reign) async throws -> Void) async throws {
            if let reason = Machine.lacksForDataplane() {
                throw LiveDataplaneError.machineLacks(reason)
            }
            let instance = LiveDataplane.freshName()
            let topology = Testbed.topology(
                instance: instance,
                restart: "{max: 100, window: 60s, backoff: 0ms}"
            )
            let first = try LiveDataplane(starting: instance, topology: topology)
            do {
                try await first.waitUntilForwarding()
                let hosts = try await Testbed.addHosts(to: first)
                for (from, to) in [(0, 1), (0, 2), (2, 3)] {
                    _ = try await hosts[from].ping(hosts[to].address, count: 20)
                }
                var reign = Reign(dataplane: first, topology: topology, hosts: hosts)
                try await body(&reign)
                try await reign.dataplane.stop()
            } catch {
                await first.destroy()
                await Testbed.removeNamespaces(instance)
                throw error
            }
            await Testbed.removeNamespaces(instance)
        }

        /// Pings until it is told to stop, and compares with what the kernel counted.
        private struct Witness {
            let host: Testbed.Host
            let before: Int
            let ping: RunningCommand

            init(_ host: Testbed.Host, to address: String) async throws {
                self.host = host
                before = try await host.echoReplies()
                ping = try host.namespace.start("ping", "-q", "-i", "0.002", address)
            }

            func report() async throws -> PingReport {
                ping.signal(SIGINT)
                let output = try await ping.end(withinSeconds: 10).output
                return try await host.completed(PingReport(output), since: before)
            }
        }

        /// Adds a route after the other until it is cancelled; those that were acknowledged are kept.
        private func configure(_ socket: String, via hop: String) -> Task<[String], any Error> {
            Task {
                var acknowledged: [String] = []
                var number = 0
                while !Task.isCancelled {
                    let prefix = "30.\(number / 256 % 256).\(number % 256).0/24"
                    number += 1
                    let words = ["ip", "route", "add", prefix, "via", hop]
                    let result = try await TestSupport.run(
                        [Machine.program("causewayctl"), "-s", socket] + words
                    )
                    if result.status == 0 {
                        acknowledged.append(prefix)
                    } else {
                        // Nobody is left without an answer.
                        #expect(!result.errors.isEmpty, "\(result)")
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
                return acknowledged
            }
        }

        @Test func twentySupervisorsLoseNoPacketAndNoChange() async throws {
            try await withReign { reign in
                let hosts = reign.hosts
                let workers = try await reign.pids("workerPID")
                let keepers = try await reign.pids("keeperPID")
                let near = try await Witness(hosts[0], to: hosts[1].address)
                let across = try await Witness(hosts[2], to: hosts[1].address)
                let changes = configure(
                    "\(reign.dataplane.runtimeDirectory)/api.sock",
                    via: hosts[3].address
                )
                for turn in 1...20 {
                    try await Task.sleep(for: .milliseconds(turn * 37 % 200))
                    try await reign.succeed(afterMilliseconds: turn * 13 % 50)
                    #expect(reign.dataplane.log.contains("taken-over node=0"), "turn \(turn)")
                    #expect(try await reign.pids("workerPID") == workers, "turn \(turn)")
                    #expect(try await reign.pids("keeperPID") == keepers, "turn \(turn)")
                }
                changes.cancel()
                let acknowledged = try await changes.value
                for witness in [near, across] {
                    let seen = try await witness.report()
                    #expect(seen.sent > 1000)
                    #expect(seen == .complete(seen.sent), "\(witness.host.port)")
                }
                #expect(acknowledged.count > 20)
                let table = try await reign.dataplane.show("ip fib 30.0.0.0/8 max 0")
                let prefixes = Set(table["prefixes"].elements.compactMap { $0["prefix"].string })
                #expect(Set(acknowledged).subtracting(prefixes) == [])
                // And what the workers forward by is what the supervisor says.
                try await expectUse(of: acknowledged, from: hosts[0], at: hosts[3])
            }
        }

        /// Packets to a route's addresses come out where it leads.
        private func expectUse(
            of prefixes: [String],
            from host: Testbed.Host,
            at owner: Testbed.Host
        ) async throws {
            try await owner.namespace.runSucceeding(
                "ip",
                "route",
                "add",
                "local",
                "30.0.0.0/8",
                "dev",
                "lo"
            )
            for prefix in prefixes.enumerated().filter({ $0.offset % 10 == 0 }).map(\.element) {
                let address = prefix.replacing("0/24", with: "9")
                #expect(try await host.ping(address, count: 1) == .complete(1), "\(address)")
            }
        }

        @Test func aWorkerThatDiedMeanwhileIsReplacedAlone() async throws {
            try await withReign { reign in
                let hosts = reign.hosts
                let workers = try await reign.pids("workerPID")
                let near = try await Witness(hosts[0], to: hosts[1].address)
                try await reign.succeed(afterMilliseconds: 300, killing: workers[1])
                let now = try await reign.pids("workerPID")
                #expect(now[0] == workers[0] && now[1] != workers[1] && now[1] != nil)
                #expect(try await reign.nodes()[1]["incarnation"].int == 2)
                for (from, to) in [(2, 3), (0, 2)] {
                    let isAnswered = await eventually(withinSeconds: 5) {
                        (try? await hosts[from].ping(hosts[to].address, count: 1)) == .complete(1)
                    }
                    #expect(isAnswered)
                    #expect(
                        try await hosts[from].ping(hosts[to].address, count: 50) == .complete(50)
                    )
                }
                let seen = try await near.report()
                #expect(seen == .complete(seen.sent), "the other node lost packets")
                let lives = try await reign.dataplane.show("node 1 incarnation")["lives"].elements
                #expect(lives.map { $0["incarnation"].int } == [1])
                #expect(lives.first?["cause"].string == "no supervisor saw it")
                #expect(lives.first?["packets"].int ?? 0 > 0)
                // The new supervisor watches both: one that dies under it is replaced too.
                let pid = try #require(now[0])
                #expect(kill(Int32(pid), SIGKILL) == 0)
                let isBack = await eventually(withinSeconds: 20) {
                    guard let node = try? await reign.nodes()[0] else { return false }
                    return node["incarnation"].int == 2
                        && node["workerState"].string == "forwarding"
                }
                #expect(isBack)
                #expect(try await hosts[2].ping(hosts[1].address, count: 50).received > 0)
            }
        }

        /// A change is with the canary alone: the next supervisor takes it from there, and keeps the canary.
        ///
        /// It also has what the last one kept of a dead worker.
        @Test func aDeathInTheCanarysWindowLeavesNothingOfTheChange() async throws {
            try await withReign { reign in
                let hosts = reign.hosts
                let workers = try await reign.pids("workerPID")
                #expect(kill(Int32(try #require(workers[0])), SIGKILL) == 0)
                let isBack = await eventually(withinSeconds: 20) {
                    guard let node = try? await reign.nodes()[0] else { return false }
                    return node["incarnation"].int == 2
                        && node["workerState"].string == "forwarding"
                }
                #expect(isBack)
                let before = try await hostRoutes(reign)
                try await reign.dataplane.configure("canary on node 1 window 30")
                let words = ["ip", "route", "add", "60.0.0.0/32", "count", "1000", "via"]
                let client = try RunningCommand(
                    [
                        Machine.program("causewayctl"), "-s",
                        "\(reign.dataplane.runtimeDirectory)/api.sock",
                    ] + words + [hosts[3].address]
                )
                let isPending = await eventually(withinSeconds: 10) {
                    let report = try? await reign.dataplane.show("canary")
                    return report?["pending"]["change"].string?.hasPrefix("1000 routes") ?? false
                }
                #expect(isPending)
                // The canary has it, the other node has not.
                let isThere = await eventually(withinSeconds: 10) {
                    guard let nodes = try? await reign.nodes() else { return false }
                    return nodes[1]["change"].int ?? 0 > nodes[0]["change"].int ?? 0
                }
                #expect(isThere)
                try await reign.succeed(afterMilliseconds: 0)
                #expect(try await client.end(withinSeconds: 10).status != 0)
                #expect(try await hostRoutes(reign) == before)
                #expect(try await reign.pids("workerPID")[1] == workers[1])
                let report = try await reign.dataplane.show("canary")
                #expect(report["isOn"].bool == true && report["numaNode"].int == 1, "\(report)")
                try await reign.dataplane.configure("canary off")
                let life = try await reign.dataplane.show("node 0 incarnation")["lives"].elements
                #expect(life.map { $0["cause"].string } == ["signal 9 (SIGKILL)"])
                #expect(try await hosts[2].ping(hosts[3].address, count: 50) == .complete(50))
            }
        }

        /// How many prefixes of length 32 are forwarded.
        private func hostRoutes(_ reign: Reign) async throws -> Int {
            let lengths = try await reign.dataplane.show("ip fib summary")["lengths"].elements
            return lengths.first { $0["length"].int == 32 }?["count"].int ?? 0
        }

        @Test func aDeathInTheMiddleOfABigChangeLeavesNoHalfOfIt() async throws {
            try await withReign { reign in
                let hosts = reign.hosts
                let socket = "\(reign.dataplane.runtimeDirectory)/api.sock"
                let near = try await Witness(hosts[0], to: hosts[1].address)
                let across = try await Witness(hosts[2], to: hosts[1].address)
                var before = try await hostRoutes(reign)
                // The moment moves through checking, writing, sending and waiting.
                for turn in 0..<6 {
                    let words = [
                        "ip", "route", "add", "40.\(turn).0.0/32", "count", "60000", "via",
                    ]
                    let client = try RunningCommand(
                        [Machine.program("causewayctl"), "-s", socket] + words + [hosts[3].address]
                    )
                    try await Task.sleep(for: .milliseconds(20 + turn * 12))
                    try await reign.succeed(afterMilliseconds: 0)
                    let wasDone = try await client.end(withinSeconds: 10).status == 0
                    // Those before it were settled by the turns before.
                    let now = try await hostRoutes(reign)
                    let isThere = now == before + 60_000
                    #expect(
                        isThere || now == before && !wasDone,
                        "turn \(turn): \(before) to \(now)"
                    )
                    before = now
                }
                let counts = try await reign.nodes().map { $0["change"].int }
                #expect(Set(counts).count == 1, "\(counts)")
                for witness in [near, across] {
                    let seen = try await witness.report()
                    #expect(seen == .complete(seen.sent), "\(witness.host.port)")
                }
            }
        }

        @Test func aKeeperThatDiedMeanwhileLeavesItsNodeDegradedAndForwarding() async throws {
            try await withReign { reign in
                let hosts = reign.hosts
                let workers = try await reign.pids("workerPID")
                let keepers = try await reign.pids("keeperPID")
                let near = try await Witness(hosts[2], to: hosts[3].address)
                try await reign.succeed(afterMilliseconds: 100, killing: keepers[1])
                #expect(try await reign.pids("workerPID") == workers)
                let node = try await reign.nodes()[1]
                #expect(node["reason"].string?.contains("degraded") == true, "\(node)")
                try await reign.dataplane.configure(
                    "ip route add 50.0.0.0/8 via \(hosts[1].address)"
                )
                let seen = try await near.report()
                #expect(seen == .complete(seen.sent))
            }
        }

        @Test func anotherTopologyIsNotTakenOver() async throws {
            try await withReign { reign in
                let workers = try await reign.pids("workerPID")
                let other = reign.topology.replacing("buffers: 8192", with: "buffers: 4096")
                let former = reign
                reign = Reign(dataplane: former.dataplane, topology: other, hosts: former.hosts)
                try await reign.succeed(afterMilliseconds: 0)
                #expect(reign.dataplane.log.contains("not-taken-over"))
                #expect(reign.dataplane.log.contains("the placement is another one"))
                let now = try await reign.pids("workerPID")
                #expect(Set(now).isDisjoint(with: Set(workers)))
                // What was configured is there all the same.
                let addresses = try await reign.dataplane.ctl("show interface address").output
                #expect(addresses.contains("10.10.3.1/24"), "\(addresses)")
            }
        }
    }
}
