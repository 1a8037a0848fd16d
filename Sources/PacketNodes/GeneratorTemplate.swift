internal import ControlProtocol

/// A stream's packets before they are made: finds out what of the template is right and keeps it
/// so.
///
/// Lengths and checksums of IPv4, IPv6, UDP, TCP and ICMP that are right in the template are right in
/// every packet, whatever its size and its varied fields; one that is wrong stays as it is, so that
/// broken packets can be made too. VLAN tags may stand in front.
struct GeneratorTemplate {
    /// The template and the padding, `maximumBytes` in all.
    private(set) var image: [UInt8]
    private(set) var layout = GeneratorLayout()
    private let templateBytes: Int
    private let fields: [PacketGeneratorField]

    /// - Parameters:
    ///   - template: the packet as it starts.
    ///   - maximumBytes: of the longest packet.
    ///   - startsAtNetwork: whether there is no Ethernet header.
    ///   - fields: what differs from packet to packet, within the smallest of them.
    init(
        template: [UInt8],
        maximumBytes: Int,
        startsAtNetwork: Bool,
        fields: [PacketGeneratorField] = []
    ) {
        let template = Array(template.prefix(maximumBytes))
        templateBytes = template.count
        self.fields = fields
        image = template
        var pattern: UInt8 = 0
        while image.count < maximumBytes {
            image.append(pattern)
            pattern &+= 1
        }
        findNetwork(template, startsAtNetwork)
        for field in fields { layout.release(Self.bytes(of: field)) }
    }

    private mutating func findNetwork(_ template: [UInt8], _ startsAtNetwork: Bool) {
        var network = 0
        if !startsAtNetwork {
            network = EthernetHeader.byteCount
            guard template.count >= network else { return }
            while [0x8100, 0x88A8, 0x9100].contains(Self.word(template, network - 2)) {
                network += 4
                guard network <= min(template.count, 64) else { return }
            }
            guard [0x0800, 0x86DD].contains(Self.word(template, network - 2)) else { return }
        }
        guard network < template.count else { return }
        // Of another version nothing is known: there is no header and nothing behind it.
        (layout.network, layout.transport, layout.end) = (network, network, network)
        switch template[network] >> 4 {
        case 4: findIPv4(template)
        case 6: findIPv6(template)
        default: break
        }
    }

    private mutating func findIPv4(_ template: [UInt8]) {
        let network = layout.network
        let rest = template.count - network
        guard rest >= IPv4Header.minimumBytes else { return }
        let headerBytes = Int(template[network] & 15) * 4
        guard (IPv4Header.minimumBytes...rest).contains(headerBytes) else { return }
        let totalLength = Self.word(template, network + 2)
        layout.transport = network + headerBytes
        layout.end = template.count
        if totalLength == rest { layout.totalLength = network + 2 }
        if (headerBytes..<rest).contains(totalLength) { layout.end = network + totalLength }
        if Self.sum(template[network..<layout.transport]) == 0xFFFF {
            layout.headerChecksum = network + 10
        }
        // The checksum of a datagram in fragments is over all of them.
        if Self.word(template, network + 6) & 0x3FFF == 0 {
            findTransport(template, template[network + 9])
        }
    }

    private mutating func findIPv6(_ template: [UInt8]) {
        let network = layout.network
        let rest = template.count - network - 40
        guard rest >= 0 else { return }
        layout.isIPv6 = true
        layout.transport = network + 40
        layout.end = template.count
        let payload = Self.word(template, network + 4)
        if payload == rest { layout.totalLength = network + 4 }
        if payload < rest { layout.end = layout.transport + payload }
        findTransport(template, template[network + 6])
    }

    private mutating func findTransport(_ template: [UInt8], _ number: UInt8) {
        let start = layout.transport
        let bytes = layout.end - start
        switch (number, layout.isIPv6) {
        case (IPProtocol.udp, _):
            guard bytes >= 8 else { return }
            layout.isUDP = true
            if Self.word(template, start + 4) == bytes { layout.transportLength = start + 4 }
            guard Self.word(template, start + 6) != 0 else { return }
            keep(template, number, checksum: start + 6, coversAddresses: true)
        case (IPProtocol.tcp, _):
            guard bytes >= 20 else { return }
            keep(template, number, checksum: start + 16, coversAddresses: true)
        case (IPProtocol.icmp, false), (58, true):
            guard bytes >= 4 else { return }
            keep(template, number, checksum: start + 2, coversAddresses: layout.isIPv6)
        default:
            break
        }
    }

    private mutating func keep(
        _ template: [UInt8],
        _ number: UInt8,
        checksum: Int,
        coversAddresses: Bool
    ) {
        layout.coversAddresses = coversAddresses
        let sum = Self.folded(
            Self.sum(template[layout.transport..<layout.end])
                + pseudoSum(template, bytes: layout.end - layout.transport)
        )
        if sum == 0xFFFF { layout.transportChecksum = checksum }
    }

