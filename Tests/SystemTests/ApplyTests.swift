import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Other topologies under the traffic of real hosts.
    @Suite(.needsDataplane) struct ApplyTests {
        private typealias Witness = UpgradeTests.Witness

        private func nodes(_ dataplane: LiveDataplane) async throws -> [JSONValue] {
            try await dataplane.show("nodes")["nodes"].elements
        }

        /// A topology file whose node 1 has further lines.
        private func file(_ dataplane: LiveDataplane, _ lines: String, ports: String = "") throws
            -> String
        {
            let name = dataplane.folder.appendingPathComponent("apply-\(UUID().uuidString).yaml")
                .path
            var text = Testbed.topology(instance: dataplane.instance)
                .replacingOccurrences(of: "  - node: 1\n", with: "  - node: 1\n\(lines)")
            while text.hasSuffix("\n") { text.removeLast() }
            try "\(text)\n\(ports)".write(toFile: name, atomically: true, encoding: .utf8)
            return name
        }

        private func readopt(_ hosts: [Testbed.Host], _ macs: [String]) async throws {
            for (host, mac) in zip(hosts, macs) { try await host.adoptAgain(mac: mac) }
            _ = try await hosts[0].ping(hosts[1].address, count: 1)
            #expect(try await hosts[0].ping(hosts[1].address, count: 50) == .complete(50))
        }

        @Test func onlyTheNodesThatMustAreRestartedAndFailuresAreTakenBack() async throws {
            let instance = LiveDataplane.freshName()
            let topology = Testbed.topology(instance: instance)
            let first = try LiveDataplane(starting: instance, topology: topology)
            do {
                try await first.waitUntilForwarding()
                let hosts = try await Testbed.addHosts(to: first)
                let witness = try await Witness(hosts[0], to: hosts[1])
                try await expectRefusals(first)
                try await expectPlanned(first, hosts)
                try await expectRollBack(first, hosts)
                let applied = try await expectWhole(first, hosts)
                let seen = try await witness.report()
                #expect(seen.sent > 300)
                #expect(seen == .complete(seen.sent), "the other node's ports lost packets")
                try await expectTakenOver(first, topology, applied)
            } catch {
                await first.destroy()
                await Testbed.removeNamespaces(instance)
                throw error
            }
            await Testbed.removeNamespaces(instance)
        }

        /// Files that change nothing, with what is said about them.
        private func expectRefusals(_ dataplane: LiveDataplane) async throws {
            let before = try await nodes(dataplane)
            let broken = try file(dataplane, "    heep: 192M\n")
            let cases = try [
                (broken, "\(broken):16:5: error[topology.unknown-key]"),
                (file(dataplane, "    heap: 900G\n"), "placement.too-few-hugepages"),
                (file(dataplane, "    ports: [[\n"), "topology.syntax"),
                ("\(dataplane.folder.path)/none.yaml", "topology.unreadable"),
            ]
            for (path, reason) in cases {
                let result = try await dataplane.ctl("apply \(path)")
                #expect(result.status == 1)
                #expect(result.errors.contains(reason), "\(result)")
            }
            let same = try await dataplane.ctl("apply \(dataplane.folder.path)/topology.yaml")
            #expect(same.status == 0 && same.output.hasSuffix("nothing to change\n"), "\(same)")
            let now = try await nodes(dataplane)
            #expect(now.map { $0["workerPID"] } == before.map { $0["workerPID"] })
        }

        /// Another heap of node 1 is a planned restart of its worker.
        private func expectPlanned(_ dataplane: LiveDataplane, _ hosts: [Testbed.Host]) async throws
        {
            let before = try await nodes(dataplane)
            let path = try file(dataplane, "    heap: 224M\n")
            let check = try await dataplane.json("apply \(path) --check")
            #expect(check["applied"].bool == false)
            #expect(check["nodes"].elements.map { $0["action"].string } == ["keep", "planned"])
            #expect(try await nodes(dataplane)[1]["workerPID"] == before[1]["workerPID"])
            let witness = try await Witness(hosts[2], to: hosts[3])
            let report = try await dataplane.json("apply \(path)")
            #expect(report["applied"].bool == true)
            let now = try await nodes(dataplane)
            #expect(now[0]["workerPID"] == before[0]["workerPID"])
            #expect(now[1]["keeperPID"] == before[1]["keeperPID"])
            #expect(now[1]["workerPID"] != before[1]["workerPID"])
            let heaps = try await dataplane.show("memory")["heaps"].elements
            #expect(heaps.map { $0["totalBytes"].int } == [192 << 20, 224 << 20])
            let seen = try await witness.report()
            #expect(seen.sent > 20)
            #expect(seen == .complete(seen.sent), "node 1 lost packets")
        }

        /// A port that cannot be opened: the node is down for a moment, and back as it was.
        private func expectRollBack(_ dataplane: LiveDataplane, _ hosts: [Testbed.Host])
            async throws
        {
            let before = try await nodes(dataplane)
            let macs = try await [hosts[2].mac(), hosts[3].mac()]
            let path = try file(
                dataplane,
                "    heap: 224M\n",
                ports: "      - {name: bad, pcap: {rx: /nonexistent/file.pcap}}\n"
            )
            let result = try await dataplane.ctl("apply \(path)")
            #expect(result.status == 1)
            for part in ["node 1 does not come up", "rolled back: node 1 runs as before"] {
                #expect(result.errors.contains(part), "\(result)")
            }
            let now = try await nodes(dataplane)
            #expect(now[0]["workerPID"] == before[0]["workerPID"])
            #expect(now[1]["workerState"].string == "forwarding")
            #expect(now[1]["reason"].string?.isEmpty == true)
            try await readopt([hosts[2], hosts[3]], macs)
        }

        /// A new port of node 1 restarts it whole; its interfaces are as they were configured.
        private func expectWhole(_ dataplane: LiveDataplane, _ hosts: [Testbed.Host]) async throws
            -> String
        {
            let addresses = try await dataplane.show("interface address")["interfaces"].elements
            let before = try await nodes(dataplane)
            let macs = try await [hosts[2].mac(), hosts[3].mac()]
            let path = try file(
                dataplane,
                "    heap: 224M\n",
                ports: "      - {name: void, null: yes}\n"
            )
            let report = try await dataplane.json("apply \(path)")
            #expect(report["nodes"].elements.map { $0["action"].string } == ["keep", "whole"])
            let now = try await nodes(dataplane)
            #expect(now[0]["workerPID"] == before[0]["workerPID"])
            #expect(now[1]["keeperPID"] != before[1]["keeperPID"])
            try await readopt([hosts[2], hosts[3]], macs)
            try await dataplane.configure("set interface state void up")
            let after = try await dataplane.show("interface address")["interfaces"].elements
            #expect(after.filter { $0["name"].string != "void" } == addresses)
            return path
        }

        /// The next supervisor goes on with the topology that was applied, though it is started with another.
        private func expectTakenOver(
            _ first: LiveDataplane,
            _ topology: String,
            _ applied: String
        ) async throws {
            let before = try await nodes(first)
            first.supervisor.signal(SIGKILL)
            _ = try await first.supervisor.end(withinSeconds: 10)
            let next = try LiveDataplane(starting: first.instance, topology: topology)
            try await next.waitUntilForwarding()
            #expect(next.log.contains("topology-applied-before"))
            let now = try await nodes(next)
            #expect(now.map { $0["workerPID"] } == before.map { $0["workerPID"] })
            let again = try await next.ctl("apply \(applied)")
            #expect(again.output.hasSuffix("nothing to change\n"), "\(again)")
            #expect(try await next.ctl("show interface void").status == 0)
            try await next.stop()
        }
    }
}
