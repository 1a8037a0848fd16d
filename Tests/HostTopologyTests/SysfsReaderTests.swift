import Testing

@testable import HostTopology

@Suite struct SysfsReaderTests {
    private let folder: TemporaryFolder
    private let reader: SysfsReader

    init() throws {
        folder = try TemporaryFolder()
        reader = SysfsReader(root: folder.path, mountTable: "\(folder.path)/mounts")
    }

    @Test func readsHugepagesBySize() throws {
        let node = "devices/system/node/node1/hugepages"
        try folder.write("\(node)/hugepages-1048576kB/nr_hugepages", "4\n")
        try folder.write("\(node)/hugepages-1048576kB/free_hugepages", "3\n")
        try folder.write("\(node)/hugepages-2048kB/nr_hugepages", "512\n")
        try folder.write("\(node)/hugepages-2048kB/free_hugepages", "0\n")
        try folder.write("\(node)/hugepages-xkB/nr_hugepages", "9\n")
        #expect(
            reader.hugepages(ofNode: 1) == [
                HugepageCount(pageBytes: 2 << 20, total: 512, free: 0),
                HugepageCount(pageBytes: 1 << 30, total: 4, free: 3),
            ]
        )
    }

    @Test func findsNothingInAContainerThatHidesSysfs() {
        #expect(reader.hugepages(ofNode: 0).isEmpty)
        #expect(reader.pciDevices().isEmpty)
        #expect(reader.networkInterfaces().isEmpty)
        #expect(reader.offlineCPUs().isEmpty)
        #expect(reader.hugepageMounts().isEmpty)
    }

    @Test func tellsOfflineCPUsFromMissingOnes() throws {
        try folder.write("devices/system/cpu/present", "0-7\n")
        try folder.write("devices/system/cpu/online", "0-3,6\n")
        #expect(reader.offlineCPUs() == [4, 5, 7])
    }

    @Test func findsAnInterfaceBehindAVirtualBus() throws {
        let real = "devices/pci0000:00/0000:00:03.0"
        try folder.write("\(real)/class", "0x020000\n")
        try folder.write("\(real)/vendor", "0x1af4\n")
        try folder.write("\(real)/device", "0x1041\n")
        try folder.write("\(real)/numa_node", "-1\n")
        try folder.write("\(real)/virtio1/net/eth0/mtu", "1500\n")
        try folder.write("bus/pci/drivers/virtio-pci/bind", "")
        try folder.write("class/net/lo/mtu", "65536\n")
        try folder.link("\(real)/driver", to: "../../../bus/pci/drivers/virtio-pci")
        try folder.link("\(real)/virtio1/net/eth0/device", to: "../../../virtio1")
        try folder.write("bus/pci/devices/.keep", "")
        try folder.link("bus/pci/devices/0000:00:03.0", to: "../../../\(real)")
        try folder.link("class/net/eth0", to: "../../\(real)/virtio1/net/eth0")
        #expect(
            reader.pciDevices() == [
                PCIDevice(
                    address: "0000:00:03.0",
                    deviceClass: 0x0200,
                    vendor: 0x1af4,
                    device: 0x1041,
                    numaNode: -1,
                    interfaces: ["eth0"],
                    driver: "virtio-pci"
                )
            ]
        )
        #expect(
            reader.networkInterfaces() == [
                NetworkInterface(name: "eth0", numaNode: -1, pciAddress: "0000:00:03.0")
            ]
        )
    }

    @Test func findsHugepageMountsThatCanBeWritten() throws {
        try folder.write(
            "mounts",
            """
            proc /proc proc rw,nosuid 0 0
            hugetlbfs /dev/hugepages hugetlbfs rw,relatime 0 0
            none /mnt/a\\040b hugetlbfs rw,relatime,pagesize=1024M 0 0
            none /mnt/ro hugetlbfs ro,pagesize=2M 0 0
            """
        )
        #expect(
            reader.hugepageMounts() == [
                HugepageMount(path: "/dev/hugepages", pageBytes: 2 << 20),
                HugepageMount(path: "/mnt/a b", pageBytes: 1 << 30),
            ]
        )
    }

    @Test(arguments: ["0000:00:1f.2", "10000:e1:00.0"])
    func knowsPCIAddresses(text: String) { #expect(isPCIAddress(text)) }

    @Test(arguments: ["", "virtio1", "pci0000:00", "0000:00:03", "0000:00:03.00", "0000:zz:03.0"])
    func knowsWhatIsNoPCIAddress(text: String) { #expect(!isPCIAddress(text)) }
}
