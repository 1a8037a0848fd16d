extension PacketTemplate {
    /// What stands within `data { ... }`: headers from the outermost on, then the payload.
    ///
    /// Which headers go together is looked at when the packet is made.
    static let syntax: Syntax =
        .optional(ethernet) + .optional(.choice([arp, ipv4, ipv6]))
        + .optional(.choice([udp, tcp, icmp])) + payload

    private static func field(_ key: String, _ value: TemplateValue, _ help: String) -> Syntax {
        .value(key, .field(value), help)
            + .optional(
                .choice([.word("-", "to"), .word("+", "to, drawn at random")])
                    + .value(key + lastSuffix, .field(value), "the last of them")
            )
    }

    /// What is put behind the key of a field for the last value of a range in words of its own.
    static let lastSuffix = "-last"

    private static func number(_ key: String, _ highest: Int, _ help: String) -> Syntax {
        field(key, .number(0...highest), help)
    }

    /// `word VALUE`; the value is kept under `key`.
    private static func option(
        _ word: String,
        _ key: String,
        _ highest: Int,
        _ help: String
    ) -> Syntax { .word(word, help) + number(key, highest, help) }

    private static func flag(_ word: String, _ help: String) -> Syntax { .word(word, help) }

    private static func fromTo(
        _ prefix: String,
        _ value: TemplateValue
    ) -> Syntax {
        field(prefix + "-source", value, "from") + .word("->")
            + field(prefix + "-destination", value, "to")
    }

    // MARK: Ethernet, VLAN, ARP

    private static let ethernet: Syntax =
        .choice([
            .word("IP4:", "an Ethernet header in front of IPv4"),
            .word("IP6:", "an Ethernet header in front of IPv6"),
            .word("ARP:", "an Ethernet header in front of ARP"),
            .value("ethernet-type", .header(0...0xFFFF), "an Ethernet header of this type"),
        ]) + fromTo("mac", .mac) + .optional(.repeated(vlan))

    private static let vlan: Syntax =
        .word("vlan", "a VLAN tag") + number("vlan-id", 4095, "its number")
        + .options([
            option("priority", "vlan-priority", 7, "priority"),
            option("cfi", "vlan-cfi", 1, "drop eligible"),
            .word("dot1ad", "a service tag, 0x88a8"),
        ])

    private static let arp: Syntax =
        .choice([
            .word("request:", "an ARP request"), .word("reply:", "an ARP reply"),
            .value("arp-operation", .header(0...0xFFFF), "ARP of this operation"),
        ]) + .value("arp-source", .fieldPair, "the sender") + .word("->")
        + .value("arp-destination", .fieldPair, "the target")

    // MARK: IP

    private static let ipv4: Syntax =
        .choice([
            .word("UDP:", "an IPv4 or UDP header"), .word("TCP:", "an IPv4 or TCP header"),
            .word("ICMP:", "an IPv4 header"),
            .value("ip4-protocol", .header(0...255), "an IPv4 header of this protocol"),
        ]) + fromTo("ip4", .ipv4)
        + .options([
            option("ttl", "ip4-ttl", 255, "time to live"),
            option("tos", "ip4-tos", 255, "type of service"),
            option("dscp", "ip4-dscp", 63, "class of service"),
            option("ecn", "ip4-ecn", 3, "congestion bits"),
            .sequence([
                .word("fragment", "fragment fields"), .word("id"),
                number("ip4-fragment-id", 65_535, "identification"), .word("offset"),
                number("ip4-fragment-offset", 65_528, "bytes in front of the fragment"),
            ]),
            option("id", "ip4-id", 65_535, "identification"),
            flag("df", "don't fragment"), flag("DF", "don't fragment"),
            flag("mf", "more fragments"), flag("MF", "more fragments"),
            flag("ce", "the reserved flag"), flag("CE", "the reserved flag"),
            option("length", "ip4-length", 65_535, "another total length than the right one"),
            option("checksum", "ip4-checksum", 65_535, "another checksum than the right one"),
            option("version", "ip4-version", 15, "another version than 4"),
            option("header-length", "ip4-header-length", 15, "another one than 5, in words"),
            .word("random", "addresses at random from their ranges"),
        ])

    private static let ipv6: Syntax =
        .choice([
            .word("UDP:", "an IPv6 header"), .word("TCP:", "an IPv6 header"),
            .word("ICMP6:", "an IPv6 header"),
            .value("ip6-protocol", .header(0...255), "an IPv6 header of this protocol"),
        ]) + fromTo("ip6", .ipv6)
        + .options([
            option("hop-limit", "ip6-hop-limit", 255, "hop limit"),
            option("traffic-class", "ip6-traffic-class", 255, "traffic class"),
            option("flow-label", "ip6-flow-label", 0xF_FFFF, "flow label"),
            option("length", "ip6-length", 65_535, "another payload length than the right one"),
            option("version", "ip6-version", 15, "another version than 6"),
            .word("random", "addresses at random from their ranges"),
        ])

    // MARK: UDP, TCP, ICMP

    private static let udp: Syntax =
        .word("UDP:", "a UDP header") + fromTo("udp", .number(0...65_535))
        + .options([
            option("length", "udp-length", 65_535, "another length than the right one"),
            option("checksum", "udp-checksum", 65_535, "another checksum; 0: none"),
        ])

    /// The flags of TCP, the lowest bit first.
    static let tcpFlags = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]

    private static let tcp: Syntax =
        .word("TCP:", "a TCP header") + fromTo("tcp", .number(0...65_535))
        + .options(
            [
                option("seqnum", "tcp-sequence", 0xFFFF_FFFF, "sequence number"),
                option("acknum", "tcp-acknowledgement", 0xFFFF_FFFF, "acknowledgement"),
                option("window", "tcp-window", 65_535, "window"),
                option("urgent", "tcp-urgent", 65_535, "urgent pointer"),
                option("checksum", "tcp-checksum", 65_535, "another checksum than the right one"),
            ] + tcpFlags.map { flag($0, "this flag; none: SYN") }
        )

    /// Types of ICMP and of ICMP for IPv6 by their words; -1: there is none.
    static let icmpTypes: [(word: String, version4: Int, version6: Int)] = [
        ("echo_request", 8, 128), ("echo_reply", 0, 129), ("destination_unreachable", 3, 1),
        ("packet_too_big", -1, 2), ("time_exceeded", 11, 3), ("parameter_problem", 12, 4),
        ("redirect", 5, 137), ("source_quench", 4, -1), ("timestamp_request", 13, -1),
        ("timestamp_reply", 14, -1), ("router_solicitation", 10, 133),
        ("router_advertisement", 9, 134), ("neighbor_solicitation", -1, 135),
        ("neighbor_advertisement", -1, 136),
    ]

    private static let icmp: Syntax =
        .choice([.word("ICMP", "an ICMP header"), .word("ICMP6", "an ICMP header of IPv6")])
        + .choice(
            icmpTypes.map { .word($0.word, "the type") } + [
                number("icmp-type", 255, "the type")
            ]
        )
        + .options([
            option("code", "icmp-code", 255, "the code"),
            option("id", "icmp-id", 65_535, "the identifier"),
            option("seq", "icmp-sequence", 65_535, "the sequence number"),
            option("checksum", "icmp-checksum", 65_535, "another checksum than the right one"),
        ])

    private static let payload: Syntax = .options([
        .word("incrementing", "bytes that count up")
            + .value("payload", .integer(0...9216), "how many"),
        .word("hex", "bytes as they are") + .repeated(.value("payload", .bytes, "bytes")),
    ])
}
