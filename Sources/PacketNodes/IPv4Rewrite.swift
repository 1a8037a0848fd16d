internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Forwards: takes one off the TTL, checks the size, and puts the next hop's Ethernet header in
/// front.
///
/// A packet that is to be answered or cut up leaves as it came: nothing is changed before all is
/// checked.
public struct IPv4Rewrite: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case interfaceOutput, icmpError, fragment, drop

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .interfaceOutput: "interface-output"
            case .icmpError: "ip4-icmp-error"
            case .fragment: "ip4-frag"
            case .drop: "error-drop"
            }
        }
    }

    /// Drop reasons, and what is counted on the way to `ip4-icmp-error`.
    public enum Reason: UInt16, DropReason {
        case timeExpired, tooLong, localTooLong, noHeadroom

        /// What `show errors` prints.
        public var text: String {
            switch self {
            case .timeExpired: "ip4 ttl <= 1"
            case .tooLong: "ip4 MTU exceeded and DF set"
            case .localTooLong: "ip4 own packet, MTU exceeded and DF set"
            case .noHeadroom: "no room for the ethernet header"
            }
        }
    }

    /// The graph node's name.
    public static let name = "ip4-rewrite"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    private let context: UnsafeMutablePointer<LaneContext>

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>) { self.context = context }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let tables = context.pointee.tables.pointee
        let base = frame.output.errorBase
        let errors = context.pointee.block.errors
        frame.route { mbuf in Self.next(mbuf, tables, base, errors) }
    }

    @inline(__always)
    private static func next(
        _ mbuf: Mbuf,
        _ tables: ForwardingTables,
        _ base: UInt16,
        _ errors: UnsafeMutablePointer<UInt64>
    ) -> Next {
        let header = IPv4Header(mbuf)
        let adjacency = tables.adjacency(mbuf.adjacency)
        let isLocal = mbuf.flags & MbufFlags.local != 0
        let timeToLive = header.timeToLive
        guard isLocal || timeToLive > 1 else {
            errors[Int(base &+ Reason.timeExpired.rawValue)] &+= 1
            mbuf.reply = .timeExceeded
            return .icmpError
        }
        guard mbuf.length <= Int(adjacency.pointee.mtu) else {
            return tooLong(mbuf, adjacency.pointee.mtu, base, errors)
        }
        guard mbuf.headroom >= EthernetHeader.byteCount else {
            mbuf.error = base &+ Reason.noHeadroom.rawValue
            return .drop
        }
        if !isLocal {
            // The TTL is the low byte of its word in memory.
            header.timeToLive = timeToLive &- 1
            header.checksum = InternetChecksum.update(header.checksum, decrease: 1)
        }
        let front = header.base - EthernetHeader.byteCount
        front.storeBytes(of: adjacency.pointee.headerHead, as: UInt64.self)
        (front + 6).storeBytes(of: adjacency.pointee.headerTail, as: UInt64.self)
        mbuf.advance(-EthernetHeader.byteCount)
        mbuf.txInterface = adjacency.pointee.txInterface
        return .interfaceOutput
    }

    @inline(never)
    private static func tooLong(
        _ mbuf: Mbuf,
        _ mtu: UInt16,
        _ base: UInt16,
        _ errors: UnsafeMutablePointer<UInt64>
    ) -> Next {
        guard IPv4Header(mbuf).fragment & IPv4Flags.dontFragment != 0 else { return .fragment }
        guard mbuf.flags & MbufFlags.local == 0 else {
            mbuf.error = base &+ Reason.localTooLong.rawValue
            return .drop
        }
        errors[Int(base &+ Reason.tooLong.rawValue)] &+= 1
        mbuf.reply = .fragmentationNeeded(mtu: mtu)
        return .icmpError
    }
}
