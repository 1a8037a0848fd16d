internal import ControlProtocol
internal import Coordination
internal import Forwarding
internal import PacketBuffers
public import PacketGraph

/// Takes packets to the router's own addresses: echo requests are answered, other protocols
/// refused.
public struct IPv4Local: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case echoRequest, icmpError, drop

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .echoRequest: "ip4-icmp-echo-request"
            case .icmpError: "ip4-icmp-error"
            case .drop: "error-drop"
            }
        }
    }

    /// Drop reasons, and what is counted on the way to `ip4-icmp-error`.
    public enum Reason: UInt16, DropReason {
        case broadcast, spoofed, fragment, icmpTooShort, echoReply, icmpErrorMessage, icmpType
        case udpLength, tcpLength, noListener, unknownProtocol

        /// What `show errors` prints.
        public var text: String {
            switch self {
            case .broadcast: "ip4 directed broadcast"
            case .spoofed: "ip4 spoofed local-address packet drops"
            case .fragment: "ip4 local fragments are not reassembled"
            case .icmpTooShort: "icmp packet too short"
            case .echoReply: "icmp echo reply nobody waits for"
            case .icmpErrorMessage: "icmp error message to the router"
            case .icmpType: "unknown icmp type"
            case .udpLength: "inconsistent udp/ip lengths"
            case .tcpLength: "inconsistent tcp/ip lengths"
            case .noListener: "no listener for tcp or udp port"
            case .unknownProtocol: "unknown ip protocol"
            }
        }
    }

    /// The graph node's name.
    public static let name = "ip4-local"
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
        let fib = context.pointee.fib
        let base = frame.output.errorBase
        let errors = context.pointee.block.errors
        frame.route { mbuf in
            let header = IPv4Header(mbuf)
            if tables.isBroadcast(header.destination, interface: mbuf.rxInterface),
                !tables.owns(header.destination, interface: mbuf.rxInterface)
            {
                return Self.drop(mbuf, .broadcast, base)
            }
            guard !Self.isOwn(header.source, tables, fib) else {
                return Self.drop(mbuf, .spoofed, base)
            }
            guard header.fragment & (IPv4Flags.moreFragments | IPv4Flags.offsetMask) == 0 else {
                return Self.drop(mbuf, .fragment, base)
            }
            return Self.deliver(mbuf, header, base, errors)
        }
    }

    private static func isOwn(
        _ address: UInt32,
        _ tables: ForwardingTables,
        _ fib: FibReader
    ) -> Bool {
        let leaf = fib.lookup(address)
        return leaf & Leaf.isPathListBit == 0
            && tables.adjacency(leaf).pointee.kind == AdjacencyRecord.Kind.local.rawValue
    }

    private static func deliver(
        _ mbuf: Mbuf,
        _ header: IPv4Header,
        _ base: UInt16,
        _ errors: UnsafeMutablePointer<UInt64>
    ) -> Next {
        let offset = header.headerBytes
        let payload = mbuf.length &- offset
        switch header.protocolNumber {
        case IPProtocol.icmp:
            guard payload >= 8 else { return drop(mbuf, .icmpTooShort, base) }
            return deliverICMP(mbuf, type: mbuf.load(UInt8.self, at: offset), base)
        case IPProtocol.udp:
            guard payload >= 8 else { return drop(mbuf, .udpLength, base) }
            let length = Int(mbuf.loadBigEndian(UInt16.self, at: offset &+ 4))
            guard length >= 8, length <= payload else { return drop(mbuf, .udpLength, base) }
            return answer(mbuf, .portUnreachable, .noListener, base, errors)
        case IPProtocol.tcp:
            guard payload >= 20 else { return drop(mbuf, .tcpLength, base) }
            return answer(mbuf, .portUnreachable, .noListener, base, errors)
        default:
            return answer(mbuf, .protocolUnreachable, .unknownProtocol, base, errors)
        }
    }

    private static func deliverICMP(_ mbuf: Mbuf, type: UInt8, _ base: UInt16) -> Next {
        switch type {
        case 8: .echoRequest
        case 0: drop(mbuf, .echoReply, base)
        case 3, 4, 5, 11, 12: drop(mbuf, .icmpErrorMessage, base)
        default: drop(mbuf, .icmpType, base)
        }
    }

    private static func answer(
        _ mbuf: Mbuf,
        _ reply: ICMPReply,
        _ reason: Reason,
        _ base: UInt16,
        _ errors: UnsafeMutablePointer<UInt64>
    ) -> Next {
        errors[Int(base &+ reason.rawValue)] &+= 1
        mbuf.reply = reply
        return .icmpError
    }

    @inline(__always)
    private static func drop(_ mbuf: Mbuf, _ reason: Reason, _ base: UInt16) -> Next {
        mbuf.error = base &+ reason.rawValue
        return .drop
    }
}
