/// Reads the packets of a pcapng file (draft-ietf-opsawg-pcapng), of every section and interface.
struct PcapngReader {
    /// The sorts of blocks that matter here.
    private enum Block {
        static let section = 0x0A0D_0D0A
        static let interface = 1
        static let oldPacket = 2
        static let simplePacket = 3
        static let packet = 6
    }

    private var file: PacketBytes
    /// Link type and snap length of each interface of the section.
    private var interfaces: [(link: Int, snap: Int)] = []

    init(_ file: [UInt8]) { self.file = PacketBytes(file, isBigEndian: false) }

    /// Hands all packets over.
    ///
    /// - Throws: the first fault of the file.
    mutating func read(into packets: inout PacketFile) throws(PacketFile.Fault) {
        var offset = 0
        while offset < file.count {
            guard file.count - offset >= 12 else {
                throw fault(offset, "the file ends within the header of a block")
            }
            if file.word(offset) == Block.section { try begin(offset) }
            let type = file.word(offset)
            let length = file.word(offset + 4)
            guard length >= 12, length.isMultiple(of: 4), length <= file.count - offset else {
                throw fault(
                    offset,
                    "a block of \(length) bytes, where \(file.count - offset) are left"
                )
            }
            guard file.word(offset + length - 4) == length else {
                throw fault(offset, "the length at the block's end is not the one at its start")
            }
            let body = offset + 8..<offset + length - 4
            switch type {
            case Block.interface: try describe(body)
            case Block.packet, Block.oldPacket, Block.simplePacket:
                try take(type, body, into: &packets)
            default: break
            }
            offset += length
        }
    }

    private func fault(_ offset: Int, _ message: String) -> PacketFile.Fault {
        PacketFile.Fault(offset: offset, message: message)
    }

    /// A section has its own byte order and interfaces.
    private mutating func begin(_ offset: Int) throws(PacketFile.Fault) {
        guard file.count - offset >= 28 else {
            throw fault(offset, "the file ends within the header of a section")
        }
        file.isBigEndian = true
        switch file.word(offset + 8) {
        case 0x1A2B_3C4D: break
        case 0x4D3C_2B1A: file.isBigEndian = false
        default: throw fault(offset + 8, "no byte order of a section")
        }
        guard file.half(offset + 12) == 1 else {
            throw fault(offset + 12, "version \(file.half(offset + 12)); only 1 is known")
        }
        interfaces = []
    }

    private mutating func describe(_ body: Range<Int>) throws(PacketFile.Fault) {
        guard body.count >= 8 else {
            throw fault(body.lowerBound, "the description of an interface is too short")
        }
        guard interfaces.count < 65_536 else {
            throw fault(body.lowerBound, "there are more than 65,536 interfaces")
        }
        interfaces.append((file.half(body.lowerBound), file.word(body.lowerBound + 4)))
    }

    private func take(
        _ type: Int,
        _ body: Range<Int>,
        into packets: inout PacketFile
    ) throws(PacketFile.Fault) {
        let start = body.lowerBound
        let number = packets.packets.count + 1
        let isSimple = type == Block.simplePacket
        let headerBytes = isSimple ? 4 : 20
        guard body.count >= headerBytes else {
            throw fault(start, "the block of packet \(number) is too short")
        }
        let interface =
            isSimple ? 0 : type == Block.oldPacket ? file.half(start) : file.word(start)
        guard interface < interfaces.count else {
            throw fault(
                start,
                "packet \(number) is of interface \(interface), which the file does not describe"
            )
        }
        let original = file.word(start + (isSimple ? 0 : 16))
        var captured = isSimple ? original : file.word(start + 12)
        let snap = interfaces[interface].snap
        if isSimple, snap > 0 { captured = min(captured, snap) }
        let data = start + headerBytes
        guard captured <= body.upperBound - data else {
            throw fault(
                start,
                "packet \(number) has \(captured) bytes by its header, and its block has "
                    + "\(body.upperBound - data)"
            )
        }
        try packets.take(
            file.bytes[data..<data + captured],
            original: original,
            linkType: interfaces[interface].link,
            at: start - 8
        )
    }
}
