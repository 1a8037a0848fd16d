internal import CDPDK
internal import PacketBuffers

/// The hash that spreads an interface's packets over lanes (`set interface handoff`), VPP's default
/// one.
enum HandoffHash {
    /// The CRC-32C of a packet's addresses and protocol; 0 for all that is not IPv4.
    ///
    /// Ports are left out, so that the fragments of a packet stay together.
    ///
    /// - Parameters:
    ///   - mbuf: a frame of at least 14 bytes.
    ///   - isSymmetric: whether both directions of a flow have the same hash.
    /// - Returns: the hash.
    @inline(__always)
    static func hash(_ mbuf: Mbuf, isSymmetric: Bool) -> UInt32 {
        let header = EthernetHeader.byteCount
        guard mbuf.length >= header &+ IPv4Header.minimumBytes,
            mbuf.load(UInt16.self, at: 12) == EthernetHeader.TypeInMemory.ipv4
        else { return 0 }
        let addresses = mbuf.load(UInt64.self, at: header &+ 12)
        let number = UInt64(mbuf.load(UInt8.self, at: header &+ 9))
        let key = isSymmetric ? (addresses ^ addresses &>> 32) & 0xFFFF_FFFF : addresses
        return cw_crc32c(key ^ number, 0)
    }
}
