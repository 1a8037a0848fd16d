/// What runs where: the resolved result of discovery, topology file and command line.
///
/// The supervisor starts exactly this. Where each value came from is kept beside it (`Origins`), not in it.
public struct Placement: Hashable, Sendable, Codable {
    /// CPUs for the supervisor, keepers, control lanes and spares; never empty.
    public var housekeeping: [Int]
    /// The NUMA nodes that run a worker, in ascending order of `number`.
    public var nodes: [NodePlacement]
    /// Every port of every node; `ports[i].interfaceIndex == i + 1`.
    public var ports: [PortPlacement] {
        nodes.flatMap(\.ports).sorted { $0.interfaceIndex < $1.interfaceIndex }
    }

    /// Creates one from its parts.
    public init(housekeeping: [Int], nodes: [NodePlacement]) {
        self.housekeeping = housekeeping
        self.nodes = nodes
    }
}

/// One NUMA node's keeper and worker.
public struct NodePlacement: Hashable, Sendable, Codable {
    /// Causeway's number of the node, 0...31; unique; the operating system's for a real node.
    public var number: Int
    /// The operating system's number of the node that memory is bound to; nil: not bound, because the
    /// machine has only one node.
    public var hardwareNode: Int?
    /// The operating system's number of the node that the CPUs and the memory are on, bound or not.
    public var realNode: Int
    /// Whether the node was declared by splitting a real one by hand.
    public var isVirtual: Bool
    /// The CPU of each lane; lane `i` runs on `lanes[i]`.
    public var lanes: [Int]
    /// The CPU of the keeper and the worker's control lane; one of the housekeeping CPUs.
    public var controlCPU: Int
    /// The worker's own heap in bytes, a multiple of `hugepageBytes`.
    public var heapBytes: Int
    /// The hugepage size used: 2 MiB or 1 GiB.
    public var hugepageBytes: Int
    /// DPDK's memory (`--socket-mem`) in MiB: pool, descriptors, port state.
    public var ealMegabytes: Int
    /// Packet buffers in the node's pool.
    public var poolBuffers: Int
    /// Bytes of packet data in a buffer, headroom not counted.
    public var bufferDataBytes: Int
    /// 64-byte cells of each handoff ring into this node; a power of two.
    public var handoffRingCells: Int
    /// The ports on this node.
    public var ports: [PortPlacement]
    /// Whether a warm spare worker is kept.
    public var hasSpare: Bool
    /// What happens when the worker dies.
    public var restart: RestartPolicy

    /// Creates one from its parts.
    public init(
        number: Int,
        hardwareNode: Int?,
        realNode: Int? = nil,
        isVirtual: Bool,
        lanes: [Int],
        controlCPU: Int,
        heapBytes: Int,
        hugepageBytes: Int = 2 << 20,
        ealMegabytes: Int,
        poolBuffers: Int,
        bufferDataBytes: Int,
        handoffRingCells: Int,
        ports: [PortPlacement],
        hasSpare: Bool,
        restart: RestartPolicy
    ) {
        self.number = number
        self.hardwareNode = hardwareNode
        self.realNode = realNode ?? hardwareNode ?? 0
        self.isVirtual = isVirtual
        self.lanes = lanes
        self.controlCPU = controlCPU
        self.heapBytes = heapBytes
        self.hugepageBytes = hugepageBytes
        self.ealMegabytes = ealMegabytes
        self.poolBuffers = poolBuffers
        self.bufferDataBytes = bufferDataBytes
        self.handoffRingCells = handoffRingCells
        self.ports = ports
        self.hasSpare = hasSpare
        self.restart = restart
    }
}

/// A port: a NIC, or something that stands for one.
public struct PortPlacement: Hashable, Sendable, Codable {
    /// What is behind a port.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// A PCI device with a DPDK driver; `device` is its address, such as `0000:03:00.0`.
        case pci
        /// A Linux TAP interface; `device` is its name in the kernel.
        case tap
        /// Capture files; `options["rx"]` and `options["tx"]` name them.
        case pcap
        /// Nothing: receives nothing, sends into the void.
        case null
        /// Any other DPDK virtual device; `device` is the EAL `--vdev` text.
        case vdev
    }

    /// The interface name of the commands; unique.
    public var name: String
    /// `sw_if_index`, 1..., in the order of the file.
    public var interfaceIndex: Int
    /// What is behind the port.
    public var kind: Kind
    /// See `Kind`.
    public var device: String
    /// Receive queues, normally one a lane.
    ///
    /// Queue `q` is polled by lane `q % lanes`.
    public var rxQueues: Int
    /// Transmit queues: one a lane.
    public var txQueues: Int
    /// Descriptors of a receive queue.
    public var rxDescriptors: Int
    /// Descriptors of a transmit queue.
    public var txDescriptors: Int
    /// The MTU that the port starts with.
    public var mtu: Int
    /// The MAC address to set, `xx:xx:xx:xx:xx:xx`.
    ///
    /// nil: the device's own, or a made-up one (tap, null, pcap).
    public var mac: String?
    /// Further options of the kind.
    public var options: [String: String]

    /// Creates one from its parts.
    public init(
        name: String,
        interfaceIndex: Int,
        kind: Kind,
        device: String,
        rxQueues: Int,
        txQueues: Int,
        rxDescriptors: Int,
        txDescriptors: Int,
        mtu: Int,
        mac: String?,
        options: [String: String]
    ) {
        self.name = name
        self.interfaceIndex = interfaceIndex
        self.kind = kind
        self.device = device
        self.rxQueues = rxQueues
        self.txQueues = txQueues
        self.rxDescriptors = rxDescriptors
        self.txDescriptors = txDescriptors
        self.mtu = mtu
        self.mac = mac
        self.options = options
    }
}

/// How often and how fast a dead worker is replaced.
public struct RestartPolicy: Hashable, Sendable, Codable {
    /// Restarts within `windowSeconds` after which the node is left down; 0: never restarted.
    public var maximumRestarts: Int
    /// The window in which restarts are counted.
    public var windowSeconds: Int
    /// The wait before the second restart in a row; the first does not wait.
    ///
    /// It doubles with each further one, up to `maximumBackoffMilliseconds`.
    public var backoffMilliseconds: Int
    /// The longest wait.
    public var maximumBackoffMilliseconds: Int

    /// Creates one from its parts.
    public init(
        maximumRestarts: Int = 10,
        windowSeconds: Int = 60,
        backoffMilliseconds: Int = 50,
        maximumBackoffMilliseconds: Int = 5000
    ) {
        self.maximumRestarts = maximumRestarts
        self.windowSeconds = windowSeconds
        self.backoffMilliseconds = backoffMilliseconds
        self.maximumBackoffMilliseconds = maximumBackoffMilliseconds
    }
}
