import HostTopology
import Testing

@Suite struct SyntheticMachineTests {
    @Test(arguments: [1, 2, 4, 8])
    func readsAnyNumberOfNodes(nodes: Int) throws {
        let machine = try HostTopology.read(.synthetic("numa:\(nodes)(memory=4GB) core:3 pu:2"))
        #expect(machine.numaNodes.count == nodes)
        #expect(machine.cores.count == nodes * 3)
        #expect(machine.cpus.count == nodes * 6)
        #expect(machine.numaNodes.allSatisfy { $0.cpus.count == 6 && $0.memoryBytes > 3 << 30 })
        #expect(machine.cpus.allSatisfy { $0.isAllowed })
        #expect(machine.usableCores(of: nodes - 1).map(\.cpus.count) == [2, 2, 2])
        #expect(machine.hasSingleNUMANode == (nodes == 1))
        #expect(!machine.knowsDevices)
    }

    @Test func givesTheCPUsToOneOfTheMemoriesBesideThem() throws {
        let machine = try HostTopology.read(
            .synthetic("pack:2 [numa(memory=16GB)] [numa(memory=64GB)] core:4 pu:2")
        )
        #expect(machine.numaNodes.map(\.cpus.count) == [8, 0, 8, 0])
        #expect(machine.packages.map(\.cpus.count) == [8, 8])
    }

    @Test func prefersTheNodeThatHasMemory() throws {
        let machine = try HostTopology.read(
            .synthetic("pack:1 [numa(memory=0)] [numa(memory=64GB)] core:4 pu:1")
        )
        #expect(machine.numaNodes.map(\.cpus.count) == [0, 4])
    }

    @Test func refusesWhatIsNoDescription() {
        #expect(throws: HostTopologyError.malformedSynthetic("numa:x")) {
            try HostTopology.read(.synthetic("numa:x"))
        }
    }
}
