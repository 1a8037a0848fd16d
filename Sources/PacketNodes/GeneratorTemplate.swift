/// A stream's packets before they are made: finds out what of the template is right and keeps it
/// so.
///
/// A template whose IPv4 header is right stays right at every size and address; one that is wrong
/// stays wrong in the same way, so that broken packets can be made too. The same goes for the UDP,
/// TCP or ICMP checksum.
struct GeneratorTemplate {
    /// The template and the padding, `maximumBytes` in all.
    private(set) var image: [UInt8]
    private(set) var layout = GeneratorLayout()
    /// Whether an IPv4 header begins at `layout.network`.
    private(set) var isIPv4 = false
    private let templateBytes: Int
    private var headerBytes = 0
    private var isHeaderRight = false

    /// - Parameters:
    ///   - template: the packet as it starts.
    ///   - maximumBytes: of the longest packet.
    ///   - startsAtIPv4: whether there is no Ethernet header.
    init(template: [UInt8], maximumBytes: Int, startsAtIPv4: Bool) {
        templateBytes = template.count
        image = Array(template.prefix(maximumBytes))
        var pattern: UInt8 = 0
        while image.count < maximumBytes {
            image.append(pattern)
            pattern &+= 1
        }
        layout.network = startsAtIPv4 ? 0 : EthernetHeader.byteCount
        findHeader(template)
        findTransport(template)
    }

    private mutating func findHeader(_ template: [UInt8]) {
        let network = layout.network
        guard template.count >= network + IPv4Header.minimumBytes,
            network == 0 || (template[12] == 8 && template[13] == 0), template[network] >> 4 == 4
        else { return }
        isIPv4 = true
        headerBytes = Int(template[network] & 15) * 4
        guard headerBytes >= IPv4Header.minimumBytes, network + headerBytes <= template.count,
            Self.word(template, network + 2) == template.count - network
        else { return }
        isHeaderRight = Self.sum(template[network..<network + headerBytes]) == 0xFFFF
    }

    private mutating func findTransport(_ template: [UInt8]) {
        guard isHeaderRight else { return }
        let network = layout.network
        let start = network + headerBytes
        let bytes = template.count - start
        let isWhole = Self.word(template, network + 6) & 0x3FFF == 0
        guard isWhole else { return }
        switch template[network + 9] {
        case IPProtocol.udp:
            guard bytes >= 8, Self.word(template, start + 4) == bytes else { return }
            let hasChecksum = Self.word(template, start + 6) != 0
            if hasChecksum, !isTransportRight(template, withAddresses: true) { return }
            layout.transportLength = start + 4
            layout.transportChecksum = hasChecksum ? start + 6 : 0
            layout.coversAddresses = true
        case IPProtocol.tcp:
            guard bytes >= 20, isTransportRight(template, withAddresses: true) else { return }
            layout.transportChecksum = start + 16
            layout.coversAddresses = true
        case IPProtocol.icmp:
            guard bytes >= 8, isTransportRight(template, withAddresses: false) else { return }
            layout.transportChecksum = start + 2
        default:
            break
        }
    }

    /// Starts the packets with other addresses than the template's.
    mutating func setAddress(_ address: UInt32, at offset: Int) {
        let layout = layout
        image.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            layout.setAddress(address, at: offset, in: base, length: bytes.count)
        }
    }

    /// The fields of packets of every size, if they are kept right and some packet is not the
    /// template's size.
    func sizeFields(minimumBytes: Int) -> [GeneratorSizeFields]? {
        let minimum = max(
            layout.network + headerBytes,
            layout.transportChecksum + 2,
            layout.transportLength + 2
        )
        guard isHeaderRight, minimumBytes >= minimum,
            minimumBytes != templateBytes || image.count != templateBytes
        else { return nil }
        return (minimumBytes...image.count).map(fields)
    }

    private func fields(size: Int) -> GeneratorSizeFields {
        var packet = Array(image.prefix(size))
        let network = layout.network
        Self.setWord(&packet, network + 2, size - network)
        Self.setWord(&packet, network + 10, 0)
        let start = network + headerBytes
        Self.setWord(&packet, network + 10, 0xFFFF - Self.sum(packet[network..<start]))
        if layout.transportLength > 0 {
            Self.setWord(&packet, layout.transportLength, size - start)
        }
        if layout.transportChecksum > 0 {
            Self.setWord(&packet, layout.transportChecksum, 0)
            let sum = 0xFFFF - transportSum(packet, withAddresses: layout.coversAddresses)
            let isUDP = layout.transportLength > 0
            Self.setWord(&packet, layout.transportChecksum, isUDP && sum == 0 ? 0xFFFF : sum)
        }
        func memory(_ offset: Int) -> UInt16 {
            offset == 0 ? 0 : UInt16(packet[offset]) | UInt16(packet[offset + 1]) << 8
        }
        return GeneratorSizeFields(
            totalLength: memory(network + 2),
            headerChecksum: memory(network + 10),
            transportLength: memory(layout.transportLength),
            transportChecksum: memory(layout.transportChecksum)
        )
    }

    private func isTransportRight(_ packet: [UInt8], withAddresses: Bool) -> Bool {
        transportSum(packet, withAddresses: withAddresses) == 0xFFFF
    }

    /// The sum of all behind the IPv4 header, with the pseudo header of UDP and TCP if it is to be
    /// counted.
    private func transportSum(_ packet: [UInt8], withAddresses: Bool) -> Int {
        let network = layout.network
        let start = network + headerBytes
        var bytes = Array(packet[start...])
        if bytes.count % 2 == 1 { bytes.append(0) }
        if withAddresses {
            let count = packet.count - start
            bytes += packet[network + 12..<network + 20]
            bytes += [0, packet[network + 9], UInt8(count >> 8), UInt8(count & 255)]
        }
        return Self.sum(bytes[...])
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
}
