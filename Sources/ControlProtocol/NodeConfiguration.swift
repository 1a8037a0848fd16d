/// What a keeper starts with; EAL's arguments come on its command line.
public struct KeeperConfiguration: Hashable, Sendable {
    /// The NUMA node's number in the placement, 0...31.
    public var node: UInt8
    /// Packet buffers in the node's pool.
    public var poolBuffers: UInt32
    /// Bytes of packet data that each buffer holds, headroom not counted.
    public var bufferDataBytes: UInt16
    /// The NUMA node for `rte_*` calls that take a socket; -1: any.
    public var socket: Int16
    /// The node's ports, which the keeper opens and starts.
    public var ports: [PortConfiguration]
    /// The file with the handoff rings into this node, made by the supervisor.
    public var ringFile: String
    /// Lanes of this node, each the end of rings from all other nodes' lanes.
    public var destinationLanes: UInt16
    /// Lanes of all other nodes together; 0: one node alone, which has no rings.
    public var sourceLanes: UInt16
    /// 64-byte cells of each ring; a power of two.
    public var ringCells: UInt32
    /// The file of the `PortSegment` that the supervisor made for this life.
    public var segmentFile: String

    /// Makes the configuration of a keeper; the supervisor derives it from the placement.
    public init(
        node: UInt8,
        poolBuffers: UInt32,
        bufferDataBytes: UInt16,
        socket: Int16,
        ports: [PortConfiguration],
        ringFile: String,
        destinationLanes: UInt16,
        sourceLanes: UInt16,
        ringCells: UInt32,
        segmentFile: String
    ) {
        self.node = node
        self.poolBuffers = poolBuffers
        self.bufferDataBytes = bufferDataBytes
        self.socket = socket
        self.ports = ports
        self.ringFile = ringFile
        self.destinationLanes = destinationLanes
        self.sourceLanes = sourceLanes
        self.ringCells = ringCells
        self.segmentFile = segmentFile
    }
}

/// A port as keeper and worker know it.
public struct PortConfiguration: Hashable, Sendable {
    /// How the worker reads and writes the port.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// A DPDK port, by its ethdev name.
        case dpdk = 0
        /// A Linux TAP, by descriptors from the keeper.
        case tap = 1
    }

    /// The `sw_if_index` of the port's interface, 1...`InterfaceRecord.maximumIndex`.
    public var interface: UInt16
    /// The interface's name in commands.
    public var name: String
    /// Whether the port is DPDK's or a TAP.
    public var kind: Kind
    /// DPDK's name of the port (a PCI address or a vdev's name), or the kernel's of the TAP.
    public var device: String
    /// Receive queues to set up; queue q is polled by lane q modulo the lanes.
    public var rxQueues: UInt16
    /// Transmit queues to set up, one a lane.
    public var txQueues: UInt16
    /// Descriptors of a receive queue, which the driver may round; a TAP has none.
    public var rxDescriptors: UInt16
    /// Descriptors of a transmit queue, which the driver may round; a TAP has none.
    public var txDescriptors: UInt16
    /// The MTU to start with: bytes of the largest IP packet.
    public var mtu: UInt16
    /// The MAC address to set; zero: leave the device's own, or make one up (tap).
    public var mac: MACAddress

    /// Makes the configuration of a port; the supervisor derives it from the placement.
    public init(
        interface: UInt16,
        name: String,
        kind: Kind,
        device: String,
        rxQueues: UInt16,
        txQueues: UInt16,
        rxDescriptors: UInt16,
        txDescriptors: UInt16,
        mtu: UInt16,
        mac: MACAddress
    ) {
        self.interface = interface
        self.name = name
        self.kind = kind
        self.device = device
        self.rxQueues = rxQueues
        self.txQueues = txQueues
        self.rxDescriptors = rxDescriptors
        self.txDescriptors = txDescriptors
        self.mtu = mtu
        self.mac = mac
    }
}

