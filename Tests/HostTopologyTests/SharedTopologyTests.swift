import HostTopology
import TestSupport
import Testing

/// Every XML export of a real server reads as a machine that is consistent in itself.
@Suite(.enabled(if: SharedTopologies.areAvailable, "\(SharedTopologies.reason)"))
struct SharedTopologyTests {
    @Test(arguments: SharedTopologies.files)
    func readsAConsistentMachine(path: String) throws {
        let machine = try HostTopology.read(.xml(path))
        #expect(machine.numaNodes.map(\.osIndex) == machine.numaNodes.map(\.osIndex).sorted())
        #expect(machine.cores.map(\.index) == Array(machine.cores.indices))
        let cpus = machine.cpus.map(\.number)
        #expect(machine.cores.flatMap(\.cpus).sorted() == cpus)
        #expect(machine.numaNodes.flatMap(\.cpus).sorted() == cpus, "each CPU has one NUMA node")
        #expect(Set(machine.offlineCPUs).isDisjoint(with: cpus))
        for cpu in machine.cpus {
            #expect(machine.cores[cpu.core].cpus.contains(cpu.number))
            #expect(machine.numaNode(cpu.numaNode ?? -1)?.cpus.contains(cpu.number) == true)
            #expect(machine.siblings(of: cpu.number).contains(cpu.number))
        }
        for interface in machine.networkInterfaces {
            // One of the exports was put together by hand and has an address twice.
            let devices = machine.pciDevices.filter { $0.address == interface.pciAddress }
            #expect(devices.contains { $0.interfaces.contains(interface.name) })
        }
    }

    @Test func readsTwoPackagesWithSMTAndDevices() throws {
        let path = try #require(SharedTopologies.file("24em64t-2n6c2t-pci.xml"))
        let machine = try HostTopology.read(.xml(path))
        #expect(machine.packages.count == 2)
        #expect(machine.numaNodes.count == 2)
        #expect(machine.cores.count == 12)
        #expect(machine.cpus.count == 24)
        #expect(machine.siblings(of: 3) == [3, 15])
        #expect(machine.numaNodes[0].memoryBytes == 4_715_975 * 4096)
        #expect(
            machine.numaNodes[0].hugepages == [
                HugepageCount(pageBytes: 2 << 20, total: 0, free: nil)
            ]
        )
        #expect(machine.numaNodes[0].distances == [0: 10, 1: 20])
        #expect(machine.caches.filter { $0.level == 3 }.map(\.bytes) == [12 << 20, 12 << 20])
        let nic = try #require(machine.pciDevice("0000:04:00.1"))
        #expect(nic.isNetwork && nic.numaNode == 0 && nic.interfaces == ["eth1"])
        #expect(nic.vendor == 0x8086 && nic.device == 0x10c9 && nic.deviceClass == 0x0200)
        #expect(machine.knowsDevices)
    }

    @Test func leavesOutCPUsThatAreOffline() throws {
        let path = try #require(SharedTopologies.file("16em64t-4s2c2t-offlines.xml"))
        let machine = try HostTopology.read(.xml(path))
        #expect(machine.cpus.map(\.number) == [0, 1, 3, 4, 6, 12, 15])
        #expect(machine.offlineCPUs == [2, 5, 7, 8, 9, 10, 11, 13, 14])
        #expect(machine.hasSingleNUMANode)
    }

    @Test func readsTwentyFourNodes() throws {
        let path = try #require(SharedTopologies.file("192em64t-24n8c2t.xml"))
        let machine = try HostTopology.read(.xml(path))
        #expect(machine.numaNodes.count == 24)
        #expect(machine.cpus.count == 384)
        #expect(machine.numaNodes.allSatisfy { $0.cpus.count == 16 && $0.distances.count == 24 })
        // Devices of several packages lie on several nodes.
        #expect(Set(machine.networkInterfaces.map(\.numaNode)).count > 1)
        #expect(machine.networkInterfaces.allSatisfy { $0.numaNode >= 0 })
    }

    @Test(arguments: SharedTopologies.files)
    func survivesARoundTripThroughJSON(path: String) throws {
        let machine = try HostTopology.read(.xml(path))
        #expect(try decoded(encoded(machine)) == machine)
    }
}
