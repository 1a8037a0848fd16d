extension PacketTemplate {
    /// What stands within `data { ... }`.
    static let syntax: Syntax = .choice([
        ethernet + ipv4,
        ipv4,
        .word("hex", "the packet's bytes") + .repeated(.value("payload", .bytes, "bytes")),
    ])

    private static let ethernet =
        Syntax.word("IP4:", "an Ethernet header before IPv4")
        + .value("source-mac", .mac, "from") + .word("->") + .value("destination-mac", .mac, "to")

    private static let ipv4: Syntax = .choice([
        network("UDP:") + .optional(ports("UDP:")) + payload,
        network("TCP:") + .optional(ports("TCP:")) + payload,
        network("ICMP:") + .optional(icmp) + payload,
    ])

    private static func network(_ proto: String) -> Syntax {
        .word(proto, "an IPv4 header") + address("source", "from") + .word("->")
            + address("destination", "to")
            + .options([
                .option("ttl", .integer(0...255), "time to live"),
                .option("tos", .integer(0...255), "type of service"),
                .word("random", "addresses at random from their ranges"),
            ])
    }

    private static func address(_ key: String, _ help: String) -> Syntax {
        .value(key, .addressRange, help)
            + .optional(.word("-") + .value(key + "-last", .address, "the last address"))
    }

    private static func ports(_ name: String) -> Syntax {
        .word(name, "ports") + .value("source-port", .integer(0...65_535), "from") + .word("->")
            + .value("destination-port", .integer(0...65_535), "to")
    }

    private static let icmp =
        Syntax.word("ICMP", "an ICMP header")
        + .choice([
            .word("echo_request"), .word("echo_reply"),
            .value("type", .integer(0...255), "the type"),
        ])
        + .options([
            .option("code", .integer(0...255), "the code"),
            .option("id", .integer(0...65_535), "the identifier"),
            .option("seq", .integer(0...65_535), "the sequence number"),
        ])

    private static let payload: Syntax = .options([
        .word("incrementing", "bytes that count up")
            + .value("payload", .integer(0...9216), "how many"),
        .word("hex", "more bytes") + .repeated(.value("payload", .bytes, "bytes")),
    ])
}
