internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Checks IPv4 headers (RFC 1812, 5.2.2), drops addresses that no packet on a wire may carry
/// (5.3.7), and cuts the padding of short Ethernet frames off.
public struct IPv4Input: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case lookup, icmpError, drop

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .lookup: "ip4-lookup"
            case .icmpError: "ip4-icmp-error"
            case .drop: "error-drop"
            }
        }
    }

    /// Drop reasons.
    public enum Reason: UInt16, DropReason {
        case tooShort, version, headerTooShort, headerTooLong, checksum, totalTooShort, totalTooLong
        case fragmentOffsetOne, timeExpired, sourceNotHost, multicast, broadcast, destinationNotHost
        case groupFrame

        /// What `show errors` prints.
        public var text: String {
            switch self {
            case .tooShort: "ip4 length < 20 bytes"
            case .version: "ip4 version != 4"
            case .headerTooShort: "ip4 IHL < 5"
            case .headerTooLong: "ip4 header length > packet length"
            case .checksum: "bad ip4 checksum"
            case .totalTooShort: "ip4 total length < header length"
            case .totalTooLong: "ip4 length > l2 length"
            case .fragmentOffsetOne: "ip4 fragment offset == 1"
            case .timeExpired: "ip4 ttl < 1"
            case .sourceNotHost: "ip4 source address is no host's"
            case .multicast: "ip4 multicast destination"
            case .broadcast: "ip4 limited broadcast destination"
            case .destinationNotHost: "ip4 destination address is no host's"
            case .groupFrame: "ip4 unicast in a broadcast or multicast frame"
            }
        }
    }

    /// The graph node's name.
    public static let name = "ip4-input"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    private let errors: UnsafeMutablePointer<UInt64>

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>) {
        errors = context.pointee.block.errors
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let base = frame.output.errorBase
        let errors = errors
        frame.route { mbuf in Self.next(mbuf, base, errors) }
    }

    @inline(__always)
    private static func next(
        _ mbuf: Mbuf,
        _ base: UInt16,
        _ errors: UnsafeMutablePointer<UInt64>
    ) -> Next {
        let length = mbuf.length
        guard length >= IPv4Header.minimumBytes else { return drop(mbuf, .tooShort, base) }
        let header = IPv4Header(mbuf)
        guard hasRightChecksum(header, length) else { return refuse(mbuf, base) }
        let total = header.totalLength
        guard total >= header.headerBytes else { return drop(mbuf, .totalTooShort, base) }
        guard total <= length else { return drop(mbuf, .totalTooLong, base) }
        if total < length { mbuf.setLength(total) }
        guard header.fragment & IPv4Flags.offsetMask != 1 else {
            return drop(mbuf, .fragmentOffsetOne, base)
        }
        guard IPv4AddressClass.isHost(header.source), IPv4AddressClass.isHost(header.destination),
            !mbuf.cameToGroup
        else { return refuseAddress(mbuf, base) }
        guard header.timeToLive >= 1 else {
            errors[Int(base &+ Reason.timeExpired.rawValue)] &+= 1
            mbuf.reply = .timeExceeded
            return .icmpError
        }
        return .lookup
    }

    /// Whether version and header length are possible and the checksum is right.
    @inline(__always)
    private static func hasRightChecksum(_ header: IPv4Header, _ length: Int) -> Bool {
        if header.versionAndLength == 0x45 {
            return InternetChecksum.fold(InternetChecksum.sumOfHeader(header.base)) == 0xFFFF
        }
        return hasRightChecksumWithOptions(header, length)
    }

    @inline(never)
    private static func hasRightChecksumWithOptions(_ header: IPv4Header, _ length: Int) -> Bool {
        let bytes = header.headerBytes
        return header.versionAndLength &>> 4 == 4 && bytes >= IPv4Header.minimumBytes
            && bytes <= length
            && InternetChecksum.fold(InternetChecksum.sum(header.base, count: bytes)) == 0xFFFF
    }

    @inline(never)
    private static func refuse(_ mbuf: Mbuf, _ base: UInt16) -> Next {
        let header = IPv4Header(mbuf)
        guard header.versionAndLength &>> 4 == 4 else { return drop(mbuf, .version, base) }
        guard header.headerBytes >= IPv4Header.minimumBytes else {
            return drop(mbuf, .headerTooShort, base)
        }
        guard header.headerBytes <= mbuf.length else { return drop(mbuf, .headerTooLong, base) }
        return drop(mbuf, .checksum, base)
    }

    @inline(never)
    private static func refuseAddress(_ mbuf: Mbuf, _ base: UInt16) -> Next {
        let header = IPv4Header(mbuf)
        guard IPv4AddressClass.isHost(header.source) else {
            return drop(mbuf, .sourceNotHost, base)
        }
        if IPv4AddressClass.isMulticast(header.destination) { return drop(mbuf, .multicast, base) }
        if header.destination == .max { return drop(mbuf, .broadcast, base) }
        guard IPv4AddressClass.isHost(header.destination) else {
            return drop(mbuf, .destinationNotHost, base)
        }
        return drop(mbuf, .groupFrame, base)
    }

    @inline(__always)
    private static func drop(_ mbuf: Mbuf, _ reason: Reason, _ base: UInt16) -> Next {
        mbuf.error = base &+ reason.rawValue
        return .drop
    }
}
