internal import CLinux

/// A stream as its lane reads it: immutable, but for `state`, which the lane alone writes.
struct GeneratorStream {
    /// `maximumBytes` bytes: the template, then an incrementing pattern; addresses are the first of
    /// their ranges.
    var image: UnsafeMutablePointer<UInt8>
    /// Length fields and checksums by size, from `minimumBytes` on; nil: those of the image serve.
    var sizes: UnsafeMutablePointer<GeneratorSizeFields>?
    var layout: GeneratorLayout
    var minimumBytes: Int
    var maximumBytes: Int
    /// `GeneratorInput.Next`.
    var exit: UInt16
    var interface: UInt16
    var framePackets: Int
    /// Packets in all; 0: no end.
    var limit: UInt64
    /// 0: as many as go.
    var packetsPerSecond: Double
    var destination: GeneratorRange
    var source: GeneratorRange
    var isRandom: Bool
    var state: UnsafeMutablePointer<GeneratorState>
}

/// Where in a stream's packets the fields are that go with size and addresses.
struct GeneratorLayout {
    /// Bytes in front of the IPv4 header.
    var network = 0
    /// Where the transport checksum is; 0: none that is kept right.
    var transportChecksum = 0
    /// Where UDP's length is; 0: nowhere.
    var transportLength = 0
    /// Whether the transport checksum covers the addresses.
    var coversAddresses = false
}

/// The fields of packets of one size, as they lie in memory.
struct GeneratorSizeFields {
    var totalLength: UInt16
    var headerChecksum: UInt16
    var transportLength: UInt16
    var transportChecksum: UInt16
}

/// A range of addresses in host byte order.
struct GeneratorRange {
    var first: UInt32
    /// Addresses in it; 1: the image's stays.
    var count: UInt64
}

/// How far a lane is with a stream.
struct GeneratorState {
    /// Packets made; read by the control lane.
    var made: UInt64 = 0
    /// Packets that may be made by now, and up to when that was worked out.
    var credit = 0.0
    var lastTime: UInt64 = 0
    /// The size of the next packet, and the place of its addresses in their ranges.
    var size = 0
    var destination: UInt64 = 0
    var source: UInt64 = 0
}

/// The streams that a lane makes packets of: immutable, one published after the other.
struct GeneratorTable {
    var generation: UInt64
    var count: Int
    /// `count` streams, at most `PacketGenerator.streamLimit`.
    var streams: UnsafeMutablePointer<GeneratorStream>
}

/// How the control lane gives streams to a polling lane.
///
/// The control lane writes a table and then `published` with release ordering; the lane reads that
/// at the top of a poll, and writes the generation that it has seen. What a table no longer names
/// is freed once the lane has seen that table or a later one.
public struct GeneratorFeed: @unchecked Sendable {
    private let published: UnsafeMutablePointer<UInt64>
    private let seen: UnsafeMutablePointer<UInt64>

    /// Makes a feed without streams, which lives as long as the process.
    public init() {
        // Two cache lines: one for each side to write.
        let words = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
            .bindMemory(to: UInt64.self, capacity: 16)
        words.initialize(repeating: 0, count: 16)
        published = words
        seen = words + 8
    }

    func publish(_ table: UnsafeMutablePointer<GeneratorTable>) {
        CLinux_store_release64(published, UInt64(UInt(bitPattern: table)))
    }

    /// The newest table; nil: there was none yet.
    var table: UnsafePointer<GeneratorTable>? {
        UnsafePointer(bitPattern: UInt(CLinux_load_acquire64(published)))
    }

    /// Whether the lane has streams to run.
    public var hasStreams: Bool { (table?.pointee.count ?? 0) > 0 }

    /// Notes that the lane has left all tables before `generation`.
    func markSeen(_ generation: UInt64) {
        if seen.pointee != generation { CLinux_store_release64(seen, generation) }
    }

    var seenGeneration: UInt64 { CLinux_load_acquire64(seen) }
}
