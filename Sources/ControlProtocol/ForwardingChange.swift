/// What a worker is told to forward by: one step of a journal entry, resolved by the supervisor.
///
/// The supervisor keeps the configuration and works out what it means; a worker only applies. So a
/// worker needs no routing table of its own beside the lookup structure, and every worker does the
/// same.
public enum ForwardingChange: Hashable, Sendable {
    /// Sets interface `record.index` whole.
    case interface(InterfaceRecord)
    /// Sets adjacency `index` whole; it takes effect before routes of the same entry.
    case adjacency(index: UInt32, AdjacencyRecord)
    /// Frees adjacency `index`; nothing refers to it any more.
    case adjacencyRemoved(index: UInt32)
    /// Sets path list `index`: the adjacencies of an ECMP group, one a bucket.
    ///
    /// There are 2...`PathList.maximumBuckets` buckets, a power of two, weights already unrolled.
    case pathList(index: UInt32, buckets: [UInt32])
    /// Frees path list `index`.
    case pathListRemoved(index: UInt32)
    /// Adds or replaces routes.
    case routes([Route])
    /// Takes routes out.
    case routesRemoved([RemovedRoute])
    /// Sets something of a plugin.
    case plugin(PluginSetting)
}

/// An interface as every worker knows it, owner or not.
public struct InterfaceRecord: Hashable, Sendable {
    /// The interface's `sw_if_index`, the same on every NUMA node.
    ///
    /// 1...`maximumIndex`; 0 is `local0`, which has no port.
    public var index: UInt16
    /// The name that commands use.
    public var name: String
    /// The NUMA node (its number in the placement) that has the port.
    public var node: UInt8
    /// Whether the operator set it up.
    public var isUp: Bool
    /// Whether frames to foreign MAC addresses are taken.
    public var isPromiscuous: Bool
    /// The Ethernet address; the first byte on the wire is `mac[0]`.
    public var mac: MACAddress
    /// The largest IP packet in bytes that leaves in one frame.
    public var mtu: UInt16
    /// The interface's IPv4 addresses, first one first.
    public var addresses: [InterfaceAddress]
    /// Where received packets are spread by flow hash; empty: they stay on the lane that received
    /// them.
    public var handoff: HandoffTarget
    /// How lanes look after the interface's receive queues.
    public var rxMode: RxMode
    /// How they look after those queues that have a mode of their own, by the queues' numbers.
    public var queueModes: [UInt16: RxMode] = [:]

    /// The highest index there can be.
    public static let maximumIndex: UInt16 = 255

    /// Makes a record; without more said the interface is down, with no address and no spreading.
    public init(
        index: UInt16,
        name: String,
        node: UInt8,
        isUp: Bool = false,
        isPromiscuous: Bool = false,
        mac: MACAddress,
        mtu: UInt16 = 1500,
        addresses: [InterfaceAddress] = [],
        handoff: HandoffTarget = HandoffTarget(),
        rxMode: RxMode = .polling
    ) {
        self.index = index
        self.name = name
        self.node = node
        self.isUp = isUp
        self.isPromiscuous = isPromiscuous
        self.mac = mac
        self.mtu = mtu
        self.addresses = addresses
        self.handoff = handoff
        self.rxMode = rxMode
    }
}

extension InterfaceRecord {
    /// How lanes look after one receive queue.
    public func rxMode(ofQueue queue: Int) -> RxMode {
        UInt16(exactly: queue).flatMap { queueModes[$0] } ?? rxMode
    }

    /// Sets how lanes look after a receive queue, or after all of them.
    ///
    /// - Parameters:
    ///   - mode: nil: as at first (`polling`), or for one queue: as the interface says.
    ///   - queue: that one alone; nil: all, those with a mode of their own too.
    public mutating func setRxMode(_ mode: RxMode?, queue: Int?) {
        if let queue {
            queueModes[UInt16(clamping: queue)] = mode
        } else {
            rxMode = mode ?? .polling
            queueModes = [:]
        }
    }
}

/// How lanes look after an interface's receive queues.
public enum RxMode: UInt8, Sendable, CaseIterable {
    /// In every turn.
    case polling = 0
    /// When the device calls; a device that cannot is looked at in intervals.
    case interrupt = 1
    /// Polled while there is much to do, else as in `interrupt`.
    case adaptive = 2
}

/// The NUMA nodes among whose lanes an interface's packets are spread.
public struct HandoffTarget: Hashable, Sendable {
    /// Node numbers in the order given; empty: no spreading.
    public var nodes: [UInt8]
    /// Whether both directions of a flow go to the same lane.
    public var isSymmetric: Bool