    /// The sum of the pseudo header; 0 where there is none.
    private func pseudoSum(_ packet: [UInt8], bytes: Int) -> Int {
        guard layout.coversAddresses else { return 0 }
        let number = packet[layout.network + (layout.isIPv6 ? 6 : 9)]
        return Self.sum(packet[layout.addresses]) + bytes + Int(number)
    }

    /// The fields of packets of every size from the smallest on, if some packet is not the
    /// template's size.
    func sizeFields(minimumBytes: Int) -> [GeneratorSizeFields]? {
        let isOfOneSize = minimumBytes == templateBytes && image.count == templateBytes
        let least = max(layout.transport, layout.transportChecksum + 2, layout.transportLength + 2)
        guard !isOfOneSize, layout.transport > layout.network, layout.end == templateBytes,
            minimumBytes >= least
        else { return nil }
        var packet = image
        clear(&packet)
        var header = Self.sum(packet[layout.network..<layout.transport])
        if layout.isIPv6 { header = 0 }
        let pseudo = pseudoSum(packet, bytes: 0)
        var transport = Self.sum(packet[layout.transport..<minimumBytes])
        return (minimumBytes...image.count).map { size in
            if size > minimumBytes {
                // Each byte is the upper half of a word or the lower one.
                let isUpper = (size - 1 - layout.transport).isMultiple(of: 2)
                transport += Int(packet[size - 1]) << (isUpper ? 8 : 0)
            }
            return fields(of: size, header: header, transport: transport + pseudo)
        }
    }

    /// Zeroes what sizes change.
    private func clear(_ packet: inout [UInt8]) {
        for field in [
            layout.totalLength, layout.headerChecksum, layout.transportLength,
            layout.transportChecksum,
        ] where field > 0 { Self.setWord(&packet, field, 0) }
    }

    private func fields(of size: Int, header: Int, transport: Int) -> GeneratorSizeFields {
        var fields = GeneratorSizeFields()
        let total = layout.isIPv6 ? size - layout.transport : size - layout.network
        let bytes = size - layout.transport
        var covered = transport + (layout.coversAddresses ? bytes : 0)
        if layout.transportLength > 0 { covered += bytes }
        var sum = 0xFFFF - Self.folded(covered)
        if layout.isUDP, sum == 0 { sum = 0xFFFF }
        let headerSum = Self.folded(header + (layout.totalLength > 0 ? total : 0))
        fields.totalLength = UInt16(truncatingIfNeeded: total).bigEndian
        fields.headerChecksum = UInt16(0xFFFF - headerSum).bigEndian
        fields.transportLength = UInt16(truncatingIfNeeded: bytes).bigEndian
        fields.transportChecksum = UInt16(sum).bigEndian
        return fields
    }

    /// What a lane does to each packet, in the order of the fields.
    var edits: [GeneratorEdit] {
        fields.map { field in
            let bytes = Self.bytes(of: field)
            let base = bytes.lowerBound & ~1
            let end = UInt64(field.bitOffset) + UInt64(field.bits)
            var edit = GeneratorEdit(base: base)
            edit.shift = UInt64(base + 8) * 8 - end
            edit.mask = (UInt64.max >> (64 - UInt64(field.bits))) << edit.shift
            edit.first = field.first
            edit.span = field.last - field.first
            edit.isRandom = field.isRandom
            if (layout.network..<layout.transport).contains(bytes.lowerBound) {
                edit.headerChecksum = layout.headerChecksum
            }
            let isCovered =
                (layout.transport..<max(layout.transport, layout.end)).contains(bytes.lowerBound)
                || layout.coversAddresses && layout.addresses.contains(bytes.lowerBound)
            if isCovered { edit.transportChecksum = layout.transportChecksum }
            return edit
        }
    }

    /// The bytes that a field has a part of.
    static func bytes(of field: PacketGeneratorField) -> Range<Int> {
        let start = Int(field.bitOffset)
        return start / 8..<(start + Int(field.bits) + 7) / 8
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> Int {
        Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }

    private static func setWord(_ bytes: inout [UInt8], _ offset: Int, _ value: Int) {
        bytes[offset] = UInt8(value >> 8)
        bytes[offset + 1] = UInt8(value & 255)
    }

    /// A one's complement sum of big-endian words.
    private static func sum(_ bytes: ArraySlice<UInt8>) -> Int {
        let memory = bytes.withUnsafeBytes { region -> UInt16 in
            guard let base = region.baseAddress else { return 0 }
            return InternetChecksum.fold(InternetChecksum.sum(base, count: region.count))
        }
        return Int(memory.byteSwapped)
    }

    private static func folded(_ sum: Int) -> Int {
        Int(InternetChecksum.fold(UInt64(sum)))
    }
}
