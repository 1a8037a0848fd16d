/// A rule of an access list, as it is written: which IPv4 packets it matches, and what becomes of them.
struct AccessRule: Hashable {
    /// An address and how many of its bits count.
    struct Prefix: Hashable {
        var address: UInt32 = 0
        var length = 0

        var mask: UInt32 { length == 0 ? 0 : .max << UInt32(32 - length) }
    }

    var permits = true
    /// The IPv4 protocol; nil: any.
    var ipProtocol: UInt8?
    var source = Prefix()
    var destination = Prefix()
    /// A rule with ports matches only packets of TCP, UDP and SCTP whose ports can be seen: no later fragments.
    var sourcePorts: ClosedRange<UInt16> = 0...65_535
    var destinationPorts: ClosedRange<UInt16> = 0...65_535

    var hasPorts: Bool { sourcePorts != 0...65_535 || destinationPorts != 0...65_535 }

    /// Protocols with names, and those of them that have ports.
    static let protocols: [(name: String, number: UInt8, hasPorts: Bool)] = [
        ("icmp", 1, false), ("tcp", 6, true), ("udp", 17, true), ("sctp", 132, true),
    ]
}

extension AccessRule: CustomStringConvertible {
    /// The words that `init(parsing:)` reads.
    var description: String {
        var words = [permits ? "permit" : "deny"]
        if let number = ipProtocol {
            let name = Self.protocols.first { $0.number == number }?.name
            words += ["proto", name ?? "\(number)"]
        }
        if source.length > 0 { words += ["src", source.description] }
        if destination.length > 0 { words += ["dst", destination.description] }
        if sourcePorts != 0...65_535 { words += ["sport", text(sourcePorts)] }
        if destinationPorts != 0...65_535 { words += ["dport", text(destinationPorts)] }
        return words.joined(separator: " ")
    }

    private func text(_ range: ClosedRange<UInt16>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }
}

extension AccessRule.Prefix: CustomStringConvertible {
    /// The prefix as `A.B.C.D/L`.
    var description: String {
        let parts = (0..<4).map { "\(address >> UInt32(24 - 8 * $0) & 255)" }
        return parts.joined(separator: ".") + "/\(length)"
    }

    /// Reads `A.B.C.D/L` or `A.B.C.D`; bits beyond the length are cleared.
    init?(parsing text: String) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        let bytes = (halves.first ?? "").split(separator: ".", omittingEmptySubsequences: false)
            .map { $0.utf8.count <= 3 ? UInt8($0) : nil }
        guard halves.count <= 2, bytes.count == 4 else { return nil }
        for byte in bytes {
            guard let byte else { return nil }
            address = address << 8 | UInt32(byte)
        }
        guard let length = halves.count == 2 ? Int(halves[1]) : 32, 0...32 ~= length else {
            return nil
        }
        self.length = length
        address &= mask
    }
}

extension AccessRule {
    /// Reads a rule: `permit` or `deny`, then what must match, in any order.
    ///
    /// - Throws: the word that is wrong, and what would be right.
    init(parsing words: [String]) throws(AccessListError) {
        guard let first = words.first, ["permit", "deny"].contains(first) else {
            throw AccessListError("a rule begins with permit or deny, not \"\(words.first ?? "")\"")
        }
        permits = first == "permit"
        var rest = words.dropFirst()
        while let key = rest.popFirst() {
            guard let value = rest.popFirst() else { throw AccessListError("\(key) has no value") }
            try set(key, value)
        }
        let named = Self.protocols.first { $0.number == ipProtocol }
        guard !hasPorts || named?.hasPorts == true else {
            throw AccessListError("ports need proto tcp, udp or sctp")
        }
    }

    private mutating func set(_ key: String, _ value: String) throws(AccessListError) {
        switch key {
        case "proto":
            let number = Self.protocols.first { $0.name == value }?.number ?? UInt8(value)
            guard let number else {
                throw AccessListError(
                    "\"\(value)\" is no protocol: icmp, tcp, udp, sctp or 0 to 255"
                )
            }
            ipProtocol = number
        case "src", "dst":
            guard let prefix = value == "any" ? Prefix() : Prefix(parsing: value) else {
                throw AccessListError("\"\(value)\" is no prefix such as 10.0.0.0/8, nor any")
            }
            if key == "src" { source = prefix } else { destination = prefix }
        case "sport", "dport":
            guard let range = Self.ports(value) else {
                throw AccessListError(
                    "\"\(value)\" is no port or range of ports such as 80 or 1024-65535"
                )
            }
            if key == "sport" { sourcePorts = range } else { destinationPorts = range }
        default:
            throw AccessListError("\"\(key)\" is none of proto, src, dst, sport, dport")
        }
    }

    private static func ports(_ text: String) -> ClosedRange<UInt16>? {
        let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard bounds.count <= 2, let first = bounds.first ?? nil, let last = bounds.last ?? nil,
            first <= last
        else { return nil }
        return first...last
    }
}

/// Why something of an access list is refused.
struct AccessListError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
