internal import PacketBuffers

/// An IPv4 header in a packet (RFC 791): a pointer with names for the fields.
///
/// Whoever makes one has checked that 20 bytes are there.
struct IPv4Header {
    let base: UnsafeMutableRawPointer

    @inline(__always)
    init(_ mbuf: Mbuf) { base = mbuf.data }

    @inline(__always)
    init(at base: UnsafeMutableRawPointer) { self.base = base }

    /// Bytes of a header without options.
    static var minimumBytes: Int { 20 }

    @inline(__always)
    var versionAndLength: UInt8 { base.load(as: UInt8.self) }

    /// Bytes of the header by its own word, 0...60.
    @inline(__always)
    var headerBytes: Int { Int(versionAndLength & 15) &<< 2 }

    @inline(__always)
    var totalLength: Int {
        get { Int(bigEndian(at: 2)) }
        nonmutating set { setBigEndian(UInt16(truncatingIfNeeded: newValue), at: 2) }
    }

    @inline(__always)
    var identification: UInt16 {
        get { bigEndian(at: 4) }
        nonmutating set { setBigEndian(newValue, at: 4) }
    }

    /// Flags (`IPv4Flags`) and, in the low 13 bits, the fragment's offset in units of eight bytes.
    @inline(__always)
    var fragment: UInt16 {
        get { bigEndian(at: 6) }
        nonmutating set { setBigEndian(newValue, at: 6) }
    }

    @inline(__always)
    var timeToLive: UInt8 {
        get { (base + 8).load(as: UInt8.self) }
        nonmutating set { (base + 8).storeBytes(of: newValue, as: UInt8.self) }
    }

    @inline(__always)
    var protocolNumber: UInt8 { (base + 9).load(as: UInt8.self) }

    /// The checksum as it lies in memory.
    @inline(__always)
    var checksum: UInt16 {
        get { (base + 10).loadUnaligned(as: UInt16.self) }
        nonmutating set { (base + 10).storeBytes(of: newValue, as: UInt16.self) }
    }

    /// In host byte order.
    @inline(__always)
    var source: UInt32 {
        get { UInt32(bigEndian: (base + 12).loadUnaligned(as: UInt32.self)) }
        nonmutating set { (base + 12).storeBytes(of: newValue.bigEndian, as: UInt32.self) }
    }

    /// In host byte order.
    @inline(__always)
    var destination: UInt32 {
        get { UInt32(bigEndian: (base + 16).loadUnaligned(as: UInt32.self)) }
        nonmutating set { (base + 16).storeBytes(of: newValue.bigEndian, as: UInt32.self) }
    }

    /// Works the checksum out anew.
    @inline(__always)
    func refreshChecksum() {
        checksum = 0
        checksum = ~InternetChecksum.fold(InternetChecksum.sum(base, count: headerBytes))
    }

    @inline(__always)
    private func bigEndian(at offset: Int) -> UInt16 {
        UInt16(bigEndian: (base + offset).loadUnaligned(as: UInt16.self))
    }

    @inline(__always)
    private func setBigEndian(_ value: UInt16, at offset: Int) {
        (base + offset).storeBytes(of: value.bigEndian, as: UInt16.self)
    }
}

/// Bits of `IPv4Header.fragment`.
enum IPv4Flags {
    static let dontFragment: UInt16 = 0x4000
    static let moreFragments: UInt16 = 0x2000
    static let offsetMask: UInt16 = 0x1FFF
}

/// Protocol numbers of the IPv4 header.
enum IPProtocol {
    static let icmp: UInt8 = 1
    static let tcp: UInt8 = 6
    static let udp: UInt8 = 17
}

/// Which IPv4 addresses may stand where (RFC 1812, 5.3.7).
enum IPv4AddressClass {
    /// Whether an address can be one host's: 1.0.0.0...223.255.255.255 without 127.0.0.0/8.
    @inline(__always)
    static func isHost(_ address: UInt32) -> Bool {
        let first = address &>> 24
        return first &- 1 < 223 && first != 127
    }

    /// 224.0.0.0/4.
    @inline(__always)
    static func isMulticast(_ address: UInt32) -> Bool { address &>> 28 == 14 }
}
