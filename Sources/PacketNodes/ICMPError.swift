internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Answers packets with ICMP error messages: `Mbuf.nextHop` says which (`ICMPReply`).
///
/// Nothing is said about what RFC 1812, 4.3.2.7 forbids to answer, and no more than one message a
/// sender and destination every 10 us.
public struct ICMPError: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case lookup, drop

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .lookup: "ip4-lookup"
            case .drop: "error-drop"
            }
        }
    }

    /// Drop reasons; the first two count messages.
    public enum Reason: UInt16, DropReason {
        case unreachableSent, timeExceededSent, ownPacket, aboutError, aboutFragment, aboutBroadcast
        case sourceNotHost, throttled, noSourceAddress, noHeadroom

        /// What `show errors` prints.
        public static var information: [Self] { [.unreachableSent, .timeExceededSent] }

        /// The text that `show errors` prints.
        public var text: String {
            switch self {
            case .unreachableSent: "destination unreachable response sent"
            case .timeExceededSent: "ttl exceeded response sent"
            case .ownPacket: "no error message about an own packet"
            case .aboutError: "no error message about an error message"
            case .aboutFragment: "no error message about a later fragment"
            case .aboutBroadcast: "no error message about a broadcast"
            case .sourceNotHost: "no error message to an address that is no host's"
            case .throttled: "error message throttled"
            case .noSourceAddress: "no source address for the error message"
            case .noHeadroom: "no room for the error message"
            }
        }
    }

    /// The graph node's name.
    public static let name = "ip4-icmp-error"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    /// The most bytes of a message, IPv4 header included.
    public static let maximumBytes = 576
    /// Messages to a sender about a destination are at least this far apart, in microseconds.
    public static let throttleMicroseconds: UInt64 = 10

    /// An IPv4 header and an ICMP header.
    private static let headerBytes = 28

    private let context: UnsafeMutablePointer<LaneContext>
    private var throttle: Throttle

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>) {
        self.context = context
        throttle = Throttle(
            period: context.pointee.hertz / 1_000_000 * Self.throttleMicroseconds
        )
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let tables = context.pointee.tables.pointee
        let errors = context.pointee.block.errors
        for index in 0..<frame.count {
            let mbuf = frame.mbufs[index]
            if let reason = answer(mbuf, tables) {
                mbuf.error = frame.error(reason.rawValue)
                frame.nexts[index] = Next.drop.rawValue
            } else {
                let sent: Reason = mbuf.reply.type == 3 ? .unreachableSent : .timeExceededSent
                errors[Int(frame.error(sent.rawValue))] &+= 1
                frame.nexts[index] = Next.lookup.rawValue
            }
        }
    }

    /// Turns a packet into the message about it, or says why not.
    private mutating func answer(_ mbuf: Mbuf, _ tables: ForwardingTables) -> Reason? {
        let header = IPv4Header(mbuf)
        if let reason = Self.refusal(mbuf, header, tables) { return reason }
        let sender = header.source
        let interface = mbuf.rxInterface
        guard let source = tables.sourceAddress(towards: sender, interface: interface) else {
            return .noSourceAddress
        }
        let context = context
        let key = UInt64(sender) &<< 32 | UInt64(header.destination)
        let isThrottled = throttle.refuses(key, now: context.pointee.now) {
            context.pointee.random()
        }
        if isThrottled { return .throttled }
        guard mbuf.headroom >= Self.headerBytes else { return .noHeadroom }
        Self.write(
            mbuf,
            from: source,
            to: sender,
            identification: UInt16(truncatingIfNeeded: context.pointee.random())
        )
        return nil
    }

    private static func refusal(
        _ mbuf: Mbuf,
        _ header: IPv4Header,
        _ tables: ForwardingTables
    ) -> Reason? {
        if mbuf.flags & MbufFlags.local != 0 { return .ownPacket }
        if header.fragment & IPv4Flags.offsetMask != 0 { return .aboutFragment }
        if header.protocolNumber == IPProtocol.icmp, !isQuery(mbuf, header) { return .aboutError }
        guard IPv4AddressClass.isHost(header.source),
            !tables.isBroadcast(header.source, interface: mbuf.rxInterface)
        else { return .sourceNotHost }
        let destination = header.destination
        let isOwn = tables.owns(destination, interface: mbuf.rxInterface)
        if !IPv4AddressClass.isHost(destination) || mbuf.cameToGroup
            || (!isOwn && tables.isBroadcast(destination, interface: mbuf.rxInterface))
        {
            return .aboutBroadcast
        }
        return nil
    }

    /// Whether an ICMP message is a query or its answer, which is what errors may be reported
    /// about.
    private static func isQuery(_ mbuf: Mbuf, _ header: IPv4Header) -> Bool {
        let offset = header.headerBytes
        guard mbuf.length > offset else { return false }
        switch mbuf.load(UInt8.self, at: offset) {
        case 0, 8, 13...18: return true
        default: return false
        }
    }

    private static func write(
        _ mbuf: Mbuf,
        from source: UInt32,
        to destination: UInt32,
        identification: UInt16
    ) {
        let reply = mbuf.reply
        if mbuf.length > maximumBytes &- headerBytes {
            mbuf.setLength(maximumBytes &- headerBytes)
        }
        mbuf.advance(-headerBytes)
        let header = IPv4Header(mbuf)
        // Precedence "internetwork control" (RFC 1812, 4.3.2.5).
        mbuf.storeBigEndian(UInt16(0x45C0), at: 0)
        header.totalLength = mbuf.length
        header.identification = identification
        header.fragment = 0
        mbuf.storeBigEndian(UInt16(0xFF01), at: 8)
        header.source = source
        header.destination = destination
        header.refreshChecksum()
        mbuf.storeBigEndian(UInt16(reply.type) &<< 8 | UInt16(reply.code), at: 20)
        mbuf.store(UInt16(0), at: 22)
        mbuf.storeBigEndian(UInt32(reply.mtu), at: 24)
        let sum = InternetChecksum.sum(header.base + 20, count: mbuf.length &- 20)
        mbuf.store(~InternetChecksum.fold(sum), at: 22)
        mbuf.flags |= MbufFlags.local
        // What was in front of the packet is overwritten.
        mbuf.l3Offset = 0
    }
}
