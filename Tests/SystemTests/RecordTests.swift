import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// What is known of every buffer, and of workers that are dead.
    @Suite(.needsDataplane) struct RecordTests {
        /// Two nodes with the plugin that fails on demand, and what happens with it set on `right0`.
        static func withMishaps(
            spare: Bool = false,
            restart: String = "{}",
            startup: String = "",
            _ body: (Testbed) async throws -> Void
        ) async throws {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "plugins-\(UUID().uuidString)"
            )
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let root = SourceTree().root.path
            try await succeed([
                "clang", "-O1", "-shared", "-fPIC", "-I", "\(root)/Sources/CPlugin", "-o",
                "\(folder.path)/mishap_plugin.so",
                "\(root)/Tests/SystemTests/programs/mishap_plugin.c",
            ])
            let plugins = "plugins { path \(folder.path) }\n"
            try await Testbed.run(
                restart: restart,
                spare: spare,
                startup: plugins + startup,
                body
            )
        }

        static func node(_ testbed: Testbed, _ number: Int) async throws -> JSONValue {
            try await testbed.dataplane.show("nodes")["nodes"].elements.first {
                $0["numaNode"].int == number
            } ?? .null
        }

        /// Kills a node's worker and waits until the next one forwards.
        static func killWorker(_ testbed: Testbed, _ number: Int) async throws {
            let before = try await node(testbed, number)
            kill(Int32(try #require(before["workerPID"].int)), SIGKILL)
            try await untilNextLife(testbed, number, after: before)
        }

        static func untilNextLife(
            _ testbed: Testbed,
            _ number: Int,
            after before: JSONValue
        ) async throws {
            let isBack = await eventually(withinSeconds: 30, everyMilliseconds: 10) {
                guard let now = try? await node(testbed, number) else { return false }
                return now["workerState"].string == "forwarding"
                    && now["incarnation"] != before["incarnation"]
            }
            try #require(isBack, "node \(number): \(testbed.dataplane.log.suffix(3000))")
        }

        private func account(_ testbed: Testbed, _ node: Int) async throws -> JSONValue {
            try await testbed.dataplane.show("buffers")["pools"].elements.first {
                $0["numaNode"].int == node
            } ?? .null
        }

        /// Waits until the buffers have been counted, and looks whether the terms add up.
        private func expectAllBuffers(
            _ testbed: Testbed,
            _ node: Int,
            missing: Int,
            _ when: String
        ) async throws {
            var pool = JSONValue.null
            let isCounted = await eventually(withinSeconds: 10) {
                pool = (try? await account(testbed, node)) ?? .null
                let account = pool["account"]
                let places = ["free", "nicRx", "nicTx", "lanes", "missing"]
                let sum = places.reduce(0) { $0 + (account[$1].int ?? 0) }
                return account["audits"].int ?? 0 > 2 && account["missing"].int == missing
                    && sum == pool["total"].int
            }
            #expect(isCounted, "node \(node) \(when): \(pool)")
        }

        @Test func everyBufferIsAccountedForAndALeakIsAnAlarm() async throws {
            try await Self.withMishaps { testbed in
                let dataplane = testbed.dataplane
                try await dataplane.configure("set mishap right0 none")
                let hosts = testbed.right
                #expect(try await hosts[0].ping(hosts[1].address, count: 50) == .complete(50))
                for node in 0..<2 {
                    try await expectAllBuffers(testbed, node, missing: 0, "at rest")
                }
                // A packet that is held is with a lane, and no leak.
                _ = try await hosts[0].ping("10.10.3.77", count: 1)
                try await expectAllBuffers(testbed, 1, missing: 0, "after a held packet")
                try await Self.killWorker(testbed, 1)
                try await expectAllBuffers(testbed, 1, missing: 0, "after a death")
                let isTold = await eventually(withinSeconds: 5) {
                    let death = try? await dataplane.show("restarts")["restarts"].elements.first
                    return death?["buffersMissing"].int == 0
                }
                let deaths = try await dataplane.show("restarts")
                #expect(isTold, "\(deaths)")

                // "leakleak": the plugin keeps these for good.
                _ = try await hosts[0].ping(hosts[1].address, count: 3)
                _ = try await hosts[0].namespace.run(
                    "ping",
                    "-c",
                    "3",
                    "-i",
                    "0.1",
                    "-W",
                    "1",
                    "-p",
                    "6c65616b6c65616b",
                    hosts[1].address
                )
                try await expectAllBuffers(testbed, 1, missing: 3, "after three leaks")
                try await expectAllBuffers(testbed, 0, missing: 0, "on the other node")
                try await expectAlarm(testbed)
                try await Self.killWorker(testbed, 1)
                try await expectAllBuffers(testbed, 1, missing: 0, "after the pool was rebuilt")
                #expect(try await Self.node(testbed, 1)["reason"].string == "")
            }
        }

        private func expectAlarm(_ testbed: Testbed) async throws {
            let dataplane = testbed.dataplane
            let reason = try await Self.node(testbed, 1)["reason"].string
            #expect(reason == "alarm: nobody has 3 of 8192 buffers (show buffers)")
            #expect(dataplane.log.contains("buffers-missing"))
            let events = try await dataplane.ctl("show event-logger all")
            #expect(events.output.contains("buffers missing number 3"))
            let text = try await dataplane.ctl("show buffers").output
            #expect(text.contains(try Regex("missing +3\n")), "\(text)")
            let statistic = try await dataplane.ctl(
                "stats get ^/node1/buffer-pools/default/missing$"
            )
            #expect(statistic.output.contains("3"), "\(statistic)")
        }

        @Test func aDeadWorkersCountersAndEventsStayReadable() async throws {
            let restart = "{max: 1000, window: 60s, backoff: 0ms}"
            try await Self.withMishaps(
                restart: restart,
                startup: "statseg { dead-lives 2 }\n"
            ) { testbed in
                let dataplane = testbed.dataplane
                let hosts = testbed.right
                #expect(try await hosts[0].ping(hosts[1].address, count: 1).received <= 1)
                #expect(try await hosts[0].ping(hosts[1].address, count: 200) == .complete(200))
                let counted = try await dataplane.interfaceCounters("right0")
                let received = try #require(counted["rxPackets"].int)
                #expect(received >= 200)
                try await Self.killWorker(testbed, 1)
                let life = "node 1 incarnation 1"
                try await expectDeadLife(testbed, life, received: received)
                // Two lives are kept, not three.
                for _ in 0..<2 { try await Self.killWorker(testbed, 1) }
                var lives = try await dataplane.show("node 1 incarnation")["lives"].elements
                #expect(lives.map { $0["incarnation"].int } == [2, 3])
                let refused = try await dataplane.ctl("show \(life)")
                #expect(refused.status != 0)
                #expect(refused.errors.contains("kept are 2, 3"), "\(refused)")
                let segment = "/dev/shm/\(dataplane.instance)/node1"
                #expect(!FileManager.default.fileExists(atPath: segment + ".1"))
                #expect(FileManager.default.fileExists(atPath: segment + ".2"))
                try await dataplane.configure("clear node 1 incarnation 2")
                #expect(!FileManager.default.fileExists(atPath: segment + ".2"))
                try await dataplane.configure("clear node 1 incarnation all")
                lives = try await dataplane.show("node 1 incarnation")["lives"].elements
                #expect(lives.isEmpty)
            }
        }

        private func expectDeadLife(
            _ testbed: Testbed,
            _ life: String,
            received: Int
        ) async throws {
            let dataplane = testbed.dataplane
            let lives = try await dataplane.show("node 1 incarnation")["lives"].elements
            #expect(lives.map { $0["incarnation"].int } == [1])
            #expect(lives.first?["cause"].string == "signal 9 (SIGKILL)")
            #expect(lives.first?["bytes"].int ?? 0 > 0)
            let dead = try await dataplane.show("\(life) interfaces")["interfaces"].elements.first {
                $0["name"].string == "right0"
            }
            // A host's kernel may have said something by itself before the kill.
            let count = try #require(dead?["counters"]["rxPackets"].int)
            #expect((received...received + 4).contains(count), "\(count), not \(received)")
            let events = try await dataplane.ctl("show \(life) events").output
            #expect(events.contains("lane starts"), "\(events)")
            let runtime = try await dataplane.ctl("show \(life) runtime").output
            #expect(runtime.contains("ip4-lookup"), "\(runtime)")
            #expect(try await dataplane.ctl("show \(life) errors").status == 0)
            let stats = try await dataplane.show("\(life) stats")["statistics"].elements
            let own = stats.first { $0["name"].string == "/if/rx" }
            #expect(own?["values"].elements.first?.int ?? 0 >= received)
            // The same from shared memory, without the supervisor.
            let reader = try await dataplane.ctl("--json stats get ^/node1\\.1/if/rx$")
            #expect(reader.output.contains("\(count)"), "\(reader)")
        }
    }
}
