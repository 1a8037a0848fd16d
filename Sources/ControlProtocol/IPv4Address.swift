/// An IPv4 address (RFC 791).
public struct IPv4Address: Hashable, Comparable, Sendable {
    /// The 32 bits in host byte order: 10.0.0.1 is 0x0A000001.
    public var bits: UInt32

    /// Makes an address of its 32 bits in host byte order.
    public init(bits: UInt32) { self.bits = bits }

    /// Orders addresses as unsigned numbers: 9.0.0.0 comes before 10.0.0.0.
    public static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.bits < right.bits }

    /// The netmask of a prefix length.
    ///
    /// - Parameter length: 0...32.
    /// - Returns: the mask in host byte order: `length` ones from the top, then zeros.
    public static func mask(length: Int) -> UInt32 {
        length == 0 ? 0 : UInt32.max << UInt32(32 - length)
    }
}

extension IPv4Address: CustomStringConvertible {
    /// Dotted decimal.
    public var description: String {
        "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
    }

    /// Reads dotted decimal: four numbers of 0...255 without sign or leading zeros.
    ///
    /// - Parameter text: the address and nothing else; nil is returned for any other text.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count),
                part.utf8.allSatisfy({ (48...57).contains($0) }),
                part.utf8.count == 1 || part.utf8.first != 48, let value = UInt8(part)
            else { return nil }
            bits = bits << 8 | UInt32(value)
        }
        self.init(bits: bits)
    }
}

/// An IPv4 network.
public struct IPv4Prefix: Hashable, Sendable {
    /// The network address, its host bits zero.
    public var address: IPv4Address
    /// The number of leading bits that addresses of the network share, 0...32.
    public var length: Int

    /// Makes a network, clearing the host bits of `address`.
    ///
    /// - Precondition: `length` is in 0...32.
    public init(address: IPv4Address, length: Int) {
        precondition((0...32).contains(length), "a prefix length is 0...32")
        self.address = IPv4Address(bits: address.bits & IPv4Address.mask(length: length))
        self.length = length
    }

    /// Whether `address` lies in this network.
    public func contains(_ address: IPv4Address) -> Bool {
        address.bits & IPv4Address.mask(length: length) == self.address.bits
    }
}

extension IPv4Prefix: CustomStringConvertible {
    /// `a.b.c.d/len`.
    public var description: String { "\(address)/\(length)" }

    /// Reads `a.b.c.d/len`; host bits are cleared.
    ///
    /// - Parameter text: the network and nothing else; nil is returned for any other text.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(parts[0]), parts[1].utf8.count <= 2,
            parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(parts[1]),
            length <= 32
        else { return nil }
        self.init(address: address, length: length)
    }
}
