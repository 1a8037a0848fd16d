internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Cuts packets that are too long for their adjacency into fragments (RFC 791), each in a buffer of
/// its own.
///
/// The fragments go back to `ip4-rewrite`, which forwards them as it does packets that fit.
public struct IPv4Fragment: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case rewrite, drop

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .rewrite: "ip4-rewrite"
            case .drop: "error-drop"
            }
        }
    }

    /// Drop reasons; the first two count packets and fragments.
    public enum Reason: UInt16, DropReason {
        case packets, fragments, mtuTooSmall, tooMany, noBuffer

        /// What `show errors` prints.
        public static var information: [Self] { [.packets, .fragments] }

        /// The text that `show errors` prints.
        public var text: String {
            switch self {
            case .packets: "packets fragmented"
            case .fragments: "fragments sent"
            case .mtuTooSmall: "MTU too small for fragments"
            case .tooMany: "packet needs too many fragments"
            case .noBuffer: "no buffers for fragments"
            }
        }
    }

    /// The graph node's name.
    public static let name = "ip4-frag"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    /// The most fragments of a packet.
    public static let fragmentLimit = 256
    /// The smallest MTU that any link must have (RFC 791).
    public static let minimumMTU = 68

    private let context: UnsafeMutablePointer<LaneContext>
    private let fragments: UnsafeMutablePointer<Mbuf>
    /// The header of the fragments after the first.
    private let laterHeader: UnsafeMutableRawPointer

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>) {
        self.context = context
        fragments = UnsafeMutableRawPointer.allocate(
            byteCount: Self.fragmentLimit * MemoryLayout<Mbuf>.stride,
            alignment: 64
        ).bindMemory(to: Mbuf.self, capacity: Self.fragmentLimit)
        laterHeader = .allocate(byteCount: 64, alignment: 8)
        laterHeader.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        for index in 0..<frame.count {
            let mbuf = frame.mbufs[index]
            if let reason = split(mbuf, frame.output) {
                mbuf.error = frame.error(reason.rawValue)
                frame.nexts[index] = Next.drop.rawValue
            } else {
                context.pointee.pool.give(mbuf)
                frame.nexts[index] = Frame<Next>.consumed
            }
        }
    }

    /// Sends a packet's fragments on, or says why not.
    private func split(_ mbuf: Mbuf, _ output: Output<Next>) -> Reason? {
        let mtu = Int(context.pointee.tables.pointee.adjacency(mbuf.adjacency).pointee.mtu)
        guard mtu >= Self.minimumMTU else { return .mtuTooSmall }
        let header = IPv4Header(mbuf)
        let firstBytes = header.headerBytes
        let laterBytes = writeLaterHeader(header)
        let payload = mbuf.length &- firstBytes
        let firstPayload = (mtu &- firstBytes) & ~7
        let laterPayload = (mtu &- laterBytes) & ~7
        guard payload > firstPayload else { return .mtuTooSmall }
        let later = (payload &- firstPayload &+ laterPayload &- 1) / laterPayload
        guard later < Self.fragmentLimit else { return .tooMany }
        guard context.pointee.pool.take(fragments, count: later &+ 1) else {
            context.pointee.block.pointer(.bufferFailures).pointee &+= UInt64(later &+ 1)
            return .noBuffer
        }
        var done = 0
        for index in 0...later {
            let isFirst = index == 0
            let bytes = isFirst ? firstPayload : min(laterPayload, payload &- done)
            fill(
                fragments[index],
                from: mbuf,
                header: isFirst ? header.base : laterHeader,
                headerBytes: isFirst ? firstBytes : laterBytes,
                payload: firstBytes &+ done,
                count: bytes,
                offset: done,
                isLast: done &+ bytes == payload
            )
            done &+= bytes
        }
        output.emit(fragments, count: later &+ 1, to: .rewrite)
        let errors = context.pointee.block.errors
        errors[Int(output.errorBase &+ Reason.packets.rawValue)] &+= 1
        errors[Int(output.errorBase &+ Reason.fragments.rawValue)] &+= UInt64(later &+ 1)
        return nil
    }

    /// Writes one fragment: `count` bytes that begin at `payload` in `mbuf`, which is `offset` in
    /// its data.
    private func fill(
        _ fragment: Mbuf,
        from mbuf: Mbuf,
        header: UnsafeRawPointer,
        headerBytes: Int,
        payload: Int,
        count: Int,
        offset: Int,
        isLast: Bool
    ) {
        fragment.enterGraph(rxInterface: mbuf.rxInterface)
        fragment.adjacency = mbuf.adjacency
        fragment.txInterface = mbuf.txInterface
        fragment.flags = mbuf.flags
        fragment.trace = mbuf.trace
        fragment.flowHash = mbuf.flowHash
        fragment.setLength(headerBytes &+ count)
        let data = fragment.data
        data.copyMemory(from: header, byteCount: headerBytes)
        (data + headerBytes).copyMemory(from: mbuf.data + payload, byteCount: count)
        let original = IPv4Header(mbuf).fragment
        let own = IPv4Header(at: data)
        let position = (original & IPv4Flags.offsetMask) &+ UInt16(truncatingIfNeeded: offset &>> 3)
        let more = isLast ? original & IPv4Flags.moreFragments : IPv4Flags.moreFragments
        own.fragment = position | more
        own.totalLength = headerBytes &+ count
        own.refreshChecksum()
    }

    /// Writes the header of later fragments: with the options that are to be in all of them.
    ///
    /// - Returns: its bytes.
    private func writeLaterHeader(_ header: IPv4Header) -> Int {
        laterHeader.copyMemory(from: header.base, byteCount: IPv4Header.minimumBytes)
        var end = IPv4Header.minimumBytes
        var offset = IPv4Header.minimumBytes
        let limit = header.headerBytes
        while offset < limit {
            let kind = (header.base + offset).load(as: UInt8.self)
            if kind == 0 { break }
            if kind == 1 {
                offset &+= 1
                continue
            }
            guard offset &+ 1 < limit else { break }
            let bytes = Int((header.base + offset + 1).load(as: UInt8.self))
            guard bytes >= 2, offset &+ bytes <= limit else { break }
            if kind & 0x80 != 0 {
                (laterHeader + end).copyMemory(from: header.base + offset, byteCount: bytes)
                end &+= bytes
            }
            offset &+= bytes
        }
        while end & 3 != 0 {
            (laterHeader + end).storeBytes(of: 0, as: UInt8.self)
            end &+= 1
        }
        laterHeader.storeBytes(of: 0x40 | UInt8(truncatingIfNeeded: end &>> 2), as: UInt8.self)
        return end
    }
}
