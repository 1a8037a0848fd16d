/// What one graph node did with one traced packet, as it lies in a lane's trace: 64 bytes, and behind them
/// up to `dataBytes` of the packet.
///
/// The lane stores all of it before it publishes the record (`TraceLane.Word.written`), and once more after
/// the graph node's call what has come of the packet; `mark` is stored last each time.
@frozen
public struct TraceRecord: Hashable, Sendable {
    /// The time-stamp counter before the node's call.
    public var time: UInt64 = 0
    /// The number of the packet's trace on its lane (24 bits), and in bits 32 and up the `State`.
    public var mark: UInt64 = 0
    /// The graph index of the node.
    public var node: UInt16 = 0
    /// The graph index of the node that the packet went to; `ended`: to none.
    public var next: UInt16 = TraceRecord.ended
    /// The `sw_if_index` of the interface that it came in by.
    public var rxInterface: UInt16 = 0
    /// That of the interface that it leaves by; 0: none yet.
    public var txInterface: UInt16 = 0
    /// The adjacency that the lookup found.
    public var adjacency: UInt32 = 0
    /// The flow hash; 0: not worked out.
    public var flowHash: UInt32 = 0
    /// The index of the drop reason in the worker's table.
    public var error: UInt16 = 0
    /// The packet's flags.
    public var flags: UInt16 = 0
    /// Bytes from the start of the received frame to its network header; 0: not known.
    public var l3Offset: UInt16 = 0
    /// Bytes of the packet as the node saw it.
    public var length: UInt16 = 0
    /// How many of them follow the record.
    public var dataCount: UInt16 = 0
    /// Bytes in front of them in the buffer.
    public var headroom: UInt16 = 0
    /// Of a packet that was handed over: the producing lane among all lanes.
    public var peer: UInt16 = 0
    /// What the record is: `Kind`.
    public var kind: UInt16 = 0
    /// Of a packet that was handed over: its trace there, lane (8 bits) and number (24 bits).
    public var previous: UInt32 = 0
    /// Of a packet that another worker handed over: that worker's life.
    public var previousIncarnation: UInt32 = 0
    private var reserved: UInt64 = 0

    /// A record of nothing.
    public init() {}

    /// How far the node's call is.
    public enum State: UInt64, Sendable {
        /// The node has been called, and not come back.
        case called = 1
        /// The record is complete.
        case complete = 2
    }

    /// What a record says.
    public enum Kind: UInt16, Sendable {
        /// A node worked on the packet.
        case node = 0
        /// An input node took the packet, and the trace begins.
        case start = 1
        /// The packet came from another lane of this worker, which has the trace's first part.
        case fromLane = 2
        /// The packet came from another worker, which has the trace's first part.
        case fromWorker = 3
    }

    /// In `next`: the node kept, sent or freed the packet.
    @inlinable public static var ended: UInt16 { .max }
    /// Bytes of a record without the packet's.
    @inlinable public static var headerBytes: Int { 64 }
    /// The most bytes of a packet that are kept.
    @inlinable public static var dataBytes: Int { 64 }
    /// Bytes from one record to the next.
    @inlinable public static var strideBytes: Int { headerBytes + dataBytes }
    /// Bytes in front of a frame in its buffer when it has been received, and when it is to be sent.
    ///
    /// That is DPDK's RTE_PKTMBUF_HEADROOM; the worker's build checks it.
    @inlinable public static var frameHeadroom: Int { 128 }
    /// The bits of a trace's number.
    @inlinable public static var indexMask: UInt32 { 0xFF_FFFF }

    /// The number of the packet's trace on its lane.
    public var index: UInt32 { UInt32(truncatingIfNeeded: mark) & Self.indexMask }
    /// Whether the node came back.
    public var isComplete: Bool { mark >> 32 == State.complete.rawValue }
}
