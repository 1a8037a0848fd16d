import HostTopology
import TestSupport
import Testing

@testable import CausewayConfiguration

/// The files in `Topology/` fit the machines that they are written for.
@Suite struct ReadyTopologyTests {
    private func resolve(_ name: String, on machine: HostTopology) -> ResolvedPlacement {
        Placement.resolve(
            machine: machine,
            topologyPath: "\(Repository.root)/Topology/\(name).yaml"
        )
    }

    @Test(arguments: [
        ("single-node-two-virtual", "numa:1(memory=16GB) core:2 pu:1", 2, 2),
        ("dual-socket", "pack:2 numa:1(memory=64GB) core:8 pu:1", 2, 4),
        ("dual-socket-smt", "pack:2 numa:1(memory=64GB) core:8 pu:2(indexes=2*16:1*2)", 2, 2),
        ("sub-numa-4", "pack:1 numa:4(memory=32GB) core:6 pu:1", 4, 2),
        ("sub-numa-4", "pack:2 numa:2(memory=32GB) core:6 pu:1", 4, 2),
    ])
    func fitsItsMachine(name: String, description: String, nodes: Int, ports: Int) throws {
        let resolved = resolve(name, on: try machine(description))
        #expect(resolved.complaints.isEmpty, "\(resolved.findings)")
        #expect(resolved.placement.nodes.count == nodes)
        #expect(resolved.placement.ports.count == ports)
    }

    @Test func fitsTheDemoIntoTheHugepagesOfASmallMachine() throws {
        let machine = try liveMachine("numa:1(memory=16GB) core:2 pu:1", freePages: 600)
        let resolved = resolve("single-node-two-virtual", on: machine)
        #expect(resolved.isUsable, "\(resolved.findings)")
        #expect(resolved.placement.nodes.map(\.lanes) == [[0], [1]])
        #expect(resolved.placement.ports.map(\.device) == ["cw-a", "cw-b"])
        #expect(resolved.placement.ports.map(\.kind) == [.tap, .tap])
    }

    @Test func usesOneThreadOfEachCoreWithSMT() throws {
        let machine = try machine("pack:2 numa:1(memory=64GB) core:8 pu:2(indexes=2*16:1*2)")
        let resolved = resolve("dual-socket-smt", on: machine)
        #expect(resolved.placement.nodes.map(\.lanes) == [Array(1...7), Array(9...15)])
        #expect(resolved.placement.housekeeping == [0, 8, 16, 24])
        #expect(resolved.placement.nodes.map(\.controlCPU) == [0, 8])
        #expect(resolved.placement.nodes.allSatisfy { $0.hasSpare })
    }

    @Test func namesTheFileWhenTheMachineDiffers() throws {
        let resolved = resolve("dual-socket", on: try machine("numa:1(memory=16GB) core:2 pu:1"))
        #expect(!resolved.isUsable)
        #expect(
            resolved.finding(.unknownNode)?.location?.file.hasSuffix("dual-socket.yaml") == true
        )
    }
}
