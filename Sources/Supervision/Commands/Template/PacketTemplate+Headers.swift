extension PacketTemplate {
    private typealias Field = TemplateWriter.Field

    // MARK: Ethernet, VLAN, ARP

    mutating func putEthernet() throws(CommandFailure) {
        let tags = words.parts(beginningWith: "vlan")
        guard tags.count <= 2 else {
            throw .refused("a packet has at most two VLAN tags", position: words.place("vlan"))
        }
        writer.append(Array(repeating: 0, count: 14 + tags.count * 4))
        try writer.put(
            Field("mac-destination", "Ethernet destination", .mac, bits: 48, at: 0),
            words,
            header: 0
        )
        try writer.put(
            Field("mac-source", "Ethernet source", .mac, bits: 48, at: 48),
            words,
            header: 0
        )
        for (index, tag) in tags.enumerated() {
            let start = 12 + index * 4
            writer.put(tag.has("dot1ad") ? 0x88A8 : 0x8100, at: start)
            for field in [
                Field("vlan-priority", "VLAN priority", bits: 3, at: 16),
                Field("vlan-cfi", "VLAN drop eligible", bits: 1, at: 19),
                Field("vlan-id", "VLAN", bits: 12, at: 20),
            ] { try writer.put(field, tag, header: start) }
        }
        let word = words.word(before: "mac-source")
        var type = Self.etherTypes[word?.key ?? ""].map(Int.init) ?? 0
        if case .integer(let number) = word?.value { type = number }
        writer.put(type, at: 12 + tags.count * 4)
    }

    mutating func putARP(at start: Int) throws(CommandFailure) {
        writer.append([0, 1, 8, 0, 6, 4, 0, 0] + Array(repeating: 0, count: 20))
        let word = words.word(before: "arp-source")
        var operation = word?.key == "reply:" ? 2 : 1
        if case .integer(let number) = word?.value { operation = number }
        writer.put(operation, at: start + 6)
        for (key, name, offset) in [("source", "ARP sender", 8), ("destination", "ARP target", 18)]
        {
            guard case (.pair(let mac, let address), let place)? = words.value("arp-" + key) else {
                continue
            }
            try writer.put(
                mac,
                Field("", name + " MAC", .mac, bits: 48, at: 0),
                "\(name) MAC \(TemplateValue.mac.text(mac))",
                at: (start + offset) * 8,
                position: place
            )
            try writer.put(
                address,
                Field("", name + " address", .ipv4, bits: 32, at: 0),
                "\(name) address \(TemplateValue.ipv4.text(address))",
                at: (start + offset + 6) * 8,
                position: place
            )
        }
    }

    // MARK: IP

    mutating func putIPv4(at start: Int) throws(CommandFailure) {
        if let place = words.place("ip4-tos"),
            words.place("ip4-dscp") != nil || words.place("ip4-ecn") != nil
        {
            throw .refused("tos is dscp and ecn together: say either", position: place)
        }
        if let place = words.place("ip4-id"), words.place("ip4-fragment-id") != nil {
            throw .refused("fragment has an id already", position: place)
        }
        writer.append(Array(repeating: 0, count: 20))
        try put(
            [
                (Field("ip4-version", "IPv4 version", bits: 4, at: 0), 4),
                (Field("ip4-header-length", "IPv4 header length", bits: 4, at: 4), 5),
            ],
            start
        )
        if words.place("ip4-tos") != nil {
            try put([(Field("ip4-tos", "IPv4 tos", bits: 8, at: 8), 0)], start)
        } else {
            try put(
                [
                    (Field("ip4-dscp", "IPv4 dscp", bits: 6, at: 8), 0),
                    (Field("ip4-ecn", "IPv4 ecn", bits: 2, at: 14), 0),
                ],
                start
            )
        }
        let id = words.place("ip4-fragment-id") != nil ? "ip4-fragment-id" : "ip4-id"
        try put(
            [
                (Field("ip4-length", "IPv4 length", bits: 16, at: 16), 0),
                (Field(id, "IPv4 id", bits: 16, at: 32), 0),
                (Field("ip4-ttl", "IPv4 ttl", bits: 8, at: 64), 64),
                (Field("ip4-checksum", "IPv4 checksum", bits: 16, at: 80), 0),
            ],
            start
        )
        for (index, flag) in ["ce", "df", "mf"].enumerated()
        where words.has(flag) || words.has(flag.uppercased()) {
            writer.put(1, bits: 1, at: start * 8 + 48 + index)
        }
        try writer.put(
            Field("ip4-fragment-offset", "IPv4 fragment offset", bits: 13, at: 51),
            words,
            header: start,
            unit: 8
        )
        writer.put(UInt128(protocolWord?.number ?? 0), bits: 8, at: (start + 9) * 8)
        try putAddresses("ip4", "IPv4", .ipv4, bits: 32, at: 96, start)
    }

    mutating func putIPv6(at start: Int) throws(CommandFailure) {
        writer.append(Array(repeating: 0, count: 40))
        try put(
            [
                (Field("ip6-version", "IPv6 version", bits: 4, at: 0), 6),
                (Field("ip6-traffic-class", "IPv6 traffic class", bits: 8, at: 4), 0),
                (Field("ip6-flow-label", "IPv6 flow label", bits: 20, at: 12), 0),
                (Field("ip6-length", "IPv6 length", bits: 16, at: 32), 0),
                (Field("ip6-hop-limit", "IPv6 hop limit", bits: 8, at: 56), 64),
            ],
            start
        )
        writer.put(UInt128(protocolWord?.number ?? 0), bits: 8, at: (start + 6) * 8)
        try putAddresses("ip6", "IPv6", .ipv6, bits: 128, at: 64, start)
    }

    private mutating func putAddresses(
        _ prefix: String,
        _ name: String,
        _ kind: TemplateValue,
        bits: Int,
        at offset: Int,
        _ start: Int
    ) throws(CommandFailure) {
        for (index, key) in ["source", "destination"].enumerated() {
            try writer.put(
                Field(
                    "\(prefix)-\(key)",
                    "\(name) \(key)",
                    kind,
                    bits: bits,
                    at: offset + index * bits
                ),
                words,
                header: start,
                isRandom: words.has("random")
            )
        }
    }

    // MARK: UDP, TCP, ICMP

    mutating func putUDP(at start: Int) throws(CommandFailure) {
        writer.append(Array(repeating: 0, count: 8))
        try put(
            [
                (Field("udp-source", "UDP source", bits: 16, at: 0), 0),
                (Field("udp-destination", "UDP destination", bits: 16, at: 16), 0),
                (Field("udp-length", "UDP length", bits: 16, at: 32), 0),
                (Field("udp-checksum", "UDP checksum", bits: 16, at: 48), 0),
            ],
            start
        )
    }

    mutating func putTCP(at start: Int) throws(CommandFailure) {
        writer.append(Array(repeating: 0, count: 20))
        try put(
            [
                (Field("tcp-source", "TCP source", bits: 16, at: 0), 0),
                (Field("tcp-destination", "TCP destination", bits: 16, at: 16), 0),
                (Field("tcp-sequence", "TCP sequence number", bits: 32, at: 32), 1),
                (Field("tcp-acknowledgement", "TCP acknowledgement", bits: 32, at: 64), 0),
                (Field("tcp-window", "TCP window", bits: 16, at: 112), 65_535),
                (Field("tcp-checksum", "TCP checksum", bits: 16, at: 128), 0),
                (Field("tcp-urgent", "TCP urgent pointer", bits: 16, at: 144), 0),
            ],
            start
        )
        var flags: UInt8 = 0
        for (bit, name) in Self.tcpFlags.enumerated() where words.has(name) { flags |= 1 << bit }
        writer.put(5, bits: 4, at: (start + 12) * 8)
        writer.put(UInt128(flags == 0 ? 2 : flags), bits: 8, at: (start + 13) * 8)
    }

    mutating func putICMP(at start: Int, isIPv6: Bool) throws(CommandFailure) {
        writer.append(Array(repeating: 0, count: 8))
        var type = 0
        if let named = Self.icmpTypes.first(where: { words.has($0.word) }) {
            type = isIPv6 ? named.version6 : named.version4
            guard type >= 0 else {
                throw .refused(
                    "\(named.word) is no type of ICMP for \(isIPv6 ? "IPv6" : "IPv4")",
                    position: words.place(named.word)
                )
            }
        }
        try put(
            [
                (Field("icmp-type", "ICMP type", bits: 8, at: 0), UInt128(type)),
                (Field("icmp-code", "ICMP code", bits: 8, at: 8), 0),
                (Field("icmp-checksum", "ICMP checksum", bits: 16, at: 16), 0),
                (Field("icmp-id", "ICMP identifier", bits: 16, at: 32), 0),
                (Field("icmp-sequence", "ICMP sequence number", bits: 16, at: 48), 0),
            ],
            start
        )
    }

    private mutating func put(
        _ fields: [(field: TemplateWriter.Field, otherwise: UInt128)],
        _ start: Int
    ) throws(CommandFailure) {
        for (field, value) in fields {
            try writer.put(field, words, header: start, otherwise: value)
        }
    }

    // MARK: Lengths and checksums

    /// Writes the lengths and checksums that no words say.
    mutating func putLengthsAndChecksums() {
        let count = bytes.count
        func isFree(_ key: String) -> Bool { words.place(key) == nil }
        switch network {
        case .ipv4(let start) where isFree("ip4-length"): writer.put(count - start, at: start + 2)
        case .ipv6(let start) where isFree("ip6-length"):
            writer.put(count - start - 40, at: start + 4)
        default: break
        }
        if let transport {
            let (start, number) = transport
            if number == 17, isFree("udp-length") { writer.put(count - start, at: start + 4) }
            switch number {
            case 17 where isFree("udp-checksum"):
                let sum = transportChecksum(start, number)
                writer.put(sum == 0 ? 0xFFFF : sum, at: start + 6)
            case 6 where isFree("tcp-checksum"):
                writer.put(transportChecksum(start, number), at: start + 16)
            case 1 where isFree("icmp-checksum"), 58 where isFree("icmp-checksum"):
                writer.put(transportChecksum(start, number), at: start + 2)
            default: break
            }
        }
        if case .ipv4(let start) = network, isFree("ip4-checksum") {
            writer.put(Int(InternetChecksum.of(Array(bytes[start..<start + 20]))), at: start + 10)
        }
    }

    private func transportChecksum(_ start: Int, _ number: UInt8) -> Int {
        var covered: [UInt8] = []
        let length = UInt32(bytes.count - start)
        switch network {
        case .ipv4(let header) where number != 1:
            covered = Array(bytes[header + 12..<header + 20])
        case .ipv6(let header): covered = Array(bytes[header + 8..<header + 40])
        default: return Int(InternetChecksum.of(Array(bytes[start...])))
        }
        covered += (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
        return Int(InternetChecksum.of(covered + [0, 0, 0, number] + bytes[start...]))
    }
}