    /// Makes a target; without nodes, packets stay on the lane that received them.
    public init(nodes: [UInt8] = [], isSymmetric: Bool = false) {
        self.nodes = nodes
        self.isSymmetric = isSymmetric
    }
}

/// An IPv4 address of an interface, with the length of its subnet.
public struct InterfaceAddress: Hashable, Sendable {
    /// The address in host byte order.
    public var address: UInt32
    /// The length of its subnet's prefix, 0...32.
    public var prefixLength: UInt8

    /// Makes an address of its bits in host byte order and a prefix length of 0...32.
    public init(address: UInt32, prefixLength: UInt8) {
        self.address = address
        self.prefixLength = prefixLength
    }
}

/// What is done with a packet whose lookup ended here.
public struct AdjacencyRecord: Hashable, Sendable {
    /// What happens to the packet; each kind has its graph node.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// Drop, counted as such (`via drop`).
        case drop = 0
        /// One of the router's own addresses: `ip4-local`.
        case local = 1
        /// A connected subnet without a neighbour entry: `ip4-glean` asks for the destination.
        case glean = 2
        /// A next hop whose MAC address is not known: `ip4-arp` asks for `nextHop`.
        case arp = 3
        /// A next hop with its MAC address: `ip4-rewrite`.
        case rewrite = 4
        /// Answer "network unreachable".
        case unreachable = 5
        /// Answer "communication administratively prohibited".
        case prohibited = 6
    }

    /// What is done with the packet.
    public var kind: Kind
    /// The interface the packet leaves by (glean, arp, rewrite), else 0.
    public var interface: UInt16
    /// The next hop in host byte order (arp, rewrite), else 0.
    public var nextHop: UInt32
    /// The next hop's Ethernet address (rewrite), else zero.
    public var destination: MACAddress

    /// Makes a record; fields that its kind does not use stay 0.
    public init(
        kind: Kind,
        interface: UInt16 = 0,
        nextHop: UInt32 = 0,
        destination: MACAddress = MACAddress()
    ) {
        self.kind = kind
        self.interface = interface
        self.nextHop = nextHop
        self.destination = destination
    }

    /// The adjacency that every worker has from the start: no route.
    public static let noRouteIndex: UInt32 = 0
}

/// An ECMP group.
public enum PathList {
    /// The most buckets that a group may have.
    public static let maximumBuckets = 64
}

/// Where a prefix leads.
public struct Leaf: Hashable, Sendable {
    /// An adjacency's index, or with `isPathListBit` a path list's.
    public var rawValue: UInt32

    /// Makes a leaf of its 24 bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A leaf that names one adjacency.
    public init(adjacency index: UInt32) { rawValue = index }

    /// A leaf that names an ECMP group.
    public init(pathList index: UInt32) { rawValue = index | Self.isPathListBit }

    /// Set in a leaf that names a path list.
    public static let isPathListBit: UInt32 = 1 << 23
    /// The bits that a leaf may use.
    public static let bitCount = 24
    /// The leaf of an address that no route covers.
    public static let noRoute = Leaf(rawValue: AdjacencyRecord.noRouteIndex)
}

/// A prefix and where it leads.
public struct Route: Hashable, Sendable {
    /// The network in host byte order, its host bits zero.
    public var prefix: UInt32
    /// The prefix's length, 0...32.
    public var length: UInt8
    /// The adjacency or ECMP group that packets to the prefix take.
    public var leaf: Leaf

    /// Makes a route; host bits in `prefix` are the caller's to clear.
    public init(prefix: UInt32, length: UInt8, leaf: Leaf) {
        self.prefix = prefix
        self.length = length
        self.leaf = leaf
    }
}

/// A prefix that is taken out, with the route that covers it afterwards.
public struct RemovedRoute: Hashable, Sendable {
    /// The network in host byte order, its host bits zero.
    public var prefix: UInt32
    /// The prefix's length, 0...32.
    public var length: UInt8
    /// The length of the longest remaining prefix that covers this one.
    ///
    /// It is 0, with the leaf `noRoute`, if there is none.
    public var coverLength: UInt8
    /// Where packets to this prefix go from now on: the covering route's leaf, or `noRoute`.
    public var coverLeaf: Leaf

    /// Makes a removal; host bits in `prefix` are the caller's to clear.
    public init(prefix: UInt32, length: UInt8, coverLength: UInt8, coverLeaf: Leaf) {
        self.prefix = prefix
        self.length = length
        self.coverLength = coverLength
        self.coverLeaf = coverLeaf
    }
}
