/// Says what is wrong with a packet's lengths and checksums, by the RFCs and without the code under test.
public struct PacketJudge {
    private let bytes: [UInt8]
    /// What is wrong.
    public private(set) var faults: [String] = []
    /// The layers that were found, such as `vlan` and `ipv4`.
    public private(set) var layers: [String] = []

    /// Looks at a packet.
    ///
    /// - Parameters:
    ///   - bytes: the packet.
    ///   - startsAtNetwork: whether it has no Ethernet header.
    public init(_ bytes: [UInt8], startsAtNetwork: Bool = false) {
        self.bytes = bytes
        guard !startsAtNetwork else {
            if let first = bytes.first { network(first >> 4 == 6 ? 0x86DD : 0x0800, at: 0) }
            return
        }
        ethernet()
    }

    private mutating func ethernet() {
        guard bytes.count >= 14 else { return fault("no Ethernet header") }
        var (type, start) = (word(12), 14)
        while type == 0x8100 || type == 0x88A8 {
            guard bytes.count >= start + 4 else { return fault("no VLAN tag") }
            layers.append("vlan")
            (type, start) = (word(start + 2), start + 4)
        }
        network(type, at: start)
    }

    private mutating func fault(_ text: String) { faults.append(text) }

    private func word(_ offset: Int) -> Int { Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) }

    /// The sum of words, the last byte of an odd number above a zero, as RFC 1071 has it.
    private static func sum(_ bytes: some Sequence<UInt8>) -> Int {
        var total = 0
        for (index, byte) in bytes.enumerated() {
            total += index.isMultiple(of: 2) ? Int(byte) << 8 : Int(byte)
        }
        while total > 0xFFFF { total = total >> 16 + total & 0xFFFF }
        return total
    }

    private mutating func network(_ type: Int, at start: Int) {
        let rest = bytes.count - start
        if type == 0x0806 {
            layers.append("arp")
            if rest < 28 { fault("an ARP packet of \(rest) bytes") }
        } else if type == 0x0800 {
            layers.append("ipv4")
            guard rest >= 20 else { return fault("an IPv4 packet of \(rest) bytes") }
            if bytes[start] != 0x45 { fault("IPv4 version and header length \(bytes[start])") }
            if word(start + 2) != rest { fault("IPv4 length \(word(start + 2)) of \(rest)") }
            if Self.sum(bytes[start..<start + 20]) != 0xFFFF { fault("IPv4 checksum") }
            guard word(start + 6) & 0x3FFF == 0 else { return }
            transport(bytes[start + 9], start + 20, Array(bytes[start + 12..<start + 20]))
        } else if type == 0x86DD {
            layers.append("ipv6")
            guard rest >= 40 else { return fault("an IPv6 packet of \(rest) bytes") }
            if bytes[start] >> 4 != 6 { fault("IPv6 version") }
            if word(start + 4) != rest - 40 {
                fault("IPv6 length \(word(start + 4)) of \(rest - 40)")
            }
            transport(bytes[start + 6], start + 40, Array(bytes[start + 8..<start + 40]))
        }
    }

    private mutating func transport(_ number: UInt8, _ start: Int, _ addresses: [UInt8]) {
        let count = bytes.count - start
        let pseudo = addresses + [0, 0, UInt8(count >> 8), UInt8(count & 255), 0, 0, 0, number]
        let plain = Self.sum(bytes[start...])
        let covered = Self.sum(pseudo + bytes[start...])
        switch number {
        case 17 where count >= 8:
            layers.append("udp")
            if word(start + 4) != count { fault("UDP length \(word(start + 4)) of \(count)") }
            if word(start + 6) == 0 { fault("no UDP checksum") }
            if covered != 0xFFFF { fault("UDP checksum") }
        case 6 where count >= 20:
            layers.append("tcp")
            if covered != 0xFFFF { fault("TCP checksum") }
        case 1 where count >= 8 && addresses.count == 8:
            layers.append("icmp")
            if plain != 0xFFFF { fault("ICMP checksum") }
        case 58 where count >= 8 && addresses.count == 32:
            layers.append("icmp6")
            if covered != 0xFFFF { fault("ICMPv6 checksum") }
        default: break
        }
    }
}
