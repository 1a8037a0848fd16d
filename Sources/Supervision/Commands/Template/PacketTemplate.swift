internal import ControlProtocol

/// A packet as `packet-generator new { ... data { ... } }` describes it, turned into bytes and what differs
/// from packet to packet.
///
/// The words are VPP's: each line names the header that follows (`IP4:` an Ethernet header with
/// that type, then `UDP:` an IPv4 header with that protocol, then `UDP:` the UDP header itself).
struct PacketTemplate {
    /// What the header of a layer is, and where it begins.
    enum Network: Equatable { case none, arp, ipv4(Int), ipv6(Int) }

    /// The first packet's bytes.
    var bytes: [UInt8] { writer.bytes }
    /// What differs.
    var fields: [PacketGeneratorField] { writer.fields }

    var writer = TemplateWriter()
    let words: TemplateWords
    private(set) var network = Network.none
    /// The transport header's first byte, and the protocol that it is of; nil: there is none.
    private(set) var transport: (start: Int, number: UInt8)?
    /// Bytes of the headers.
    private var headerBytes = 0
    private var payload: [UInt8] = []

    /// The most bytes of a packet.
    static let mostBytes = 9216

    /// Makes the packet.
    ///
    /// - Parameters:
    ///   - words: those of `data { ... }`.
    ///   - startsAtNetwork: whether the first header must be the IP header.
    ///   - size: how long it is; nil: as long as the words say. A payload that is too long is cut.
    ///   - place: where the size is said.
    /// - Throws: `CommandFailure` for headers that do not go together.
    init(
        _ words: TemplateWords,
        startsAtNetwork: Bool,
        size: Int?,
        place: Int? = nil
    ) throws(CommandFailure) {
        self.words = words
        try checkStart(startsAtNetwork)
        if words.place("mac-source") != nil { try putEthernet() }
        try putNetwork()
        try putTransport()
        headerBytes = writer.bytes.count
        takePayload()
        try putPayload(size, place)
        putLengthsAndChecksums()
    }

    private func checkStart(_ startsAtNetwork: Bool) throws(CommandFailure) {
        let network = ["ip4-source", "ip6-source", "arp-source"].first { words.place($0) != nil }
        if startsAtNetwork, words.place("mac-source") != nil {
            throw .refused(
                "packets that start at ip4-input have no Ethernet header: leave it out",
                position: words.word(before: "mac-source")?.offset
            )
        }
        guard let network, !startsAtNetwork, words.place("mac-source") == nil else { return }
        throw .refused(
            "packets that start with an Ethernet header begin with IP4: MAC -> MAC",
            position: words.word(before: network)?.offset
        )
    }

    private mutating func putNetwork() throws(CommandFailure) {
        let start = writer.bytes.count
        if words.place("arp-source") != nil {
            network = .arp
            try checkType(0x0806, "arp-source")
            try putARP(at: start)
        } else if words.place("ip4-source") != nil {
            network = .ipv4(start)
            try checkType(0x0800, "ip4-source")
            try putIPv4(at: start)
        } else if words.place("ip6-source") != nil {
            network = .ipv6(start)
            try checkType(0x86DD, "ip6-source")
            try putIPv6(at: start)
        }
    }

    /// Refuses a header that does not go with the name of the one in front of it.
    private func checkType(_ type: UInt16, _ key: String) throws(CommandFailure) {
        guard let ethernet = words.word(before: "mac-source"), ethernet.value == .keyword,
            Self.etherTypes[ethernet.key] != type
        else { return }
        throw .refused(
            "\(ethernet.key) is not followed by such a header; 0x\(String(type, radix: 16)): in its "
                + "place is",
            position: words.word(before: key)?.offset
        )
    }

    /// The types of Ethernet headers by their words.
    static let etherTypes: [String: UInt16] = ["IP4:": 0x0800, "IP6:": 0x86DD, "ARP:": 0x0806]

    private mutating func putTransport() throws(CommandFailure) {
        let start = writer.bytes.count
        let isIPv6 = if case .ipv6 = network { true } else { false }
        let key: String
        let number: UInt8
        if words.place("udp-source") != nil {
            (key, number) = ("udp-source", 17)
        } else if words.place("tcp-source") != nil {
            (key, number) = ("tcp-source", 6)
        } else if words.has("ICMP") || words.has("ICMP6") {
            (key, number) = (words.has("ICMP") ? "ICMP" : "ICMP6", isIPv6 ? 58 : 1)
        } else {
            return
        }
        let place = number == 17 || number == 6 ? words.word(before: key)?.offset : words.place(key)
        switch network {
        case .ipv4, .ipv6: break
        case .none, .arp:
            throw .refused(
                "an IPv4 or IPv6 header must stand in front of this one",
                position: place
            )
        }
        if let named = protocolWord, named.number != number, named.isWord {
            throw .refused("the header in front of this one says \(named.word)", position: place)
        }
        if words.has("ICMP6"), !isIPv6 {
            throw .refused("ICMP6 goes with IPv6; with IPv4 it is ICMP", position: place)
        }
        transport = (start, number)
        switch number {
        case 17: try putUDP(at: start)
        case 6: try putTCP(at: start)
        default: try putICMP(at: start, isIPv6: isIPv6)
        }
    }

    /// The word that says the protocol of the IP header; nil: there is no such header.
    var protocolWord: (word: String, number: UInt8, isWord: Bool)? {
        guard let word = words.word(before: "ip4-source") ?? words.word(before: "ip6-source") else {
            return nil
        }
        if case .integer(let number) = word.value {
            return ("\(number):", UInt8(truncatingIfNeeded: number), false)
        }
        let numbers: [String: UInt8] = ["UDP:": 17, "TCP:": 6, "ICMP:": 1, "ICMP6:": 58]
        return (word.key, numbers[word.key] ?? 0, true)
    }

    private mutating func takePayload() {
        for value in words.payload {
            switch value {
            case .bytes(let bytes): payload += bytes
            case .integer(let count): payload += Self.pattern(count)
            default: break
            }
        }
    }

    private mutating func putPayload(_ size: Int?, _ place: Int?) throws(CommandFailure) {
        if let size {
            guard size >= headerBytes else {
                throw .refused(
                    "a size of \(size) bytes is less than the \(headerBytes) of the headers",
                    position: place
                )
            }
            let room = size - headerBytes
            if payload.count > room {
                payload.removeLast(payload.count - room)
            } else {
                payload += Self.pattern(room).suffix(room - payload.count)
            }
        }
        let count = headerBytes + payload.count
        guard 1...Self.mostBytes ~= count else {
            throw .refused(
                "a packet of \(count) bytes; it can have 1...\(Self.mostBytes)",
                position: words.place("payload") ?? place
            )
        }
        writer.append(payload)
    }

    /// Bytes that count up from 0.
    static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    }
}
