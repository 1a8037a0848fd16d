internal import PacketBuffers

/// The error message that a packet is to be answered with: on its way to `ip4-icmp-error` in
/// `Mbuf.nextHop`.
struct ICMPReply {
    /// Type, code, and with `fragmentationNeeded` the next hop's MTU.
    let rawValue: UInt32

    @inline(__always)
    init(rawValue: UInt32) { self.rawValue = rawValue }

    @inline(__always)
    init(type: UInt8, code: UInt8, mtu: UInt16 = 0) {
        rawValue = UInt32(type) &<< 24 | UInt32(code) &<< 16 | UInt32(mtu)
    }

    @inline(__always)
    static var networkUnreachable: ICMPReply { ICMPReply(type: 3, code: 0) }
    @inline(__always)
    static var hostUnreachable: ICMPReply { ICMPReply(type: 3, code: 1) }
    @inline(__always)
    static var protocolUnreachable: ICMPReply { ICMPReply(type: 3, code: 2) }
    @inline(__always)
    static var portUnreachable: ICMPReply { ICMPReply(type: 3, code: 3) }
    @inline(__always)
    static var prohibited: ICMPReply { ICMPReply(type: 3, code: 13) }
    @inline(__always)
    static var timeExceeded: ICMPReply { ICMPReply(type: 11, code: 0) }

    @inline(__always)
    static func fragmentationNeeded(mtu: UInt16) -> ICMPReply {
        ICMPReply(type: 3, code: 4, mtu: mtu)
    }

    @inline(__always)
    var type: UInt8 { UInt8(truncatingIfNeeded: rawValue &>> 24) }
    @inline(__always)
    var code: UInt8 { UInt8(truncatingIfNeeded: rawValue &>> 16) }
    @inline(__always)
    var mtu: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
}

extension Mbuf {
    /// The error message to answer with.
    @inline(__always)
    var reply: ICMPReply {
        get { ICMPReply(rawValue: nextHop) }
        nonmutating set { nextHop = newValue.rawValue }
    }
}
