/// What a machine has: packages, NUMA nodes, cores, CPUs, caches and devices.
///
/// A plain value: tests and tools may build machines that do not exist. Lists are in ascending order of
/// their numbers. A CPU that is offline appears in `offlineCPUs` only.
public struct HostTopology: Hashable, Sendable, Codable {
    /// Where the description comes from.
    public var source: MachineSource
    /// The processor packages.
    public var packages: [Package]
    /// The NUMA nodes, those without CPUs or memory included.
    public var numaNodes: [NUMANode]
    /// The cores; a core's `index` is its position here.
    public var cores: [Core]
    /// The online CPUs.
    public var cpus: [LogicalCPU]
    /// CPUs that exist but are switched off.
    public var offlineCPUs: [Int]
    /// Level 2 and 3 caches.
    public var caches: [Cache]
    /// Devices on the PCI bus.
    public var pciDevices: [PCIDevice]
    /// Interfaces of the kernel that belong to a device.
    public var networkInterfaces: [NetworkInterface]
    /// Whether the device lists are complete; false for machines described without devices.
    public var knowsDevices: Bool
    /// Where hugetlbfs is mounted for writing; empty for all but the live machine.
    public var hugepageMounts: [HugepageMount]

    /// Creates one from its parts.
    public init(
        source: MachineSource,
        packages: [Package] = [],
        numaNodes: [NUMANode],
        cores: [Core],
        cpus: [LogicalCPU],
        offlineCPUs: [Int] = [],
        caches: [Cache] = [],
        pciDevices: [PCIDevice] = [],
        networkInterfaces: [NetworkInterface] = [],
        knowsDevices: Bool = false,
        hugepageMounts: [HugepageMount] = []
    ) {
        self.source = source
        self.packages = packages
        self.numaNodes = numaNodes
        self.cores = cores
        self.cpus = cpus
        self.offlineCPUs = offlineCPUs
        self.caches = caches
        self.pciDevices = pciDevices
        self.networkInterfaces = networkInterfaces
        self.knowsDevices = knowsDevices
        self.hugepageMounts = hugepageMounts
    }

    /// Whether there is but one NUMA node, so that nothing needs binding.
    public var hasSingleNUMANode: Bool { numaNodes.count <= 1 }

    /// CPUs that are online and that this process may use.
    public var usableCPUs: [Int] { cpus.filter(\.isAllowed).map(\.number) }

    /// The NUMA node that the operating system numbers `osIndex`.
    public func numaNode(_ osIndex: Int) -> NUMANode? {
        numaNodes.first { $0.osIndex == osIndex }
    }

    /// The online CPU with that number.
    public func cpu(_ number: Int) -> LogicalCPU? {
        cpus.first { $0.number == number }
    }

    /// The online CPUs of the same core, `number` included; empty when it is not online.
    public func siblings(of number: Int) -> [Int] {
        guard let cpu = cpu(number), cores.indices.contains(cpu.core) else { return [] }
        return cores[cpu.core].cpus
    }

    /// The cores of a NUMA node that have a usable CPU, each with its usable CPUs only.
    public func usableCores(of osIndex: Int) -> [Core] {
        let usable = Set(usableCPUs)
        return cores.filter { $0.numaNode == osIndex }.compactMap { core in
            var core = core
            core.cpus = core.cpus.filter(usable.contains)
            return core.cpus.isEmpty ? nil : core
        }
    }

    /// The first folder where hugepages of `pageBytes` bytes are mounted; nil when there is none.
    public func hugepageFolder(pageBytes: Int) -> String? {
        hugepageMounts.first { $0.pageBytes == pageBytes }?.path
    }

    /// The PCI device at `address`.
    public func pciDevice(_ address: String) -> PCIDevice? {
        pciDevices.first { $0.address == address }
    }
}
