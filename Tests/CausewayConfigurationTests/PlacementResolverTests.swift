import HostTopology
import TestSupport
import Testing

@testable import CausewayConfiguration

/// What is placed where without and with a file.
@Suite struct PlacementResolverTests {
    /// What must hold of every placement that may be started.
    private func checkConsistency(_ resolved: ResolvedPlacement, on machine: HostTopology) {
        let placement = resolved.placement
        #expect(!placement.housekeeping.isEmpty)
        let lanes = placement.nodes.flatMap(\.lanes)
        #expect(Set(lanes).count == lanes.count, "a CPU has one lane at most")
        #expect(placement.ports.map(\.interfaceIndex) == Array(1..<(placement.ports.count + 1)))
        for node in placement.nodes {
            #expect(!node.lanes.isEmpty)
            #expect(placement.housekeeping.contains(node.controlCPU))
            #expect(node.heapBytes % node.hugepageBytes == 0)
            #expect((node.ealMegabytes << 20) % node.hugepageBytes == 0)
            #expect(node.hardwareNode == (machine.hasSingleNUMANode ? nil : node.realNode))
            #expect(node.handoffRingCells.nonzeroBitCount == 1)
            for cpu in node.lanes { #expect(machine.cpu(cpu)?.numaNode == node.realNode) }
        }
        for path in ["heap", "lanes", "control-cpu", "buffers", "eal-memory", "restart.max"] {
            for node in placement.nodes {
                #expect(resolved.origins["node\(node.number).\(path)"] != nil)
            }
        }
    }

    @Test(
        .enabled(if: SharedTopologies.areAvailable, "\(SharedTopologies.reason)"),
        arguments: SharedTopologies.files,
        ["one-lane-per-core", "share"]
    )
    func placesRealServersWithoutAFile(path: String, smt: String) throws {
        let machine = try HostTopology.read(.xml(path))
        let resolved = resolve("schema: 1\n", on: machine, settings: ["smt=\(smt)"])
        #expect(resolved.complaints.isEmpty, "\(resolved.findings)")
        #expect(resolved.placement.nodes.map(\.number) == machine.numaNodes.map(\.osIndex))
        checkConsistency(resolved, on: machine)
    }

    @Test(arguments: [1, 2, 4, 8], [1, 2])
    func keepsACoreOfEachNodeForHousekeeping(nodes: Int, threads: Int) throws {
        let machine = try machine("numa:\(nodes)(memory=16GB) core:4 pu:\(threads)")
        let resolved = Placement.resolve(machine: machine)
        #expect(resolved.isUsable)
        checkConsistency(resolved, on: machine)
        #expect(resolved.placement.nodes.count == nodes)
        #expect(resolved.placement.nodes.allSatisfy { $0.lanes.count == 3 })
        #expect(resolved.placement.housekeeping.count == nodes * threads)
        let last = try #require(resolved.placement.nodes.last)
        #expect(last.lanes == [1, 2, 3].map { (4 * (nodes - 1) + $0) * threads })
        #expect(last.controlCPU == 4 * (nodes - 1) * threads)
    }

    @Test func usesEveryThreadWhenTheyAreShared() throws {
        let machine = try machine("numa:1(memory=16GB) core:4 pu:2")
        let resolved = resolve("schema: 1\nsmt: share\n", on: machine)
        #expect(resolved.placement.nodes[0].lanes == [2, 3, 4, 5, 6, 7])
        #expect(resolved.placement.housekeeping == [0, 1])
    }

    @Test func sharesTheFirstCPUOfASmallMachine() throws {
        let machine = try machine("numa:1(memory=16GB) core:2 pu:1")
        let resolved = Placement.resolve(machine: machine)
        #expect(resolved.placement.housekeeping == [0])
        #expect(resolved.placement.nodes.map(\.lanes) == [[0, 1]])
        #expect(resolved.findings.map(\.id) == [.singleNode, .laneOnHousekeeping])
        #expect(resolved.isUsable)
    }

    @Test func splitsANodeByHand() throws {
        let machine = try machine("numa:1(memory=16GB) core:2 pu:1")
        let text = "schema: 1\nnodes: [{node: 0, virtual-of: 0}, {node: 1, virtual-of: 0}]\n"
        let resolved = resolve(text, on: machine)
        checkConsistency(resolved, on: machine)
        #expect(resolved.placement.nodes.map(\.lanes) == [[0], [1]])
        #expect(resolved.placement.nodes.map(\.controlCPU) == [0, 1])
        #expect(resolved.placement.housekeeping == [0, 1])
        #expect(resolved.placement.nodes.allSatisfy { $0.isVirtual && $0.hardwareNode == nil })
    }

    @Test func splitsALargerNodeInEvenRuns() throws {
        let machine = try machine("numa:1(memory=16GB) core:8 pu:1")
        let text = """
            schema: 1
            nodes: [{node: 0, virtual-of: 0}, {node: 1, virtual-of: 0, lanes: 2}, {node: 2, virtual-of: 0}]
            """
        let resolved = resolve(text, on: machine)
        checkConsistency(resolved, on: machine)
        #expect(resolved.placement.nodes.map(\.lanes) == [[1, 2, 3], [4, 5], [6, 7]])
        #expect(resolved.placement.nodes.map(\.controlCPU) == [0, 0, 0])
        #expect(resolved.complaints.isEmpty)
    }

    @Test func bindsVirtualNodesWhereThereAreSeveralRealOnes() throws {
        let machine = try machine("numa:2(memory=16GB) core:4 pu:1")
        let text = """
            schema: 1
            nodes: [{node: 0, virtual-of: 1, cpus: 4-5}, {node: 1, virtual-of: 1, cpus: 6-7}]
            """
        let resolved = resolve(text, on: machine)
        checkConsistency(resolved, on: machine)
        #expect(resolved.placement.nodes.map(\.hardwareNode) == [1, 1])
        #expect(resolved.placement.nodes.map(\.lanes) == [[5], [6, 7]])
    }

    @Test func leavesHousekeepingOutWhereEveryCoreIsNamed() throws {
        let machine = try machine("numa:1(memory=16GB) core:4 pu:1")
        let resolved = resolve("schema: 1\nnodes: [{node: 0, lanes: [3, 2, 1, 0]}]\n", on: machine)
        #expect(resolved.placement.nodes[0].lanes == [3, 2, 1, 0])
        #expect(resolved.placement.nodes[0].controlCPU == 3)
        #expect(resolved.placement.housekeeping == [3])
        let counted = resolve("schema: 1\nnodes: [{node: 0, lanes: 4}]\n", on: machine)
        #expect(counted.placement.nodes[0].lanes == [0, 1, 2, 3])
        #expect(counted.isUsable)
    }

    @Test func passesOverMemoryWithoutCPUs() throws {
        let machine = try machine("pack:2 [numa(memory=16GB)] [numa(memory=64GB)] core:4 pu:1")
        let resolved = Placement.resolve(machine: machine)
        #expect(resolved.placement.nodes.map(\.number) == [0, 2])
        #expect(resolved.placement.nodes.map(\.hardwareNode) == [0, 2])
        #expect(resolved.findings.map(\.id) == [.nodeUnused, .nodeUnused])
        checkConsistency(resolved, on: machine)
    }

    @Test func keepsLanesOffForbiddenCPUs() throws {
        let machine = try FindingCase.withForbiddenCPUs()
        let resolved = Placement.resolve(machine: machine)
        #expect(resolved.placement.nodes.map(\.number) == [0])
        #expect(resolved.placement.nodes[0].lanes == [2, 4])
        #expect(resolved.placement.housekeeping == [0, 1])
    }

    // MARK: Layers

    @Test func letsTheFileWinOverDefaultsAndTheCommandLineOverTheFile() throws {
        let machine = try machine("numa:2(memory=16GB) core:4 pu:1")
        let text = """
            schema: 1
            defaults: {heap: 256M, buffers: 20000, restart: {max: 3}}
            nodes:
            - {node: 0, heap: 512M}
            - {node: 1, restart: {window: 10s}}
            """
        let resolved = resolve(
            text,
            on: machine,
            settings: ["node1.heap=1G", "defaults.buffers=30000"]
        )
        let nodes = resolved.placement.nodes
        #expect(nodes.map(\.heapBytes) == [512 << 20, 1 << 30])
        #expect(nodes.map(\.poolBuffers) == [30_000, 30_000])
        #expect(nodes.map(\.restart.maximumRestarts) == [3, 3])
        #expect(nodes.map(\.restart.windowSeconds) == [60, 10])
        let origins = resolved.origins
        #expect(origins["node0.heap"]?.description == "test.yaml:4:19")
        #expect(origins["node1.heap"] == .commandLine("--set node1.heap=1G"))
        #expect(origins["node0.buffers"] == .commandLine("--set defaults.buffers=30000"))
        #expect(origins["node0.restart.max"]?.description == "test.yaml:2:55")
        #expect(origins["node0.restart.window"] == .default)
        #expect(origins["node0.lanes"] == .discovered)
        #expect(resolved.complaints.isEmpty)
    }

    @Test func growsPoolAndMemoryWithPortsAndLanes() throws {
        var machine = try machine("numa:1(memory=64GB) core:16 pu:1")
        machine.knowsDevices = true
        machine.pciDevices = [
            PCIDevice(
                address: "0000:18:00.0",
                deviceClass: 0x0200,
                vendor: 1,
                device: 1,
                numaNode: 0
            )
        ]
        let text =
            "schema: 1\nnodes: [{node: 0, ports: [{pci: \"18:00.0\", rx-descriptors: 4096}]}]\n"
        let node = resolve(text, on: machine).placement.nodes[0]
        #expect(node.ports[0].rxQueues == 15 && node.ports[0].txQueues == 15)
        #expect(node.poolBuffers >= 15 * (4096 + 1024) + 15 * 1024)
        let need = EALMemory(buffers: node.poolBuffers, dataBytes: 2048, ports: node.ports)
        #expect(node.ealBytes >= need.neededBytes)
        #expect(need.poolBytes == node.poolBuffers * (320 + 2048))
    }

    @Test func takesLargePagesWhereOnlyThoseAreReserved() throws {
        var machine = try liveMachine("numa:1(memory=64GB) core:4 pu:1", freePages: 0)
        machine.numaNodes[0].hugepages.append(HugepageCount(pageBytes: 1 << 30, total: 8, free: 8))
        machine.hugepageMounts = [HugepageMount(path: "/mnt/huge1G", pageBytes: 1 << 30)]
        let resolved = Placement.resolve(machine: machine)
        #expect(resolved.isUsable, "\(resolved.findings)")
        #expect(resolved.placement.nodes[0].hugepageBytes == 1 << 30)
        #expect(resolved.placement.nodes[0].heapBytes == 1 << 30)
        #expect(resolved.placement.nodes[0].ealMegabytes == 1024)
        #expect(
            EALArguments(machine: machine).keeper(of: resolved.placement.nodes[0]).contains(
                "/mnt/huge1G"
            )
        )
    }

