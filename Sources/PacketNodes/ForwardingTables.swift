/// One generation of what a worker forwards by, as lanes see it: immutable, in the worker's heap.
///
/// The control lane builds a generation whole, publishes its address (`LaneContext.published`), and
/// frees the one before after every lane has picked the new one up at the top of its loop. The FIB
/// alone is changed in place, word by word, and its leaves name only adjacencies of generations
/// that every lane has.
@frozen
public struct ForwardingTables {
    /// Counts generations, from 1.
    public var generation: UInt64
    /// Changes whenever a neighbour became known: packets held for one are looked up again.
    public var neighbourEpoch: UInt64
    /// Indexed by `sw_if_index`: `interfaceLimit` entries.
    public var interfaces: UnsafePointer<InterfaceEntry>
    /// The addresses of all interfaces; an interface names its run.
    public var addresses: UnsafePointer<AddressEntry>
    /// The adjacencies by index, `adjacencyCount` of them; entry 0 is that of no route.
    public var adjacencies: UnsafePointer<AdjacencyEntry>
    /// The number of entries of `adjacencies`, at least 1.
    public var adjacencyCount: UInt32
    /// The number of entries of `pathLists`, which may be 0.
    public var pathListCount: UInt32
    /// The ECMP groups by index; unused entries lead to adjacency 0.
    public var pathLists: UnsafePointer<PathListEntry>
    /// The lanes (numbered through all nodes) that packets are spread over; an interface names its
    /// run.
    public var handoffLanes: UnsafePointer<UInt16>
    /// The receive queues that are looked after in another way than their interface's flags say,
    /// `queueModeCount` of them.
    public var queueModes: UnsafePointer<QueueModeEntry>
    /// The number of entries of `queueModes`, usually 0.
    public var queueModeCount: UInt32

    /// The number of entries of `interfaces`.
    public static let interfaceLimit = 256

    /// Makes a generation of tables that lie in memory already.
    public init(
        generation: UInt64,
        neighbourEpoch: UInt64,
        interfaces: UnsafePointer<InterfaceEntry>,
        addresses: UnsafePointer<AddressEntry>,
        adjacencies: UnsafePointer<AdjacencyEntry>,
        adjacencyCount: UInt32,
        pathLists: UnsafePointer<PathListEntry>,
        pathListCount: UInt32,
        handoffLanes: UnsafePointer<UInt16>,
        queueModes: UnsafePointer<QueueModeEntry>,
        queueModeCount: UInt32
    ) {
        self.generation = generation
        self.neighbourEpoch = neighbourEpoch
        self.interfaces = interfaces
        self.addresses = addresses
        self.adjacencies = adjacencies
        self.adjacencyCount = adjacencyCount
        self.pathLists = pathLists
        self.pathListCount = pathListCount
        self.handoffLanes = handoffLanes
        self.queueModes = queueModes
        self.queueModeCount = queueModeCount
    }

    /// How a receive queue is looked after: `InterfaceEntry.rxInterrupt`, `.rxAdaptive`, or neither if it
    /// is polled; not for every packet.
    public func rxFlags(interface index: UInt16, queue: UInt16) -> UInt16 {
        for position in 0..<Int(queueModeCount) {
            let entry = queueModes[position]
            if entry.interface == index, entry.queue == queue { return entry.flags }
        }
        return interface(index).pointee.flags
            & (InterfaceEntry.rxInterrupt | InterfaceEntry.rxAdaptive)
    }

    /// The entry of an interface.
    ///
    /// - Parameter index: any value; those beyond the table read entry 0, which is down.
    /// - Returns: an entry that stays valid as long as this generation.
    @inlinable @inline(__always)
    public func interface(_ index: UInt16) -> UnsafePointer<InterfaceEntry> {
        interfaces + (Int(index) < Self.interfaceLimit ? Int(index) : 0)
    }

    /// An adjacency; for an index beyond the table entry 0, that of no route.
    @inlinable @inline(__always)
    public func adjacency(_ index: UInt32) -> UnsafePointer<AdjacencyEntry> {
        adjacencies + (index < adjacencyCount ? Int(index) : 0)
    }

    /// The adjacency that a flow has in an ECMP group; entry 0 for a group beyond the table.
    @inlinable @inline(__always)
    func bucket(_ index: UInt32, _ hash: UInt32) -> UInt32 {
        guard index < pathListCount else { return 0 }
        let list = pathLists + Int(index)
        return list.pointee.buckets[Int(hash & list.pointee.mask)]
    }
}

/// An interface as the data path sees it; 32 bytes.
@frozen
public struct InterfaceEntry {
    /// The MAC address as the first six bytes in memory would read as a little-endian integer.
    public var mac: UInt64
    /// The largest IP packet in bytes that leaves in one frame.
    public var mtu: UInt16
    /// Flags: `InterfaceEntry.up`, `.promiscuous`, `.symmetricHandoff`, `.handsOver`, `.hasFeatures`.
    public var flags: UInt16
    /// Where the run of its addresses starts in `ForwardingTables.addresses`.
    public var addressOffset: UInt16
    /// How many addresses it has; 0: none.
    public var addressCount: UInt16
    /// Where the lanes that its packets are spread over start in `ForwardingTables.handoffLanes`.
    public var handoffOffset: UInt16
    /// How many lanes those are; 0: packets stay on the lane that received them.
    public var handoffCount: UInt16
    /// The NUMA node that has the port.
    public var node: UInt8
    /// Unused, zero: brings the next field to a multiple of 8 bytes.
    public var padding: (UInt8, UInt8, UInt8)
    /// A bit for each feature of `ip4-unicast` that its packets pass.
    public var features: UInt64

