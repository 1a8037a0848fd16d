/// The checksum of IPv4, ICMP, UDP and TCP (RFC 1071).
enum InternetChecksum {
    /// The one's complement of the one's complement sum of the 16-bit words, big-endian; an odd
    /// byte at the end counts as the upper half of a word.
    static func of(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for (index, byte) in bytes.enumerated() {
            sum += index.isMultiple(of: 2) ? UInt32(byte) << 8 : UInt32(byte)
        }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
        return ~UInt16(sum)
    }
}
