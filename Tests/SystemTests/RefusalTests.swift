import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// What cannot work is refused with one clear message, and nothing stays.
    @Suite(.needsDataplane) struct RefusalTests {
        /// Starts with files that must be refused; all of `words` must be in the message.
        private func expectRefusal(
            topology: String,
            topologyPath: String? = nil,
            startup: String = "",
            saying words: [String],
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let dataplane = try LiveDataplane(
                starting: LiveDataplane.freshName(),
                topology: topology,
                topologyPath: topologyPath,
                startup: startup
            )
            let ending = try? await dataplane.supervisor.end(withinSeconds: 60)
            let log = dataplane.log
            let leftovers = dataplane.leftovers()
            await dataplane.destroy()
            let result = try #require(
                ending,
                "it did not end; the log:\n\(log)",
                sourceLocation: sourceLocation
            )
            #expect(
                result.status != 0 && result.status < 128,
                "\(log)",
                sourceLocation: sourceLocation
            )
            for word in words {
                #expect(
                    log.contains(word),
                    "no \"\(word)\" in:\n\(log)",
                    sourceLocation: sourceLocation
                )
            }
            let messages = log.split(separator: "\n").filter {
                $0.lowercased().contains("error") || $0.hasPrefix("causeway: ")
            }
            #expect(
                messages.count == 1,
                "one message, not \(messages.count):\n\(log)",
                sourceLocation: sourceLocation
            )
            #expect(leftovers == [], sourceLocation: sourceLocation)
        }

        private var topology: String { Testbed.topology(instance: LiveDataplane.freshName()) }

        @Test func aMisspelledKey() async throws {
            try await expectRefusal(
                topology: topology.replacingOccurrences(of: "buffers:", with: "bufers:"),
                saying: ["topology.yaml:4:", "bufers", "buffers"]
            )
        }

        @Test func aTopologyFileThatIsNoYAML() async throws {
            try await expectRefusal(topology: "schema: 1\nnodes: [\n", saying: ["topology.yaml"])
        }

        @Test func aTopologyFileThatIsNotThere() async throws {
            try await expectRefusal(
                topology: topology,
                topologyPath: "/nowhere/topology.yaml",
                saying: ["/nowhere/topology.yaml"]
            )
        }

        @Test func anUnknownSectionOfTheStartupFile() async throws {
            try await expectRefusal(
                topology: topology,
                startup: "unixx { nodaemon }",
                saying: ["startup.conf:", "unixx"]
            )
        }

        @Test func anUnbalancedBraceInTheStartupFile() async throws {
            try await expectRefusal(topology: topology, startup: "unix {", saying: ["startup.conf"])
        }

        @Test func moreHugepagesThanThereAre() async throws {
            // Each of the two nodes wants all that are free.
            let heap = "heap: \(Machine.freeHugepages * 2)M"
            try await expectRefusal(
                topology: topology.replacingOccurrences(of: "heap: 192M", with: heap),
                saying: ["hugepages"]
            )
        }

        @Test func aDeviceThatIsNotThere() async throws {
            try await expectRefusal(
                topology: topology + "      - {name: wan, pci: \"0000:fe:1f.7\"}\n",
                saying: ["0000:fe:1f.7"]
            )
        }

        @Test func aCPUThatDoesNotExist() async throws {
            let cpus = Machine.cpus
            try await expectRefusal(
                topology: topology.replacingOccurrences(
                    of: "lanes: [\(cpus[1])]",
                    with: "lanes: [4000]"
                ),
                saying: ["4000"]
            )
        }

        @Test func aCPUThatAnotherInstancePolls() async throws {
            try await Testbed.run { testbed in
                try await expectRefusal(
                    topology: topology,
                    saying: ["CPU", testbed.dataplane.instance]
                )
                let report = try await testbed.left[0].ping(testbed.right[0].address, count: 50)
                #expect(report == .complete(50))
            }
        }

        @Test func namesTheLineOfAWrongStartupCommandAndRunsOn() async throws {
            let script = FileManager.default.temporaryDirectory
                .appendingPathComponent("causeway-script-\(UUID().uuidString)")
            try "show version\nset interface state nosuch up\n"
                .write(to: script, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: script) }
            try await LiveDataplane.run(
                topology: topology,
                startup: "unix { exec \(script.path) }"
            ) { dataplane in
                let isNamed = await eventually(withinSeconds: 10) {
                    dataplane.log.contains("\(script.lastPathComponent):2:")
                }
                #expect(isNamed && dataplane.log.contains("nosuch"), "\(dataplane.log)")
                let answer = try await dataplane.ctl("show version")
                #expect(answer.status == 0)
            }
        }

        @Test func wrongCommandsSayWhatWasExpectedWhere() async throws {
            try await Testbed.run { testbed in
                for (line, word) in [
                    ("show interfaze", "interface"), ("set interface state left0", "up"),
                    ("ip route add 10.0.0.0/33 via 10.10.0.2", "10.0.0.0/33"),
                    ("set interface state nosuch up", "left0"),
                ] {
                    let result = try await testbed.dataplane.ctl(line)
                    #expect(result.status != 0, "\(line)")
                    #expect(result.errors.contains(word), "\(result)")
                }
            }
        }
    }
}
