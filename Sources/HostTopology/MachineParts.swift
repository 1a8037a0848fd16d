/// A processor package: what sits in one socket of the board.
public struct Package: Hashable, Sendable, Codable {
    /// The operating system's number, or the position when it has none.
    public var osIndex: Int
    /// Online CPUs of the package, ascending.
    public var cpus: [Int]

    /// Creates one from its parts.
    public init(osIndex: Int, cpus: [Int]) {
        self.osIndex = osIndex
        self.cpus = cpus
    }
}

/// The hugepages of one size on one NUMA node.
public struct HugepageCount: Hashable, Sendable, Codable {
    /// Bytes of a page.
    public var pageBytes: Int
    /// Pages reserved.
    public var total: Int
    /// Pages that nobody has taken; nil when the source cannot tell (everything but the live machine).
    public var free: Int?

    /// Creates one from its parts.
    public init(pageBytes: Int, total: Int, free: Int?) {
        self.pageBytes = pageBytes
        self.total = total
        self.free = free
    }
}

/// A NUMA node: memory and the CPUs that are nearest to it.
public struct NUMANode: Hashable, Sendable, Codable {
    /// The operating system's number.
    public var osIndex: Int
    /// Memory in bytes; 0: none, or not told by the source.
    public var memoryBytes: Int
    /// Hugepages by size, ascending; empty when the source does not tell or the kernel has none.
    public var hugepages: [HugepageCount]
    /// Online CPUs whose nearest memory this is, ascending; each CPU belongs to one node at most.
    public var cpus: [Int]
    /// The firmware's relative distance to each node, by its `osIndex` (10 is local); empty when unknown.
    public var distances: [Int: Int]

    /// Creates one from its parts.
    public init(
        osIndex: Int,
        memoryBytes: Int,
        hugepages: [HugepageCount] = [],
        cpus: [Int],
        distances: [Int: Int] = [:]
    ) {
        self.osIndex = osIndex
        self.memoryBytes = memoryBytes
        self.hugepages = hugepages
        self.cpus = cpus
        self.distances = distances
    }

    /// The hugepages of `pageBytes` bytes, if the node has that size.
    public func hugepages(of pageBytes: Int) -> HugepageCount? {
        hugepages.first { $0.pageBytes == pageBytes }
    }
}

/// A physical core with its SMT threads.
public struct Core: Hashable, Sendable, Codable {
    /// The position among all cores of the machine, from 0.
    public var index: Int
    /// `osIndex` of its package; nil when there is none.
    public var package: Int?
    /// `osIndex` of its NUMA node; nil when no node claims it.
    public var numaNode: Int?
    /// Online CPUs (SMT threads), ascending; never empty.
    public var cpus: [Int]

    /// Creates one from its parts.
    public init(index: Int, package: Int?, numaNode: Int?, cpus: [Int]) {
        self.index = index
        self.package = package
        self.numaNode = numaNode
        self.cpus = cpus
    }
}

/// A logical CPU: one hardware thread of a core.
public struct LogicalCPU: Hashable, Sendable, Codable {
    /// The operating system's number.
    public var number: Int
    /// `Core.index` of its core.
    public var core: Int
    /// `osIndex` of its NUMA node; nil when no node claims it.
    public var numaNode: Int?
    /// Whether this process may use it; false when a cgroup forbids it.
    public var isAllowed: Bool

    /// Creates one from its parts.
    public init(number: Int, core: Int, numaNode: Int?, isAllowed: Bool) {
        self.number = number
        self.core = core
        self.numaNode = numaNode
        self.isAllowed = isAllowed
    }
}

/// A level 2 or 3 cache and who shares it.
public struct Cache: Hashable, Sendable, Codable {
    /// 2 or 3.
    public var level: Int
    /// Bytes; 0 when the source does not tell.
    public var bytes: Int
    /// Online CPUs that share it, ascending.
    public var cpus: [Int]

    /// Creates one from its parts.
    public init(level: Int, bytes: Int, cpus: [Int]) {
        self.level = level
        self.bytes = bytes
        self.cpus = cpus
    }
}

/// A device on the PCI bus.
public struct PCIDevice: Hashable, Sendable, Codable {
    /// `domain:bus:slot.function`, such as `0000:03:00.0`.
    public var address: String
    /// Base class and subclass; `0x0200` is an Ethernet controller.
    public var deviceClass: Int
    /// The PCI vendor id.
    public var vendor: Int
    /// The PCI device id.
    public var device: Int
    /// `osIndex` of the nearest NUMA node; -1 when unknown.
    public var numaNode: Int
    /// Names of its network interfaces in the kernel, sorted.
    public var interfaces: [String]
    /// The kernel driver bound to it; nil when there is none or the source does not tell.
    public var driver: String?

    /// Whether it is a network controller of any kind.
    public var isNetwork: Bool { deviceClass >> 8 == 0x02 }

    /// Creates one from its parts.
    public init(
        address: String,
        deviceClass: Int,
        vendor: Int,
        device: Int,
        numaNode: Int,
        interfaces: [String] = [],
        driver: String? = nil
    ) {
        self.address = address
        self.deviceClass = deviceClass
        self.vendor = vendor
        self.device = device
        self.numaNode = numaNode
        self.interfaces = interfaces
        self.driver = driver
    }
}

/// A network interface that the kernel drives and that belongs to a device.
public struct NetworkInterface: Hashable, Sendable, Codable {
    /// The kernel's name, such as `eth0`.
    public var name: String
    /// `osIndex` of the nearest NUMA node; -1 when unknown.
    public var numaNode: Int
    /// The address of its PCI device; nil when it has none.
    public var pciAddress: String?

    /// Creates one from its parts.
    public init(name: String, numaNode: Int, pciAddress: String?) {
        self.name = name
        self.numaNode = numaNode
        self.pciAddress = pciAddress
    }
}
