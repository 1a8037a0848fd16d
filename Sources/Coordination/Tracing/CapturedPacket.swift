/// What stands before a captured packet's bytes in a lane's capture: 24 bytes; the next one begins at a
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
    private var reserved: UInt32 = 0

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
    /// Bytes of this header.
    @inlinable public static var headerBytes: Int { 24 }
}
