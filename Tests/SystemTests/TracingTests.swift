import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// What becomes of single packets, on two nodes.
    @Suite(.needsDataplane) struct TracingTests {
        private static let way = [
            "tap-input", "ethernet-input", "ip4-input", "ip4-lookup", "ip4-rewrite",
            "interface-output", "worker-handoff", "handoff-input", "interface-output", "right0-tx",
        ]

        @Test func aPacketReadsAsOneWayOverTheHandoff() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
                try await testbed.dataplane.configure("trace add tap-input 50")
                #expect(try await host.ping(far.address, count: 3) == .complete(3))
                try await host.send(malformed: "bad-checksum", count: 2, to: far)
                let dataplane = testbed.dataplane
                var ways: [[String]] = []
                // Lanes write when they get to it.
                _ = await eventually(withinSeconds: 5) {
                    ways = (try? await Self.ways(dataplane)) ?? []
                    return ways.filter { $0.last == "error-drop" }.count == 2
                }
                #expect(ways.filter { $0 == Self.way }.count == 3, "\(ways)")
                #expect(ways.filter { $0.last == "left0-tx" && $0.count == 10 }.count == 3)
                let text = try await dataplane.ctl("show trace").output
                #expect(text.contains("---- handed over: node 0 lane 0 -> node 1 lane 0, after "))
                #expect(text.contains("ip4-input: bad ip4 checksum"))
                #expect(text.contains("ICMP: \(host.address) -> \(far.address)"))
                try await onlyTheFiltered(dataplane)
                try await dataplane.configure("trace filter none", "clear trace")
                #expect(try await dataplane.ctl("show trace").output.contains("No packets"))
                try await theLastTraceOfADeadWorkerStays(testbed)
            }
        }

        @Test func capturedPacketsAreReadByTshark() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                let dataplane = testbed.dataplane
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
                let file = "\(dataplane.runtimeDirectory)/ways.pcapng"
                defer { try? FileManager.default.removeItem(atPath: file) }
                try await dataplane.configure("pcap trace rx tx drop max 1000 file ways.pcapng")
                #expect(try await host.ping(far.address, count: 20) == .complete(20))
                try await host.send(malformed: "bad-checksum", count: 5, to: far)
                _ = await eventually(withinSeconds: 5) {
                    (try? await dataplane.json("pcap trace status")["packets"].int) ?? 0 >= 90
                }
                let text = try await dataplane.ctl("pcap trace off").output
                #expect(text.contains("packets written to \(file)"), "\(text)")
                let fields = [
                    "frame.interface_name", "frame.comment", "icmp.type", "frame.time_epoch",
                ]
                let lines = try await Self.read(file, fields, "-Y", "icmp || frame.comment")
                for (port, type) in [(host.port, "8"), (host.port, "0"), (far.port, "8")] {
                    #expect(lines.filter { $0[0] == port && $0[2] == type }.count == 20)
                }
                let dropped = lines.filter { $0[1] == "dropped: ip4-input: bad ip4 checksum" }
                #expect(dropped.count == 5)
                let times = lines.compactMap { Double($0[3]) }
                #expect(times.count == lines.count && times == times.sorted())
            }
        }

        @Test func packetsAtEachNodeAreReadByTshark() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                let dataplane = testbed.dataplane
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
                let file = "\(dataplane.runtimeDirectory)/calls.pcapng"
                defer { try? FileManager.default.removeItem(atPath: file) }
                try await dataplane.configure(
                    "pcap dispatch trace on max 5000 file calls.pcapng buffer-trace tap-input 4"
                )
                #expect(try await host.ping(far.address, count: 10) == .complete(10))
                try await host.send(malformed: "bad-checksum", count: 5, to: far)
                _ = await eventually(withinSeconds: 5) {
                    (try? await dataplane.json("pcap dispatch trace status")["packets"].int) ?? 0
                        >= 180
                }
                let text = try await dataplane.ctl("pcap dispatch trace off").output
                #expect(text.contains("packets written to \(file)"), "\(text)")
                let fields = ["vpp.NodeName", "icmp.type", "vpp.trace", "frame.interface_name"]
                let lines = try await Self.read(file, fields, "-E", "occurrence=l")
                for node in Self.way.dropFirst() where node != "handoff-input" {
                    let requests = lines.filter { $0[0] == node && $0[1] == "8" }
                    let calls = node == "interface-output" ? 20 : 10
                    #expect(requests.count == calls, "\(node): \(requests.count)")
                }
                #expect(lines.filter { $0[0] == "error-drop" }.count >= 5)
                #expect(Set(lines.map { $0[3] }) == ["node 0 lane 0", "node 1 lane 0"])
                // The last line of what is traced of a packet at its last node.
                let traced = lines.filter { $0[0] == "right0-tx" && !$0[2].isEmpty }
                #expect((1...4).contains(traced.count), "\(traced)")
                let broken = try await TestSupport.run(
                    ["tshark", "-r", file, "-Y", "_ws.malformed || _ws.expert.group == 0x07000000"]
                )
                #expect(broken.output.isEmpty, "\(broken.output)")
            }
        }

        /// Fields of a file's packets as tshark reads them, which must have nothing to object to.
        private static func read(
            _ file: String,
            _ fields: [String],
            _ options: String...
        ) async throws -> [[String]] {
            let read = try await TestSupport.run(
                ["tshark", "-r", file, "-T", "fields", "-E", "separator=|"]
                    + fields.flatMap { ["-e", $0] } + options
            )
            #expect(read.status == 0)
            // tshark says so itself when it is run by root.
            let complaints = read.errors.split(separator: "\n").filter {
                !$0.contains("Running as user")
            }
            #expect(complaints.isEmpty, "\(complaints)")
            return read.output.split(separator: "\n").map {
                $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            }
        }

        private func onlyTheFiltered(_ dataplane: LiveDataplane) async throws {
            try await dataplane.configure("trace filter include error-drop 1")
            let kept = try await Self.ways(dataplane)
            #expect(kept == [["tap-input", "ethernet-input", "ip4-input", "error-drop"]])
            try await dataplane.configure("trace filter exclude worker-handoff 50")
            let others = try await Self.ways(dataplane)
            #expect(!others.isEmpty && others.allSatisfy { !$0.contains("worker-handoff") })
        }

        private func theLastTraceOfADeadWorkerStays(_ testbed: Testbed) async throws {
            let dataplane = testbed.dataplane
            try await dataplane.configure("trace add tap-input 5 node 0")
            #expect(
                try await testbed.left[0].ping(testbed.right[0].address, count: 2) == .complete(2)
            )
            let worker = try await dataplane.show("nodes")["nodes"].elements[0]["workerPID"].int
            #expect(kill(Int32(try #require(worker)), SIGKILL) == 0)
            let isKept = await eventually(withinSeconds: 15) {
                let text = (try? await dataplane.ctl("show trace").output) ?? ""
                return text.contains("node 0 lane 0 (life 1, ended)")
                    && text.contains("node 0 lane 0 -> node 1 lane 0")
            }
            #expect(isKept)
            try await dataplane.waitUntilForwarding()
        }

        /// The graph nodes of each traced packet.
        private static func ways(_ dataplane: LiveDataplane) async throws -> [[String]] {
            try await dataplane.json("show trace")["packets"].elements.map { packet in
                packet["records"].elements.map { $0["node"].string ?? "" }
            }
        }
    }
}
