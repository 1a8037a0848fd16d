internal import PacketBuffers

/// An ARP message for IPv4 over Ethernet (RFC 826).
///
/// Whoever makes one has checked that `byteCount` bytes are there. MAC addresses have their first
/// byte in the low bits, as they read in memory.
struct ARPHeader {
    let base: UnsafeMutableRawPointer

    static var byteCount: Int { 28 }
    static var request: UInt16 { 1 }
    static var reply: UInt16 { 2 }
    /// Hardware type 1, protocol type 0x0800 and the lengths 6 and 4, as they read in memory.
    static var formats: (hardware: UInt16, protocolType: UInt16, lengths: UInt16) {
        (0x0100, 0x0008, 0x0406)
    }

    @inline(__always)
    init(_ mbuf: Mbuf) { base = mbuf.data }

    @inline(__always)
    init(at base: UnsafeMutableRawPointer) { self.base = base }

    var hardware: UInt16 { word(at: 0) }
    var protocolType: UInt16 { word(at: 2) }
    var lengths: UInt16 { word(at: 4) }
    var operation: UInt16 { word(at: 6).byteSwapped }
    var senderMAC: UInt64 { (base + 8).loadUnaligned(as: UInt64.self) & EthernetHeader.addressMask }
    /// In host byte order.
    var sender: UInt32 { UInt32(bigEndian: (base + 14).loadUnaligned(as: UInt32.self)) }
    /// In host byte order.
    var target: UInt32 { UInt32(bigEndian: (base + 24).loadUnaligned(as: UInt32.self)) }

    private func word(at offset: Int) -> UInt16 {
        (base + offset).loadUnaligned(as: UInt16.self)
    }

    /// Writes a whole message.
    func write(
        operation: UInt16,
        senderMAC: UInt64,
        sender: UInt32,
        targetMAC: UInt64,
        target: UInt32
    ) {
        base.storeBytes(of: Self.formats.hardware, as: UInt16.self)
        (base + 2).storeBytes(of: Self.formats.protocolType, as: UInt16.self)
        (base + 4).storeBytes(of: Self.formats.lengths, as: UInt16.self)
        (base + 6).storeBytes(of: operation.bigEndian, as: UInt16.self)
        let addresses = senderMAC & EthernetHeader.addressMask
        (base + 8).storeBytes(of: addresses, as: UInt64.self)
        (base + 14).storeBytes(of: sender.bigEndian, as: UInt32.self)
        (base + 18).storeBytes(of: UInt32(truncatingIfNeeded: targetMAC), as: UInt32.self)
        (base + 22).storeBytes(of: UInt16(truncatingIfNeeded: targetMAC &>> 32), as: UInt16.self)
        (base + 24).storeBytes(of: target.bigEndian, as: UInt32.self)
    }
}
