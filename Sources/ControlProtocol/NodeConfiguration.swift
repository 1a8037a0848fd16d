/// What a keeper starts with. EAL's arguments come on its command line.
public struct KeeperConfiguration: Hashable, Sendable {
    /// The NUMA node's number.
    public var node: UInt8
    /// Packet buffers in the pool, and bytes of packet data in each.
    public var poolBuffers: UInt32
    /// The buffer data bytes.
    public var bufferDataBytes: UInt16
    /// The NUMA node for `rte_*` calls that take a socket; -1: any.
    public var socket: Int16
    /// The ports.
    public var ports: [PortConfiguration]
    /// The file with the handoff rings into this node, and its layout.
    public var ringFile: String
    /// The destination lanes.
    public var destinationLanes: UInt16
    /// The source lanes.
    public var sourceLanes: UInt16
    /// The ring cells.
    public var ringCells: UInt32

    /// Makes a value of its parts.
    public init(
        node: UInt8,
        poolBuffers: UInt32,
        bufferDataBytes: UInt16,
        socket: Int16,
        ports: [PortConfiguration],
        ringFile: String,
        destinationLanes: UInt16,
        sourceLanes: UInt16,
        ringCells: UInt32
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

    /// The interface's `sw_if_index`.
    public var interface: UInt16
    /// The interface name of the commands.
    public var name: String
    /// The kind.
    public var kind: Kind
    /// DPDK's name of the port (a PCI address or a vdev's name), or the kernel's of the TAP.
    public var device: String
    /// Receive queues.
    public var rxQueues: UInt16
    /// Transmit queues.
    public var txQueues: UInt16
    /// Descriptors of a receive queue.
    public var rxDescriptors: UInt16
    /// Descriptors of a transmit queue.
    public var txDescriptors: UInt16
    /// The MTU in bytes.
    public var mtu: UInt16
    /// The MAC address to set; zero: leave the device's own, or make one up (tap).
    public var mac: MACAddress

    /// Makes a value of its parts.
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

/// What a worker starts with. EAL's arguments come on its command line.
public struct WorkerConfiguration: Hashable, Sendable {
    /// A node as its peers see it.
    public struct Peer: Hashable, Sendable {
        /// The NUMA node's number.
        public var node: UInt8
        /// The lanes.
        public var lanes: UInt16
        /// 64-byte cells of each ring into that node.
        public var ringCells: UInt32
        /// The file with the rings into that node.
        public var ringFile: String

        /// Makes a value of its parts.
        public init(node: UInt8, lanes: UInt16, ringCells: UInt32, ringFile: String) {
            self.node = node
            self.lanes = lanes
            self.ringCells = ringCells
            self.ringFile = ringFile
        }
    }

    /// The NUMA node's number.
    public var node: UInt8
    /// The incarnation.
    public var incarnation: UInt32
    /// The operating system's NUMA node to bind memory to; -1: no binding.
    public var hardwareNode: Int16
    /// The worker's own heap, and the page size it lies in.
    public var heapBytes: UInt64
    /// The hugepage bytes.
    public var hugepageBytes: UInt64
    /// The CPU of each lane.
    public var laneCPUs: [UInt16]
    /// The EAL lcore id of lane 0; the others follow.
    public var firstLaneLcore: UInt16
    /// The segment made for this life.
    public var segmentFile: String
    /// The keeper's socket.
    public var keeperSocket: String
    /// The ports.
    public var ports: [PortConfiguration]
    /// Every node of the placement in its order, this one included.
    public var peers: [Peer]

    /// Makes a value of its parts.
    public init(
        node: UInt8,
        incarnation: UInt32,
        hardwareNode: Int16,
        heapBytes: UInt64,
        hugepageBytes: UInt64,
        laneCPUs: [UInt16],
        firstLaneLcore: UInt16,
        segmentFile: String,
        keeperSocket: String,
        ports: [PortConfiguration],
        peers: [Peer]
    ) {
        self.node = node
        self.incarnation = incarnation
        self.hardwareNode = hardwareNode
        self.heapBytes = heapBytes
        self.hugepageBytes = hugepageBytes
        self.laneCPUs = laneCPUs
        self.firstLaneLcore = firstLaneLcore
        self.segmentFile = segmentFile
        self.keeperSocket = keeperSocket
        self.ports = ports
        self.peers = peers
    }
}
