/// An Ethernet address (IEEE 802, EUI-48).
public struct MACAddress: Hashable, Sendable {
    /// The 48 bits, the first byte on the wire in bits 47...40.
    public var bits: UInt64

    /// Makes an address of its bits; those above bit 47 are dropped.
    public init(bits: UInt64 = 0) { self.bits = bits & 0xFFFF_FFFF_FFFF }

    /// The byte at `index`, 0 being the first on the wire.
    ///
    /// - Precondition: `index` is in 0..<6.
    public subscript(index: Int) -> UInt8 {
        precondition((0..<6).contains(index), "a MAC address has six bytes")
        return UInt8(truncatingIfNeeded: bits >> UInt64((5 - index) * 8))
    }

    /// Whether the address names a group (the least significant bit of the first byte).
    public var isMulticast: Bool { bits >> 40 & 1 == 1 }
}

extension MACAddress: CustomStringConvertible {
    /// Six pairs of lower-case hexadecimal digits, such as `02:fe:00:00:00:01`.
    public var description: String {
        (0..<6).map { index in
            let digits = String(self[index], radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined(separator: ":")
    }

    /// Reads six pairs of hexadecimal digits with colons between them, or VPP's `xxxx.xxxx.xxxx`.
    ///
    /// - Parameter text: the address and nothing else; nil is returned for any other text.
    public init?(_ text: some StringProtocol) {
        let parts =
            text.contains(".")
            ? text.split(separator: ".", omittingEmptySubsequences: false)
            : text.split(separator: ":", omittingEmptySubsequences: false)
        let width = text.contains(".") ? 4 : 2
        guard parts.count == 12 / width else { return nil }
        var bits: UInt64 = 0
        for part in parts {
            guard part.utf8.count <= width, !part.isEmpty, part.first != "+",
                let value = UInt64(part, radix: 16)
            else { return nil }
            bits = bits << UInt64(width * 4) | value
        }
        self.init(bits: bits)
    }
}