    /// In `flags`: the operator set the interface up.
    public static let up: UInt16 = 1
    /// In `flags`: frames to foreign MAC addresses are taken.
    public static let promiscuous: UInt16 = 2
    /// In `flags`: both directions of a flow are spread to the same lane.
    public static let symmetricHandoff: UInt16 = 4
    /// In `flags`: `handoffCount` is not 0.
    public static let handsOver: UInt16 = 8
    /// In `flags`: `features` is not 0.
    public static let hasFeatures: UInt16 = 16
    /// In `flags`: packets do not all go the straight way from `ethernet-input`.
    static let detours: UInt16 = handsOver | hasFeatures
    /// In `flags`: its queues are looked at when they call, or by themselves and by calls in turn.
    public static let rxInterrupt: UInt16 = 32
    /// See `rxInterrupt`.
    public static let rxAdaptive: UInt16 = 64

    /// Makes an entry; without more said the interface is down, with no address and no spreading.
    public init(
        mac: UInt64 = 0,
        mtu: UInt16 = 0,
        flags: UInt16 = 0,
        addressOffset: UInt16 = 0,
        addressCount: UInt16 = 0,
        handoffOffset: UInt16 = 0,
        handoffCount: UInt16 = 0,
        node: UInt8 = 0,
        features: UInt64 = 0
    ) {
        self.mac = mac
        self.mtu = mtu
        self.flags =
            flags | (handoffCount > 0 ? Self.handsOver : 0) | (features != 0 ? Self.hasFeatures : 0)
        self.addressOffset = addressOffset
        self.addressCount = addressCount
        self.handoffOffset = handoffOffset
        self.handoffCount = handoffCount
        self.node = node
        padding = (0, 0, 0)
        self.features = features
    }

    /// Whether the operator set it up.
    @inlinable @inline(__always)
    public var isUp: Bool { flags & Self.up != 0 }
}

/// A receive queue that has a mode of its own.
@frozen
public struct QueueModeEntry {
    /// The `sw_if_index` of its interface.
    public var interface: UInt16
    /// The queue's number.
    public var queue: UInt16
    /// `InterfaceEntry.rxInterrupt`, `.rxAdaptive`, or 0: polled.
    public var flags: UInt16

    /// Makes an entry of its parts.
    public init(interface: UInt16, queue: UInt16, flags: UInt16) {
        self.interface = interface
        self.queue = queue
        self.flags = flags
    }
}

/// An interface's IPv4 address.
@frozen
public struct AddressEntry {
    /// The address in host byte order.
    public var address: UInt32
    /// Its subnet's mask in host byte order, ones from the top.
    public var mask: UInt32

    /// Makes an entry of an address and its subnet's mask.
    public init(address: UInt32, mask: UInt32) {
        self.address = address
        self.mask = mask
    }
}

/// What is done with a packet whose lookup ended here; 32 bytes, two to a cache line.
@frozen
public struct AdjacencyEntry {
    /// Bytes 0...7 of the Ethernet header to put in front (rewrite), as they lie in memory.
    public var headerHead: UInt64
    /// Bytes 6...13 of that header, as they lie in memory.
    public var headerTail: UInt64
    /// The address to ask for (arp), in host byte order; 0 for a glean: the packet's destination.
    public var nextHop: UInt32
    /// The `sw_if_index` that the packet leaves by (glean, arp, rewrite); 0: none.
    public var txInterface: UInt16
    /// That interface's MTU: bytes of the largest IP packet in one frame; 0 without an interface.
    public let mtu: UInt16
    /// The exit of `ip4-lookup` (`IPv4Lookup.Next`).
    public let exit: UInt16
    /// The raw value of `ControlProtocol.AdjacencyRecord.Kind`.
    public var kind: UInt8
    /// Unused, zero.
    public var padding: UInt8
    /// The longest Ethernet frame in bytes that goes out as it is behind this adjacency; 0: every packet needs
    /// more than a new header.
    @usableFromInline let frameLimit: UInt16
    /// Unused, zero: brings the entry to 32 bytes.
    @usableFromInline let morePadding: UInt16 = 0

    /// Makes an entry; fields that its kind does not use stay 0.
    public init(
        headerHead: UInt64 = 0,
        headerTail: UInt64 = 0,
        nextHop: UInt32 = 0,
        txInterface: UInt16 = 0,
        mtu: UInt16 = 0,
        exit: UInt16 = 0,
        kind: UInt8 = 0
    ) {
        self.headerHead = headerHead
        self.headerTail = headerTail
        self.nextHop = nextHop
        self.txInterface = txInterface
        self.mtu = mtu
        self.exit = exit
        self.kind = kind
        padding = 0
        let limit = Int(mtu) + EthernetHeader.byteCount
        frameLimit = exit == IPv4Lookup.Next.rewrite.rawValue ? UInt16(clamping: limit) : 0
    }
}

/// An ECMP group: adjacency indices, one a bucket.
@frozen
public struct PathListEntry {
    /// The adjacencies; `mask + 1` of them.
    public var buckets: UnsafePointer<UInt32>
    /// The number of buckets, a power of two, less one.
    public var mask: UInt32

    /// Makes a group of `mask + 1` buckets, which outlive the entry.
    public init(buckets: UnsafePointer<UInt32>, mask: UInt32) {
        self.buckets = buckets
        self.mask = mask
    }
}
