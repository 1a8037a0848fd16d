import HostTopology
import Testing

@testable import CausewayConfiguration

/// What a startup file says of CPUs, memory and devices reaches the placement, or is refused.
@Suite struct StartupPlacementTests {
    private func place(
        _ startup: String,
        topology: String = "",
        on machine: HostTopology
    ) -> ResolvedPlacement {
        let (file, findings) = StartupFile.parse(startup, path: "s.conf")
        let (read, more) = StartupConfiguration.interpret(file, folder: nil)
        let topologyFile =
            topology.isEmpty
            ? (file: TopologyFile(path: ""), findings: [])
            : TopologyFile.parse("schema: 1\n" + topology, path: "t.yaml")
        var merge = StartupMerge(read.placement, under: topologyFile.file, on: machine)
        let (merged, conflicts) = merge.merge()
        var result = Placement.resolve(machine: machine, file: merged)
        result.findings =
            findings + more + topologyFile.findings + conflicts + result.findings
        return result
    }

    /// Two NUMA nodes of four cores: CPUs 0-3 and 4-7.
    private var dual: HostTopology {
        get throws { try machine("pack:2 numa:1(memory=64GB) core:4 pu:1") }
    }

    @Test func splitsVPPsListOfWorkersOverTheNodes() throws {
        let read = place("cpu { main-core 0 corelist-workers 1-2,5 }", on: try dual)
        #expect(read.isUsable, "\(read.findings)")
        #expect(read.placement.nodes.map(\.lanes) == [[1, 2], [5]])
        #expect(read.placement.nodes.map(\.number) == [0, 1])
        #expect(read.placement.nodes[0].controlCPU == 0)
        #expect(read.placement.nodes[1].controlCPU == 4)
        let mask = place("cpu { main-core 0 coremask-workers 0x26 }", on: try dual)
        #expect(mask.placement == read.placement)
    }

    @Test func runsNoWorkerWhereTheListHasNoCPU() throws {
        let read = place("cpu { corelist-workers 6-7 main-core 5 }", on: try dual)
        #expect(read.isUsable, "\(read.findings)")
        #expect(read.placement.nodes.map(\.number) == [1])
        #expect(read.placement.nodes.first?.lanes == [6, 7])
        #expect(read.placement.nodes.first?.controlCPU == 5)
    }

    @Test func sharesACountOfWorkers() throws {
        let read = place("cpu { workers 3 }", on: try dual)
        #expect(read.isUsable && read.placement.nodes.map(\.lanes.count) == [2, 1])
        let one = place("cpu { workers 1 }", on: try dual)
        #expect(one.placement.nodes.map(\.number) == [0])
    }

    @Test func skipsCoresAndReadsRelativeNumbers() throws {
        let skipped = place("cpu { skip-cores 2 }", on: try dual)
        #expect(!skipped.placement.nodes[0].lanes.contains(1), "\(skipped.placement)")
        var machine = try dual
        for index in 0..<2 { machine.cpus[index].isAllowed = false }
        let relative = place("cpu { relative corelist-workers 1,5 main-core 0 }", on: machine)
        #expect(relative.isUsable, "\(relative.findings)")
        #expect(relative.placement.nodes.map(\.lanes) == [[3], [7]])
        #expect(relative.placement.nodes[0].controlCPU == 2)
        #expect(!place("cpu { relative corelist-workers 6 }", on: machine).isUsable)
    }

    @Test(arguments: [
        ("cpu { corelist-workers 1-2 }", "nodes: [{node: 0, lanes: [1, 3]}]", "t.yaml:2:"),
        ("cpu { workers 2 }", "nodes: [{node: 0, lanes: 1}]", "t.yaml:2:"),
        ("cpu { main-core 3 }", "housekeeping: 0", "t.yaml:2:"),
        ("memory { main-heap-size 1G }", "defaults: {heap: 512M}", "t.yaml:2:"),
        ("buffers { buffers-per-numa 9000 }", "defaults: {buffers: 9001}", "t.yaml:2:"),
        ("dpdk { dev 0000:18:00.0 }", "nodes: [{node: 0, ports: [{pci: 18:00.0}]}]", "t.yaml:2:"),
    ])
    func namesBothPlacesOfAContradiction(startup: String, topology: String, other: String) throws {
        let read = place(startup, topology: topology, on: try dual)
        let conflicts = read.findings.filter { $0.id == .startupConflict }
        #expect(conflicts.count == 1, "\(read.findings)")
        #expect(conflicts.first?.location?.file == "s.conf")
        #expect(conflicts.first?.message.contains(other) == true, "\(conflicts)")
    }

