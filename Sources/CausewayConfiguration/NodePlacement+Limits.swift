extension NodePlacement {
    /// The highest `number`; also the highest NUMA node that DPDK's `--socket-mem` can name.
    public static let maximumNumber = 31

    /// The most lanes that a node can have.
    ///
    /// DPDK (as Debian builds it) has 128 lcore ids. The keeper has id 0; a worker and its successor must
    /// not share ids, so that each has one for its control lane and 62 for polling lanes.
    public static let maximumLanes = 62

    /// The hugepage file of one worker's heap in bytes; a warm spare has a heap of its own.
    public var heapCopies: Int { hasSpare ? 2 : 1 }

    /// Buffers that queues and lanes can hold at once.
    ///
    /// A lane may have a frame in work (256) and a full per-lcore cache of DPDK (512 and a half more).
    var heldBuffers: Int {
        ports.reduce(0) { $0 + $1.descriptors } + lanes.count * (256 + 768)
    }

    /// DPDK's memory in bytes.
    public var ealBytes: Int { ealMegabytes << 20 }
}

/// What a node's buffer pool and queues need of DPDK's memory.
public struct EALMemory: Hashable, Sendable, Codable {
    /// Buffers with their headers.
    public var poolBytes: Int
    /// Descriptors of all queues with the drivers' own arrays.
    public var descriptorBytes: Int

    /// Everything else that DPDK and drivers allocate: port and queue state, memory zones, fragmentation.
    public static let overheadBytes = 24 << 20

    /// Bytes of a buffer beside its data: mbuf header 128, mempool object header 64, headroom 128.
    public static let bytesBesideData = 128 + 64 + 128

    /// Bytes a descriptor costs: 16 to 64 in the ring, and the driver's shadow of it.
    public static let bytesPerDescriptor = 128

    /// The least that works in bytes.
    public var neededBytes: Int { poolBytes + descriptorBytes + Self.overheadBytes }

    /// The needs of a node with `ports`.
    public init(buffers: Int, dataBytes: Int, ports: [PortPlacement]) {
        poolBytes = buffers * (Self.bytesBesideData + dataBytes)
        descriptorBytes =
            ports.reduce(0) { $0 + $1.descriptors } * Self.bytesPerDescriptor
    }
}

extension PortPlacement {
    /// Whether DPDK drives the port; a tap is driven natively.
    public var isDPDK: Bool { kind != .tap }

    /// Descriptors of all receive queues; 0 for kinds that have no rings.
    var receiveDescriptors: Int { hasRings ? rxQueues * rxDescriptors : 0 }

    /// Descriptors of all queues; 0 for kinds that have no rings.
    var descriptors: Int { receiveDescriptors + (hasRings ? txQueues * txDescriptors : 0) }

    private var hasRings: Bool { kind == .pci || kind == .vdev }
}
