internal import PacketBuffers

/// The hash that spreads flows over the buckets of an ECMP group: Jenkins's lookup3 mix over
/// addresses, protocol and ports, as VPP's default, with all fields as they lie in memory.
enum FlowHash {
    /// The hash of a packet that `ip4-input` has checked; never 0, which means "not worked out".
    @inline(__always)
    static func hash(_ mbuf: Mbuf) -> UInt32 { hash(IPv4Header(mbuf), mbuf.length) }

    /// The same, of a packet of `length` bytes that begins with this header.
    @inline(__always)
    static func hash(_ header: IPv4Header, _ length: Int) -> UInt32 {
        let number = header.protocolNumber
        var ports: UInt32 = 0
        let offset = header.headerBytes
        // A fragment goes where the others of its packet go, and only the first has ports.
        let isWhole = header.fragment & (IPv4Flags.moreFragments | IPv4Flags.offsetMask) == 0
        if number == IPProtocol.tcp || number == IPProtocol.udp, isWhole, length >= offset &+ 4 {
            ports = rotate((header.base + offset).loadUnaligned(as: UInt32.self), 16)
        }
        let source = (header.base + 12).loadUnaligned(as: UInt32.self)
        let destination = (header.base + 16).loadUnaligned(as: UInt32.self)
        let value = mix(source, destination ^ UInt32(number), ports)
        return value == 0 ? 1 : value
    }

    @inline(__always)
    private static func mix(_ first: UInt32, _ second: UInt32, _ third: UInt32) -> UInt32 {
        var (a, b, c) = (first, second, third)
        (a, b, c) = (a &- c ^ rotate(c, 4), b, c &+ b)
        (a, b, c) = (a &+ c, b &- a ^ rotate(a, 6), c)
        (a, b, c) = (a, b &+ a, c &- b ^ rotate(b, 8))
        (a, b, c) = (a &- c ^ rotate(c, 16), b, c &+ b)
        (a, b, c) = (a &+ c, b &- a ^ rotate(a, 19), c)
        (a, b, c) = (a, b &+ a, c &- b ^ rotate(b, 4))
        c = (c ^ b) &- rotate(b, 14)
        a = (a ^ c) &- rotate(c, 11)
        b = (b ^ a) &- rotate(a, 25)
        c = (c ^ b) &- rotate(b, 16)
        a = (a ^ c) &- rotate(c, 4)
        b = (b ^ a) &- rotate(a, 14)
        return (c ^ b) &- rotate(b, 24)
    }

    @inline(__always)
    private static func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 {
        value &<< bits | value &>> (32 &- bits)
    }
}
