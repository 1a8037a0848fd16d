/// What stands before a captured packet's bytes in a lane's capture: 48 bytes; the next one begins at a
/// multiple of 8 bytes behind the packet.
@frozen
public struct CapturedPacket: Hashable, Sendable {
    /// The time-stamp counter.
    public var time: UInt64
    /// Bytes of the packet.
    public var length: UInt32
    /// Which of the `CaptureSet`.
    public var what: UInt16
    /// The `sw_if_index` that it came in by, or leaves by.
    public var interface: UInt16
    /// Of a dropped packet: the index of the reason in the worker's table.
    public var error: UInt16
    /// The graph index of the node that brought it, or is to get it.
    public var node: UInt16
    /// The packet's buffer; this and what follows are of `CaptureSet.dispatch`.
    public var buffer: UInt32 = 0
    /// The `sw_if_index` that it came in by, and the one that it leaves by (0: none yet).
    public var rxInterface: UInt16 = 0
    /// See `rxInterface`.
    public var txInterface: UInt16 = 0
    /// Its flags.
    public var flags: UInt16 = 0
    /// Bytes in front of it in the buffer.
    public var headroom: UInt16 = 0
    /// The adjacency that the lookup found.
    public var adjacency: UInt32 = 0
    /// The flow hash; 0: not worked out.
    public var flowHash: UInt32 = 0
    /// With the flag for that: its trace, lane (8 bits) and number (24 bits).
    public var trace: UInt32 = 0
    /// Bytes from the start of the received frame to its network header; 0: not known.
    public var l3Offset: UInt16 = 0
    private var reserved: UInt16 = 0

    /// Makes the header of a packet.
    public init(
        time: UInt64,
        length: UInt32,
        what: UInt16,
        interface: UInt16,
        error: UInt16,
        node: UInt16
    ) {
        self.time = time
        self.length = length
        self.what = what
        self.interface = interface
        self.error = error
        self.node = node
    }

    /// In `what`: the packet begins with its IPv4 header, not with an Ethernet header.
    @inlinable public static var bareBit: UInt16 { 0x8000 }
    /// In `flags`: the packet is traced.
    @inlinable public static var tracedFlag: UInt16 { 1 }
    /// Bytes of this header.
    @inlinable public static var headerBytes: Int { 48 }
}
