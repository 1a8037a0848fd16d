import Testing

@testable import CausewayConfiguration

@Suite struct EALArgumentsTests {
    private let arguments = EALArguments(instance: "t", hugepageFolder: "/dev/hugepages")

    private func node(_ text: String, on description: String = "numa:2(memory=16GB) core:3 pu:1")
        throws
        -> NodePlacement
    {
        let resolved = resolve("schema: 1\nnodes:\n\(text)\n", on: try machine(description))
        #expect(resolved.complaints.isEmpty, "\(resolved.findings)")
        return try #require(resolved.placement.nodes.last)
    }

    @Test func startsAKeeperOnItsNodeOnly() throws {
        let node = try node("- {node: 1, ports: [{pci: \"18:00.0\"}, {pci: \"18:00.1\"}]}")
        #expect(
            arguments.keeper(of: node) == [
                "--proc-type=primary", "--file-prefix=t-n1", "--huge-dir", "/dev/hugepages",
                "--base-virtaddr=0x204000000000", "--no-telemetry", "--lcores", "0@3",
                "--socket-mem=0,96", "--socket-limit=0,96", "-a", "0000:18:00.0", "-a",
                "0000:18:00.1",
            ]
        )
    }

    @Test func attachesAWorkerWithIdsOfItsLife() throws {
        let node = try node("- {node: 1, ports: [{tap: a}]}")
        let shared = [
            "--proc-type=secondary", "--file-prefix=t-n1", "--huge-dir", "/dev/hugepages",
            "--base-virtaddr=0x204000000000", "--no-telemetry", "--lcores",
        ]
        #expect(arguments.worker(of: node, incarnation: 0) == shared + ["1@3,2@4,3@5", "--no-pci"])
        #expect(
            arguments.worker(of: node, incarnation: 1) == shared + ["65@3,66@4,67@5", "--no-pci"]
        )
        #expect(
            arguments.worker(of: node, incarnation: 2) == arguments.worker(of: node, incarnation: 0)
        )
    }

    @Test func keepsTheIdsOfAFullNodeApart() {
        let last = EALArguments.firstLcore(incarnation: 0) + NodePlacement.maximumLanes
        #expect(last < EALArguments.firstLcore(incarnation: 1))
        #expect(EALArguments.firstLcore(incarnation: 1) + NodePlacement.maximumLanes < 128)
    }

    @Test func givesMemoryToTheRealNodeOfAVirtualOne() throws {
        let single = try node(
            "- {node: 0, virtual-of: 0}\n- {node: 1, virtual-of: 0}",
            on: "numa:1(memory=16GB) core:4 pu:1"
        )
        #expect(arguments.keeper(of: single).contains("--socket-mem=96"))
        let second = try node("- {node: 5, virtual-of: 1}")
        #expect(arguments.keeper(of: second).contains("--socket-mem=0,96"))
        #expect(arguments.keeper(of: second).contains("--file-prefix=t-n5"))
    }

    @Test func makesVirtualDevicesInTheKeeperOnly() throws {
        let node = try node(
            """
            - node: 1
              ports:
              - {null: , name: sink}
              - {null: , name: source, options: {no-rx: 0, size: 128}}
              - {pcap: {rx: /in.pcap, tx: /out.pcap}, name: cap}
              - {pcap: {rx: /in.pcap}, name: mute}
              - {vdev: "net_ring0", options: {nodeaction: r1}}
              - {tap: t0}
            """
        )
        let devices = arguments.keeper(of: node).filter { $0.hasPrefix("--vdev=") }
        #expect(
            devices == [
                "--vdev=net_null_sink,no-rx=1,size=64",
                "--vdev=net_null_source,no-rx=0,size=128",
                "--vdev=net_pcap_cap,rx_pcap=/in.pcap,tx_pcap=/out.pcap,tx_pcap=/out.pcap.1",
                "--vdev=net_pcap_mute,rx_pcap=/in.pcap,tx_pcap=/dev/null,tx_pcap=/dev/null",
                "--vdev=net_ring0,nodeaction=r1",
            ]
        )
        #expect(!arguments.worker(of: node, incarnation: 0).contains { $0.hasPrefix("--vdev") })
    }
}
