/// A file of captured packets: pcap (either byte order, times in microseconds or nanoseconds) or pcapng.
///
/// Every length is checked before it is used, so that any bytes can be read.
struct PacketFile {
    /// What is wrong with a file, and at which byte.
    struct Fault: Error, Hashable, CustomStringConvertible {
        var offset: Int
        var message: String

        var description: String { "byte \(offset): \(message)" }
    }

    /// What the packets begin with.
    enum Link: Hashable, Sendable {
        case ethernet
        /// An IP header.
        case network

        /// Reads a LINKTYPE; nil: packets that no graph node takes.
        init?(_ number: Int) {
            switch number {
            case 1: self = .ethernet
            case 12, 14, 101, 228, 229: self = .network
            default: return nil
            }
        }
    }

    /// How much is read.
    struct Limits {
        var packets: Int
        /// Of all packets together.
        var bytes: Int
        /// Of one packet.
        var packetBytes: Int
    }

    /// The packets in their order.
    private(set) var packets: [[UInt8]] = []
    /// Packets of which the file has a part only.
    private(set) var cutPackets = 0
    /// What they all begin with; nil: there are none.
    private(set) var link: Link?
    private var bytes = 0
    private let limits: Limits

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - file: its bytes.
    ///   - limits: what it may have.
    /// - Throws: the first fault.
    init(_ file: [UInt8], limits: Limits) throws(Fault) {
        self.limits = limits
        guard file.count >= 4 else {
            throw Fault(offset: 0, message: "\(file.count) bytes are no capture file")
        }
        let magic = PacketBytes(file, isBigEndian: true).word(0)
        switch magic {
        case 0x0A0D_0D0A:
            var reader = PcapngReader(file)
            try reader.read(into: &self)
        case 0xA1B2_C3D4, 0xA1B2_3C4D: try readPcap(PacketBytes(file, isBigEndian: true))
        case 0xD4C3_B2A1, 0x4D3C_B2A1: try readPcap(PacketBytes(file, isBigEndian: false))
        default:
            throw Fault(
                offset: 0,
                message: "0x\(String(magic, radix: 16)) begins neither a pcap nor a pcapng file"
            )
        }
        guard !packets.isEmpty else {
            throw Fault(offset: file.count, message: "the file ends without a packet")
        }
    }

    /// Takes a packet.
    ///
    /// - Parameters:
    ///   - packet: its bytes.
    ///   - original: how many it had when it was captured.
    ///   - linkType: the LINKTYPE of its interface.
    ///   - offset: of its record.
    /// - Throws: what is wrong with it.
    mutating func take(
        _ packet: ArraySlice<UInt8>,
        original: Int,
        linkType: Int,
        at offset: Int
    ) throws(Fault) {
        let number = packets.count + 1
        guard let own = Link(linkType) else {
            throw Fault(
                offset: offset,
                message: "packet \(number) is of link type \(linkType), neither Ethernet (1) nor IP"
            )
        }
        guard link == nil || link == own else {
            throw Fault(
                offset: offset,
                message: "packet \(number) and those before it begin with different headers"
            )
        }
        guard 1...limits.packetBytes ~= packet.count else {
            throw Fault(
                offset: offset,
                message: "packet \(number) has \(packet.count) bytes; it can have "
                    + "1...\(limits.packetBytes)"
            )
        }
        guard number <= limits.packets else {
            throw Fault(offset: offset, message: "there are more than \(limits.packets) packets")
        }
        guard bytes + packet.count <= limits.bytes else {
            throw Fault(
                offset: offset,
                message: "the packets up to number \(number) have more than "
                    + "\(limits.bytes >> 20) MiB together"
            )
        }
        link = own
        bytes += packet.count
        if original > packet.count { cutPackets += 1 }
        packets.append(Array(packet))
    }

    private mutating func readPcap(_ file: PacketBytes) throws(Fault) {
        guard file.count >= 24 else {
            throw Fault(offset: file.count, message: "the file ends within its header")
        }
        guard file.half(4) == 2 else {
            throw Fault(offset: 4, message: "version \(file.half(4)); only 2 is known")
        }
        // The upper bits say whether frames have a check sequence.
        let linkType = file.word(20) & 0x0FFF_FFFF
        var offset = 24
        while offset < file.count {
            let number = packets.count + 1
            guard file.count - offset >= 16 else {
                throw Fault(
                    offset: offset,
                    message: "the file ends within the header of packet \(number)"
                )
            }
            let captured = file.word(offset + 8)
            guard captured <= file.count - offset - 16 else {
                throw Fault(
                    offset: offset,
                    message: "packet \(number) has \(captured) bytes by its header, and "
                        + "\(file.count - offset - 16) are left in the file"
                )
            }
            let start = offset + 16
            try take(
                file.bytes[start..<start + captured],
                original: file.word(offset + 12),
                linkType: linkType,
                at: offset
            )
            offset = start + captured
        }
    }
}

/// Bytes with numbers in them.
struct PacketBytes {
    let bytes: [UInt8]
    var isBigEndian: Bool

    init(_ bytes: [UInt8], isBigEndian: Bool) {
        self.bytes = bytes
        self.isBigEndian = isBigEndian
    }

    var count: Int { bytes.count }

    /// 32 bits; the caller has checked that they are there.
    func word(_ offset: Int) -> Int {
        isBigEndian
            ? half(offset) << 16 | half(offset + 2) : half(offset + 2) << 16 | half(offset)
    }

    /// 16 bits.
    func half(_ offset: Int) -> Int {
        let (first, second) = (Int(bytes[offset]), Int(bytes[offset + 1]))
        return isBigEndian ? first << 8 | second : second << 8 | first
    }
}
