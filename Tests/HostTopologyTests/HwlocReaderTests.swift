import HostTopology
import Testing

/// Machines that no generous maker would ship.
@Suite struct HwlocReaderTests {
    private func lopsided() throws -> HostTopology {
        let folder = try TemporaryFolder()
        return try HostTopology.read(.xml(folder.write("machine.xml", lopsidedXML)))
    }

    @Test func keepsForbiddenCPUsVisible() throws {
        let machine = try lopsided()
        #expect(machine.cpus.map(\.number) == [0, 1, 2, 3])
        #expect(machine.usableCPUs == [0, 1, 2])
        #expect(machine.usableCores(of: 1).map(\.cpus) == [[2]])
        #expect(machine.offlineCPUs == [4])
    }

    @Test func keepsNodesWithoutMemory() throws {
        let machine = try lopsided()
        #expect(machine.numaNodes.map(\.memoryBytes) == [8 << 30, 0])
        #expect(machine.numaNodes.map(\.cpus) == [[0, 1], [2, 3]])
    }

    @Test func knowsWhereADeviceIsAndWhereItCannotKnow() throws {
        let machine = try lopsided()
        #expect(machine.pciDevices.map(\.address) == ["0000:03:00.0", "0000:40:00.0"])
        #expect(machine.pciDevices.map(\.numaNode) == [-1, 1])
    }

    @Test func refusesFilesThatAreMissingOrOfAnotherKind() throws {
        #expect(throws: HostTopologyError.self) { try HostTopology.read(.xml("/nonexistent.xml")) }
        let folder = try TemporaryFolder()
        let path = try folder.write("other.xml", "<html><body>not a machine</body></html>")
        #expect(throws: HostTopologyError.malformedXML(path: path)) {
            try HostTopology.read(.xml(path))
        }
    }

    @Test func describesTheLiveMachine() throws {
        let machine = try HostTopology.read(.live)
        #expect(!machine.cpus.isEmpty)
        #expect(!machine.numaNodes.isEmpty)
        #expect(machine.knowsDevices)
        #expect(machine.numaNodes.flatMap(\.hugepages).allSatisfy { $0.free != nil })
    }

    @Test(arguments: ["live", "xml:/tmp/a b.xml", "synth:numa:2 core:2 pu:1"])
    func readsTheNamesOfSources(text: String) {
        #expect(MachineSource(text)?.description == text)
    }

    @Test(arguments: ["", "xml:", "synth:", "dead", "XML:/a"])
    func refusesOtherNamesOfSources(text: String) {
        #expect(MachineSource(text) == nil)
    }
}
