internal import ControlProtocol
internal import Coordination
internal import Forwarding
internal import PacketBuffers
public import PacketGraph

/// Finds the adjacency for each packet's destination and sends it where that says.
///
/// Three passes over the frame: gather the destinations, look all of them up with their cache
/// misses overlapped, then pick adjacencies, by flow hash where the route has several next hops.
public struct IPv4Lookup: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case drop, rewrite, local, glean, arp, icmpError

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .drop: "error-drop"
            case .rewrite: "ip4-rewrite"
            case .local: "ip4-local"
            case .glean: "ip4-glean"
            case .arp: "ip4-arp"
            case .icmpError: "ip4-icmp-error"
            }
        }
    }

    /// Drop reasons, and what is counted on the way to `ip4-icmp-error`.
    public enum Reason: UInt16, DropReason {
        case dropRoute, noRoute, unreachable, prohibited

        /// What `show errors` prints.
        public var text: String {
            switch self {
            case .dropRoute: "ip4 adjacency drop"
            case .noRoute: "ip4 destination lookup miss"
            case .unreachable: "ip4 unreachable route"
            case .prohibited: "ip4 prohibited route"
            }
        }
    }

    /// The graph node's name.
    public static let name = "ip4-lookup"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    private let context: UnsafeMutablePointer<LaneContext>
    /// The destinations of a frame, and their leaves.
    private let destinations: UnsafeMutablePointer<UInt32>
    private let leaves: UnsafeMutablePointer<UInt32>

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>) {
        self.context = context
        destinations = .allocate(capacity: frameCapacity)
        destinations.initialize(repeating: 0, count: frameCapacity)
        leaves = .allocate(capacity: frameCapacity)
        leaves.initialize(repeating: 0, count: frameCapacity)
    }

    /// The exit for adjacencies of a kind, for whoever builds `AdjacencyEntry`.
    ///
    /// - Parameter kind: `ControlProtocol.AdjacencyRecord.Kind`; anything else drops.
    /// - Returns: for `AdjacencyEntry.exit`.
    public static func exit(for kind: UInt8) -> UInt16 {
        switch AdjacencyRecord.Kind(rawValue: kind) {
        case .local: Next.local.rawValue
        case .glean: Next.glean.rawValue
        case .arp: Next.arp.rawValue
        case .rewrite: Next.rewrite.rawValue
        case .unreachable, .prohibited: Next.icmpError.rawValue
        case .drop, nil: Next.drop.rawValue
        }
    }

    /// The adjacency of destinations that no route covers: entry 0 of every table.
    ///
    /// Such packets are answered "network unreachable".
    public static var noRoute: AdjacencyEntry {
        let kind = AdjacencyRecord.Kind.unreachable.rawValue
        return AdjacencyEntry(exit: exit(for: kind), kind: kind)
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let (destinations, leaves) = (destinations, leaves)
        let count = frame.count
        frame.visit { index, mbuf in
            destinations[index] = IPv4Header(mbuf).destination
        }
        context.pointee.fib.lookup(addresses: destinations, leaves: leaves, count: count)
        let tables = context.pointee.tables.pointee
        let base = frame.output.errorBase
        for index in 0..<count {
            let mbuf = frame.mbufs[index]
            var leaf = leaves[index]
            if leaf & Leaf.isPathListBit != 0 {
                let hash = FlowHash.hash(mbuf)
                mbuf.flowHash = hash
                leaf = tables.bucket(leaf & ~Leaf.isPathListBit, hash)
            }
            let adjacency = tables.adjacency(leaf)
            mbuf.adjacency = leaf
            mbuf.txInterface = adjacency.pointee.txInterface
            let exit = adjacency.pointee.exit
            frame.nexts[index] = exit
            if exit == Next.drop.rawValue {
                mbuf.error = base &+ Reason.dropRoute.rawValue
            } else if exit == Next.icmpError.rawValue {
                answer(mbuf, leaf, adjacency.pointee.kind, base)
            }
        }
    }

    @inline(never)
    private func answer(_ mbuf: Mbuf, _ index: UInt32, _ kind: UInt8, _ base: UInt16) {
        let isProhibited = kind == AdjacencyRecord.Kind.prohibited.rawValue
        mbuf.reply = isProhibited ? .prohibited : .networkUnreachable
        let reason: Reason =
            isProhibited
            ? .prohibited : index == AdjacencyRecord.noRouteIndex ? .noRoute : .unreachable
        context.pointee.block.errors[Int(base &+ reason.rawValue)] &+= 1
    }
}
