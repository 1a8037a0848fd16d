internal import CLinux

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
