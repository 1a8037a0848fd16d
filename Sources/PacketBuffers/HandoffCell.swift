/// The first cell of a packet on a handoff ring: what the graph needs to know of it on the other
/// side.
///
/// A packet is a run of 64-byte cells: this header and then its bytes. All fields are little-endian
/// words of a machine that both ends run on; a consumer checks each before use, because the
/// producer is another process.
@frozen
public struct HandoffHeader {
    /// Bytes of the packet, 1...`maximumPacketBytes`.
    public var length: UInt16
    /// Cells of the run, this one included.
    public var cells: UInt16
    /// The raw value of the `HandoffNext` at which it goes on.
    public var next: UInt16
    /// The bits of `MbufFlags` that it had at the producer.
    public var flags: UInt16
    /// The `sw_if_index` of the interface that it came in by, on whichever node that is.
    public var rxInterface: UInt16
    /// The `sw_if_index` that it leaves by; 0: not looked up yet.
    public var txInterface: UInt16
    /// The flow hash; 0: not worked out.
    public var flowHash: UInt32
    /// The producer's trace record with `MbufFlags.traced`, else 0.
    public var trace: UInt32
    /// Which life of the producer wrote it, from 1.
    public var incarnation: UInt32
    /// The producer's time-stamp counter when it wrote the batch.
    public var enqueueTSC: UInt64

    /// Makes a header; the producer does, and writes it whole.
    @inlinable @inline(__always)
    public init(
        length: UInt16,
        cells: UInt16,
        next: UInt16,
        flags: UInt16,
        rxInterface: UInt16,
        txInterface: UInt16,
        flowHash: UInt32,
        trace: UInt32,
        incarnation: UInt32,
        enqueueTSC: UInt64
    ) {
        self.length = length
        self.cells = cells
        self.next = next
        self.flags = flags
        self.rxInterface = rxInterface
        self.txInterface = txInterface
        self.flowHash = flowHash
        self.trace = trace
        self.incarnation = incarnation
        self.enqueueTSC = enqueueTSC
    }
}

/// The graph nodes at which a packet can go on after a handoff, by numbers that both workers'
/// builds share.
public enum HandoffNext: UInt16, CaseIterable, Sendable {
    /// A frame to work on from its Ethernet header on.
    case ethernetInput = 0
    /// A packet ready to leave by its interface.
    case interfaceOutput = 1
}

/// Arithmetic on cells.
public enum HandoffCells {
    /// Bytes of a cell.
    public static let bytes = 64
    /// The longest packet that a ring carries.
    public static let maximumPacketBytes = 16_384

    /// The cells that a packet of `length` bytes takes.
    @inlinable @inline(__always)
    public static func count(length: Int) -> Int { 1 &+ (length &+ 63) >> 6 }

    /// Cells that a producer asks for ahead of the one it writes: the line is the consumer's until then.
    @inlinable @inline(__always)
    static var prefetchDistance: Int { 24 }

    /// Copies a number of bytes: for the few packets that lie across the ring's end or fill their buffer.
    @usableFromInline @inline(never)
    static func copyExactly(
        _ source: UnsafeRawPointer,
        to target: UnsafeMutableRawPointer,
        byteCount: Int
    ) {
        target.copyMemory(from: source, byteCount: byteCount)
    }

    /// Copies whole cells, so that a short packet takes a few vector moves and no call.
    ///
    /// - Precondition: both sides have `cells` times 64 bytes, which may be more than the packet.
    @inlinable @inline(__always)
    static func copy(
        _ source: UnsafeRawPointer,
        to target: UnsafeMutableRawPointer,
        cells: Int
    ) {
        var offset = 0
        let end = cells &* bytes
        while offset < end {
            let line = source.loadUnaligned(fromByteOffset: offset, as: SIMD64<UInt8>.self)
            target.storeBytes(of: line, toByteOffset: offset, as: SIMD64<UInt8>.self)
            offset &+= bytes
        }
    }
}