    @Test func agreesWithTheSameValueInBothFiles() throws {
        let read = place(
            "cpu { main-core 0 corelist-workers 1,2 } memory { main-heap-size 512M }",
            topology: """
                housekeeping: 0
                defaults: {heap: 512M}
                nodes: [{node: 0, lanes: [2, 1]}]
                """,
            on: try dual
        )
        #expect(read.isUsable && !read.findings.contains { $0.id == .startupConflict })
        #expect(read.placement.nodes[0].heapBytes == 512 << 20)
    }

    @Test func givesMemoryToEveryNode() throws {
        let read = place(
            """
            memory { main-heap-size 256M main-heap-page-size 1G }
            buffers { buffers-per-numa 20000 default data-size 4096 numa 1 { buffers 30000 } }
            """,
            on: try dual
        )
        #expect(read.isUsable, "\(read.findings)")
        #expect(read.placement.nodes.map(\.poolBuffers) == [20_000, 30_000])
        #expect(read.placement.nodes.allSatisfy { $0.bufferDataBytes == 4096 })
        #expect(read.placement.nodes.allSatisfy { $0.hugepageBytes == 1 << 30 })
        let without = place("buffers { numa 0 { buffers 0 } }", on: try dual)
        #expect(without.placement.nodes.map(\.number) == [1])
    }

    @Test func putsDevicesOnTheirNodes() throws {
        let machine = try FindingCase.dualSocket()
        let read = place(
            """
            cpu { workers 4 }
            dpdk {
              dev default { num-rx-desc 512 }
              dev 0000:18:00.1 { name east num-rx-queues 2 num-tx-queues 1 devargs a=1,b=2 }
              vdev net_null7,size=64
            }
            """,
            on: machine
        )
        #expect(read.isUsable, "\(read.findings)")
        let port = try #require(read.placement.ports.first { $0.name == "east" })
        #expect(port.device == "0000:18:00.1" && port.rxQueues == 2 && port.rxDescriptors == 512)
        #expect(port.txQueues == read.placement.nodes[0].lanes.count)
        #expect(port.options == ["a": "1", "b": "2"])
        #expect(read.findings.contains { $0.id == .tooFewQueues && $0.severity == .warning })
        #expect(read.placement.nodes[0].ports.contains { $0.kind == .vdev })
    }

    @Test func takesTheDevicesThatNobodyNames() throws {
        let machine = try FindingCase.dualSocket()
        let read = place("dpdk { }", on: machine)
        #expect(read.placement.ports.map(\.device) == ["0000:18:00.1"], "\(read.findings)")
        #expect(place("dpdk { no-pci }", on: machine).placement.ports.isEmpty)
        #expect(place("dpdk { blacklist 18:00.1 }", on: machine).placement.ports.isEmpty)
        #expect(place("dpdk { blacklist 8086:1592 }", on: machine).placement.ports.isEmpty)
    }

    @Test func startsWithTheFileOfAPlainVPPRouter() throws {
        let read = place(
            """
            unix { nodaemon log /var/log/vpp/vpp.log full-coredump
              cli-listen /run/vpp/cli.sock gid vpp }
            api-trace { on nitems 5000 }
            api-segment { gid vpp }
            socksvr { default }
            memory { main-heap-size 1536M main-heap-page-size default-hugepage }
            cpu { main-core 0 corelist-workers 1-3 }
            buffers { buffers-per-numa 32768 default data-size 2048 page-size default-hugepage }
            statseg { size 1G page-size default-hugepage per-node-counters off }
            dpdk { dev default { num-rx-desc 1024 } dev 0000:18:00.1 { name wan } no-multi-seg }
            plugins { plugin default { disable } plugin dpdk_plugin.so { enable } }
            logging { default-log-level debug default-syslog-log-level notice }
            linux-cp { default netns dataplane lcp-sync lcp-auto-subint }
            """,
            on: try FindingCase.dualSocket()
        )
        #expect(read.isUsable, "\(read.findings)")
        #expect(read.findings.contains { $0.id == .startupNoMeaning })
        #expect(read.placement.nodes.map(\.number) == [0])
    }
}
