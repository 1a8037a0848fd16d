internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Answers echo requests to the router (RFC 792): the request becomes the reply in place.
public struct ICMPEchoRequest: Node {
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

    /// Drop reasons; `replies` counts what was answered.
    public enum Reason: UInt16, DropReason {
        case replies, checksum

        /// What `show errors` prints.
        public static var information: [Self] { [.replies] }

        /// The text that `show errors` prints.
        public var text: String {
            switch self {
            case .replies: "echo replies sent"
            case .checksum: "bad icmp checksum"
            }
        }
    }

    /// The graph node's name.
    public static let name = "ip4-icmp-echo-request"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    /// The TTL of a reply.
    public static let timeToLive: UInt8 = 64

    private let errors: UnsafeMutablePointer<UInt64>

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>) {
        errors = context.pointee.block.errors
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let base = frame.output.errorBase
        var replies: UInt64 = 0
        frame.route { mbuf in
            guard Self.answer(mbuf) else {
                mbuf.error = base &+ Reason.checksum.rawValue
                return .drop
            }
            replies &+= 1
            return .lookup
        }
        errors[Int(base &+ Reason.replies.rawValue)] &+= replies
    }

    @inline(__always)
    private static func answer(_ mbuf: Mbuf) -> Bool {
        let header = IPv4Header(mbuf)
        let message = header.base + header.headerBytes
        let bytes = mbuf.length &- header.headerBytes
        let sum = InternetChecksum.sum(message, count: bytes)
        guard InternetChecksum.fold(sum) == 0xFFFF else { return false }
        // Type 8 becomes 0, the low byte of its word in memory; the old checksum is in the word
        // after it. An exact sum, because the message may now be all zero, of which RFC 1624 makes
        // a checksum that does not hold.
        let checksum = (message + 2).loadUnaligned(as: UInt16.self)
        let rest = sum &- 8 &- UInt64(checksum) &<< 16
        message.storeBytes(of: 0, as: UInt8.self)
        (message + 2).storeBytes(of: ~InternetChecksum.fold(rest), as: UInt16.self)
        let source = header.source
        header.source = header.destination
        header.destination = source
        let word = (header.base + 8).loadUnaligned(as: UInt16.self)
        let newWord = word & 0xFF00 | UInt16(timeToLive)
        (header.base + 8).storeBytes(of: newWord, as: UInt16.self)
        header.checksum = InternetChecksum.update(
            header.checksum,
            from: UInt32(word),
            to: UInt32(newWord)
        )
        mbuf.flags |= MbufFlags.local
        return true
    }
}
