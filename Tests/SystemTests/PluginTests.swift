import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// The access list is loaded, judges packets, and survives its worker.
    @Suite(.needsDataplane) struct PluginTests {
        /// Pings that a host gets through, of 20.
        private func answers(_ testbed: Testbed) async throws -> Int {
            let report = try await testbed.left[0].ping(testbed.right[0].address, count: 20)
            return report.received
        }

        /// Whether a host comes to get all answers; the first ones may wait for a neighbour on a busy machine.
        private func reaches(_ host: Testbed.Host, _ address: String) async -> Bool {
            await eventually(withinSeconds: 20) {
                (try? await host.ping(address, count: 20)) == .complete(20)
            }
        }

        @Test func deniesAFlowAndGoesOnAfterTheWorkersDeath() async throws {
            try await Testbed.run { testbed in
                let dataplane = testbed.dataplane
                let plugins = try await dataplane.ctl("show plugins verbose")
                #expect(plugins.output.contains("access-list-input"), "\(plugins)")
                let target = testbed.right[0].address
                #expect(await reaches(testbed.left[0], target))
                try await dataplane.configure(
                    "access-list add edge deny proto icmp dst \(target)/32",
                    "access-list add edge permit",
                    "set interface access-list left0 edge"
                )
                #expect(try await answers(testbed) == 0)
                #expect(await reaches(testbed.left[0], testbed.right[1].address), "another flow")
                #expect(await reaches(testbed.left[1], target), "another interface")
                let lists = try await dataplane.ctl("show access-list edge")
                let rule = "10 deny proto icmp dst \(target)/32: 20 packets"
                #expect(lists.output.contains(rule), "\(lists)")
                let errors = try await dataplane.ctl("show errors")
                #expect(errors.output.contains("denied by an access list"), "\(errors)")
                try await survive(testbed)
                try await dataplane.configure("set interface access-list left0 none")
                #expect(await reaches(testbed.left[0], target))
            }
        }

        /// Kills the worker of the interface; its next life denies the same.
        private func survive(_ testbed: Testbed) async throws {
            let before = try await testbed.dataplane.show("nodes")["nodes"].elements[0]
            kill(Int32(try #require(before["workerPID"].int)), SIGKILL)
            let isBack = await eventually(withinSeconds: 30) {
                let node = try? await testbed.dataplane.show("nodes")["nodes"].elements[0]
                return node?["workerState"].string == "forwarding"
                    && node?["workerPID"].int != before["workerPID"].int
            }
            #expect(isBack)
            #expect(try await answers(testbed) == 0, "the list came back with the journal")
            let lists = try await testbed.dataplane.ctl("show access-list")
            #expect(lists.output.contains("access list edge on left0"), "\(lists)")
        }

        @Test func wrongCommandsOfThePluginChangeNothing() async throws {
            try await Testbed.run { testbed in
                for (line, word) in [
                    ("access-list add edge allow", "permit or deny"),
                    ("access-list add edge deny src 10.0.0.0/40", "10.0.0.0/40"),
                    ("set interface access-list left0 edge", "no access list edge"),
                    ("set interface access-list nosuch edge", "no interface nosuch"),
                    ("access-list delete edge", "no access list edge"),
                ] {
                    let result = try await testbed.dataplane.ctl(line)
                    #expect(result.status != 0 && result.errors.contains(word), "\(result)")
                }
                let lists = try await testbed.dataplane.ctl("show access-list")
                #expect(!lists.output.contains("edge"), "\(lists)")
                let help = try await testbed.dataplane.ctl("help")
                #expect(help.output.contains("access-list add LIST"), "\(help)")
                let functions = try await testbed.dataplane.ctl("show init-function verbose")
                for word in [
                    "dpdk-environment done", "plugins done", "lane-graph done",
                    "stop-lanes pending",
                ] {
                    #expect(functions.output.contains(word), "\(word): \(functions.output)")
                }
            }
        }

        /// A folder with plugins in C: of another build, of another layout, and a library that is none.
        private func strangers() async throws -> URL {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "plugins-\(UUID().uuidString)"
            )
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let root = SourceTree().root.path
            for (name, option) in [("strange", "-DNORMAL"), ("layout", "-DLAYOUT=99")] {
                try await succeed([
                    "clang", "-shared", "-fPIC", "-I", "\(root)/Sources/CPlugin", option, "-o",
                    "\(folder.path)/\(name)_plugin.so",
                    "\(root)/Tests/SystemTests/programs/strange_plugin.c",
                ])
            }
            try await succeed([
                "clang", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o",
                "\(folder.path)/other_plugin.so",
            ])
            return folder
        }

        @Test func namesAPluginOfAnotherBuild() async throws {
            let folder = try await strangers()
            defer { try? FileManager.default.removeItem(at: folder) }
            let topology = Testbed.topology(instance: LiveDataplane.freshName())
            let path = "plugins { path \(folder.path)"
            try await LiveDataplane.run(topology: topology, startup: path + " }") { dataplane in
                let plugins = try await dataplane.ctl("show plugins").output
                #expect(plugins.contains("it was built for version 9.9.9"), "\(plugins)")
                #expect(plugins.contains("plugin layout 99"), "\(plugins)")
                #expect(plugins.contains("no plugin of Causeway"), "\(plugins)")
                #expect(dataplane.log.contains("plugin left out"))
            }
            let skipping = path + " plugin strange_plugin.so { enable skip-version-check } }"
            try await LiveDataplane.run(topology: topology, startup: skipping) { dataplane in
                let answer = try await dataplane.ctl("show stranger hello").output
                #expect(answer.contains("show stranger hello"), "\(answer)")
                let functions = try await dataplane.ctl("show init-function verbose").output
                #expect(functions.contains("stranger-init done"), "\(functions)")
            }
        }

        @Test(arguments: [
            ("plugin strange_plugin.so { enable }", "9.9.9"),
            ("plugin layout_plugin.so { enable skip-version-check }", "plugin layout 99"),
            (
                "plugin strange_plugin.so { skip-version-check configure { what { ever } } }",
                "what { ever }"
            ),
        ])
        func aPluginThatIsAskedForEndsTheStart(rule: String, reason: String) async throws {
            let folder = try await strangers()
            defer { try? FileManager.default.removeItem(at: folder) }
            let dataplane = try LiveDataplane(
                starting: LiveDataplane.freshName(),
                topology: Testbed.topology(instance: LiveDataplane.freshName()),
                startup: "plugins { path \(folder.path) \(rule) }"
            )
            let isRequired = rule.contains("enable")
            let hasSaid = await eventually(withinSeconds: 60) {
                dataplane.log.contains(reason)
                    && (!isRequired || !dataplane.supervisor.isRunning)
            }
            let log = dataplane.log
            await dataplane.destroy()
            #expect(hasSaid, "\(log)")
        }

        @Test func leavesOutWhatIsDisabledAndConfiguresTheRest() async throws {
            let topology = Testbed.topology(instance: LiveDataplane.freshName())
            let disabled = "plugins { plugin access_list_plugin.so { disable } }"
            try await LiveDataplane.run(topology: topology, startup: disabled) { dataplane in
                let result = try await dataplane.ctl("access-list add edge deny")
                #expect(result.status != 0, "\(result)")
            }
            let small = "plugins { plugin access_list_plugin.so { configure { rules 1 } } }"
            try await LiveDataplane.run(topology: topology, startup: small) { dataplane in
                try await dataplane.configure("access-list add edge deny")
                let result = try await dataplane.ctl("access-list add edge permit")
                #expect(result.status != 0 && result.errors.contains("at most 1"), "\(result)")
                let lists = try await dataplane.ctl("show access-list").output
                #expect(lists.contains("10 deny") && !lists.contains("20 permit"), "\(lists)")
            }
        }
    }
}
