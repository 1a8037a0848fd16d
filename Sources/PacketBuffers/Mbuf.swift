public import CDPDK

/// DPDK's packet buffer: a pointer, never an object.
///
/// While a packet is in the graph its metadata lies in the buffer's first cache line, in fields
/// that no driver reads on transmit: one hot line a packet.
@frozen
public struct Mbuf: @unchecked Sendable, Equatable {
    /// The buffer's header, which knows where its bytes lie.
    public let pointer: UnsafeMutablePointer<cw_mbuf>

    /// Wraps a buffer.
    @inlinable @inline(__always)
    public init(_ pointer: UnsafeMutablePointer<cw_mbuf>) { self.pointer = pointer }

    /// The first byte of the packet as it stands: the header of the layer that the graph is at.
    @inlinable @inline(__always)
    public var data: UnsafeMutableRawPointer {
        pointer.pointee.buf_addr + Int(pointer.pointee.data_off)
    }

    /// Bytes of the packet from `data` on.
    @inlinable @inline(__always)
    public var length: Int { Int(pointer.pointee.data_len) }

    /// Sets the bytes from `data` on.
    ///
    /// - Precondition: they fit behind `data`.
    @inlinable @inline(__always)
    public func setLength(_ bytes: Int) {
        assert(bytes >= 0 && bytes <= room)
        pointer.pointee.data_len = UInt16(truncatingIfNeeded: bytes)
        pointer.pointee.pkt_len = UInt32(truncatingIfNeeded: bytes)
    }

    /// Bytes that the buffer has from `data` on.
    @inlinable @inline(__always)
    public var room: Int { Int(pointer.pointee.buf_len) - Int(pointer.pointee.data_off) }

    /// Bytes in front of `data`.
    @inlinable @inline(__always)
    public var headroom: Int { Int(pointer.pointee.data_off) }

    /// Moves the start of the packet: forwards past a header, or (negative) back in front of one.
    ///
    /// - Precondition: the packet is long enough, or the headroom is.
    @inlinable @inline(__always)
    public func advance(_ bytes: Int) {
        assert(bytes <= length && -bytes <= headroom)
        pointer.pointee.data_off = UInt16(truncatingIfNeeded: headroom &+ bytes)
        let rest = length &- bytes
        pointer.pointee.data_len = UInt16(truncatingIfNeeded: rest)
        pointer.pointee.pkt_len = UInt32(truncatingIfNeeded: rest)
    }

    /// The interface that the packet came in by (`sw_if_index`).
    @inlinable @inline(__always)
    public var rxInterface: UInt16 {
        get { pointer.pointee.rx_interface }
        nonmutating set { pointer.pointee.rx_interface = newValue }
    }

    /// The interface that it leaves by.
    @inlinable @inline(__always)
    public var txInterface: UInt16 {
        get { pointer.pointee.tx_interface }
        nonmutating set { pointer.pointee.tx_interface = newValue }
    }

    /// The adjacency that the lookup found.
    @inlinable @inline(__always)
    public var adjacency: UInt32 {
        get { pointer.pointee.adjacency }
        nonmutating set { pointer.pointee.adjacency = newValue }
    }

    /// The flow hash; 0: not worked out.
    @inlinable @inline(__always)
    public var flowHash: UInt32 {
        get { pointer.pointee.flow_hash }
        nonmutating set { pointer.pointee.flow_hash = newValue }
    }

    /// Why it is to be dropped: an index into the worker's table of reasons.
    @inlinable @inline(__always)
    public var error: UInt16 {
        get { pointer.pointee.error }
        nonmutating set { pointer.pointee.error = newValue }
    }

    /// `MbufFlags`.
    @inlinable @inline(__always)
    public var flags: UInt16 {
        get { pointer.pointee.flags }
        nonmutating set { pointer.pointee.flags = newValue }
    }

    /// Bytes from the start of the received frame to its network header.
    @inlinable @inline(__always)
    public var l3Offset: UInt16 {
        get { pointer.pointee.l3_offset }
        nonmutating set { pointer.pointee.l3_offset = newValue }
    }

    /// The trace record, with `MbufFlags.traced`: lane (8 bits), index (24 bits).
    ///
    /// It lies in the second cache line.
    @inlinable @inline(__always)
    public var trace: UInt32 {
        get { pointer.pointee.trace }
        nonmutating set { pointer.pointee.trace = newValue }
    }

    /// The address to ask for, on the way to `ip4-arp` and `ip4-glean`.
    ///
    /// It lies in the second cache line.
    @inlinable @inline(__always)
    public var nextHop: UInt32 {
        get { pointer.pointee.next_hop }
        nonmutating set { pointer.pointee.next_hop = newValue }
    }

    /// Makes the metadata of a packet that has just been received or made.
    ///
    /// Drivers leave packet type, hash and VLAN tags in the fields that the graph uses.
    @inlinable @inline(__always)
    public func enterGraph(rxInterface: UInt16) {
        pointer.pointee.rx_interface = rxInterface
        pointer.pointee.ol_flags = 0
        pointer.pointee.adjacency = 0
        pointer.pointee.tx_interface = 0
        pointer.pointee.flow_hash = 0
        pointer.pointee.error = 0
        pointer.pointee.flags = 0
        pointer.pointee.l3_offset = 0
    }

    /// Starts loading the first cache line of the buffer's header.
    @inlinable @inline(__always)
    public func prefetchHeader() { cw_prefetch(pointer) }

    /// Starts loading the packet's first bytes; reads the header.
    @inlinable @inline(__always)
    public func prefetchData() { cw_prefetch(data) }
}

/// Bits of `Mbuf.flags`.
public enum MbufFlags {
    /// The packet is traced.
    public static let traced: UInt16 = 1
    /// The router made it: its TTL is not decremented.
    public static let local: UInt16 = 2
    /// It was handed over from another NUMA node.
    public static let handedOver: UInt16 = 4
}