    @Test func numbersPortsInTheOrderOfTheFile() throws {
        let machine = try machine("numa:2(memory=16GB) core:4 pu:1")
        let text = """
            schema: 1
            nodes:
            - {node: 1, ports: [{tap: b}, {null: yes}]}
            - {node: 0, ports: [{name: a, tap: a0}, {null: }, {pcap: {tx: /t}}, {vdev: net_ring0}]}
            """
        let resolved = resolve(text, on: machine)
        let ports = resolved.placement.ports
        #expect(ports.map(\.name) == ["b", "null0", "a", "null1", "pcap0", "vdev0"])
        #expect(ports.map(\.interfaceIndex) == [1, 2, 3, 4, 5, 6])
        #expect(resolved.placement.nodes[1].ports.map(\.name) == ["b", "null0"])
        #expect(ports[2].device == "a0" && ports[2].rxQueues == 3 && ports[3].rxQueues == 1)
        #expect(ports.allSatisfy { $0.txQueues == 3 && $0.mtu == 1500 })
        #expect(resolved.complaints.isEmpty)
    }

    @Test func namesPCIPortsAsVPPDoes() throws {
        let machine = try FindingCase.dualSocket()
        let text = "schema: 1\nnodes: [{node: 0, ports: [{pci: \"0000:18:00.1\"}]}]\n"
        let resolved = resolve(text, on: machine, settings: ["port.Ethernet18/0/1.mtu=1400"])
        #expect(resolved.placement.ports.map(\.name) == ["Ethernet18/0/1"])
        #expect(resolved.placement.ports[0].mtu == 1400)
        #expect(resolved.complaints.isEmpty)
    }

    @Test func allowsRemotePortsWhenTold() throws {
        let machine = try FindingCase.dualSocket()
        let text = "schema: 1\nnodes: [{node: 1, ports: [{pci: \"18:00.1\"}]}]\n"
        #expect(resolve(text, on: machine).complaints == [.remotePort])
        #expect(resolve(text, on: machine, settings: ["remote-nics=allow"]).complaints.isEmpty)
    }
}
