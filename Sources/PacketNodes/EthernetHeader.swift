internal import PacketBuffers

/// The Ethernet header (IEEE 802.3): destination, source, type.
enum EthernetHeader {
    static let byteCount = 14
    /// Bytes of the shortest frame on a wire, its check sequence not counted.
    static let minimumFrameBytes = 60
    /// The low 48 bits of a word that was read at a MAC address.
    static let addressMask: UInt64 = 0xFFFF_FFFF_FFFF
    /// Below this the type is a length and an LLC header follows.
    static let firstType: UInt16 = 0x600

    /// Types as they read in the little-endian memory of a packet.
    enum TypeInMemory {
        static let ipv4: UInt16 = 0x0008
        static let arp: UInt16 = 0x0608
        static let vlan: UInt16 = 0x0081
        static let serviceVLAN: UInt16 = 0xA888
    }

    /// Whether a MAC address, its first byte in the low bits, names a group.
    @inline(__always)
    static func isGroup(_ address: UInt64) -> Bool { address & 1 != 0 }

    /// A MAC address with its first byte in the low bits as one with its first byte in the high
    /// bits, or back.
    @inline(__always)
    static func reversed(_ address: UInt64) -> UInt64 { address.byteSwapped &>> 16 }

    /// Writes a header where 14 bytes fit: addresses with their first byte in the low bits, the
    /// type as it reads in memory.
    @inline(__always)
    static func write(
        at base: UnsafeMutableRawPointer,
        destination: UInt64,
        source: UInt64,
        type: UInt16
    ) {
        let own = source & addressMask
        base.storeBytes(of: (destination & addressMask) | own &<< 48, as: UInt64.self)
        (base + 6).storeBytes(of: own | UInt64(type) &<< 48, as: UInt64.self)
    }
}

extension Mbuf {
    /// Whether the packet came in a frame to a group address; false once its Ethernet header is
    /// unknown.
    @inline(__always)
    var cameToGroup: Bool {
        l3Offset == EthernetHeader.byteCount
            && (data - EthernetHeader.byteCount).load(as: UInt8.self) & 1 != 0
    }
}