/// What a worker starts with; EAL's arguments come on its command line.
public struct WorkerConfiguration: Hashable, Sendable {
    /// A node as its peers see it.
    public struct Peer: Hashable, Sendable {
        /// The NUMA node's number in the placement.
        public var node: UInt8
        /// How many lanes its worker runs.
        public var lanes: UInt16
        /// 64-byte cells of each ring into that node; a power of two.
        public var ringCells: UInt32
        /// The file with the rings into that node.
        public var ringFile: String

        /// Makes a description of a peer; every worker gets the same ones.
        public init(node: UInt8, lanes: UInt16, ringCells: UInt32, ringFile: String) {
            self.node = node
            self.lanes = lanes
            self.ringCells = ringCells
            self.ringFile = ringFile
        }
    }

    /// The NUMA node's number in the placement, 0...31.
    public var node: UInt8
    /// Counts the worker's lives on this node, from 1.
    public var incarnation: UInt32
    /// The operating system's NUMA node to bind memory to; -1: no binding.
    public var hardwareNode: Int16
    /// Bytes of the worker's own heap, where its tables lie.
    public var heapBytes: UInt64
    /// The size in bytes of the hugepages that the heap lies in: 2 MiB or 1 GiB.
    public var hugepageBytes: UInt64
    /// The CPU of each lane; as many lanes as entries.
    public var laneCPUs: [UInt16]
    /// The EAL lcore id of lane 0; the others follow.
    public var firstLaneLcore: UInt16
    /// The file of the `WorkerSegment` that the supervisor made for this life.
    public var segmentFile: String
    /// The file of the `EventLog` that the supervisor made for this life.
    public var eventLogFile: String
    /// The path of the keeper's socket, where TAP descriptors come from.
    public var keeperSocket: String
    /// The node's ports, started by the keeper; the worker only moves their packets.
    public var ports: [PortConfiguration]
    /// Every node of the placement in its order, this one included.
    public var peers: [Peer]
    /// How the lanes' threads run.
    public var lanes: LaneOptions
    /// Which plugins are loaded.
    public var plugins: PluginConfiguration

    /// Makes the configuration of one life of a worker.
    public init(
        node: UInt8,
        incarnation: UInt32,
        hardwareNode: Int16,
        heapBytes: UInt64,
        hugepageBytes: UInt64,
        laneCPUs: [UInt16],
        firstLaneLcore: UInt16,
        segmentFile: String,
        eventLogFile: String,
        keeperSocket: String,
        ports: [PortConfiguration],
        peers: [Peer],
        lanes: LaneOptions = LaneOptions(),
        plugins: PluginConfiguration = PluginConfiguration()
    ) {
        self.node = node
        self.incarnation = incarnation
        self.hardwareNode = hardwareNode
        self.heapBytes = heapBytes
        self.hugepageBytes = hugepageBytes
        self.laneCPUs = laneCPUs
        self.firstLaneLcore = firstLaneLcore
        self.segmentFile = segmentFile
        self.eventLogFile = eventLogFile
        self.keeperSocket = keeperSocket
        self.ports = ports
        self.peers = peers
        self.lanes = lanes
        self.plugins = plugins
    }
}

/// How the threads of a worker's lanes run.
public struct LaneOptions: Hashable, Sendable {
    /// The kernel's number of the scheduling policy (`sched_setscheduler`); 0: leave it as it is.
    public var policy: UInt8
    /// The priority, 1...99 for the policies that have one.
    public var priority: UInt8
    /// What the threads' names begin with, at most 8 bytes.
    public var threadPrefix: String
    /// What the lanes' random numbers start from; 0: the clock.
    public var seed: UInt64

    /// Makes options; without more said, the kernel's and the clock's.
    public init(
        policy: UInt8 = 0,
        priority: UInt8 = 0,
        threadPrefix: String = "cw",
        seed: UInt64 = 0
    ) {
        self.policy = policy
        self.priority = priority
        self.threadPrefix = threadPrefix
        self.seed = seed
    }
}
