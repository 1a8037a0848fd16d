internal import CLinux

/// One lane's part of a `TraceBuffer`: where it writes what it saw, and reads what it is to look for.
///
/// Plain pointers into memory that the process maps until it ends.
public struct TraceLane: @unchecked Sendable {
    /// The words of the header that the supervisor writes.
    public let control: UnsafeMutablePointer<UInt64>
    /// The lane's first byte; page-aligned.
    let base: UnsafeMutableRawPointer

    /// A word that the lane writes.
    public enum Word: Int, Sendable {
        /// Records published.
        case written = 0
        /// Traces begun in this life; the number of the next one, of which 24 bits count.
        case nextIndex
        /// Records that found no room.
        case lostRecords
        /// Packets that were to be traced, or went on from another lane, and found no room.
        case refusedPackets
        /// The `TraceBuffer.Word.clearEpoch` since which records are there.
        case clearSeen
        /// The `TraceBuffer.Word.captureEpoch` that the captured packets belong to.
        case captureSeen = 8
        /// Packets captured, and bytes of the capture that they fill.
        case captured, capturedBytes
        /// Packets that were to be captured and found no room.
        case captureLost
    }

    static let countsOffset = 4096
    static let limitsOffset = countsOffset + WorkerSegment.maximumNodes * 8
    static let recordsOffset = 8192

    /// The address of a word that the lane writes.
    public func pointer(_ word: Word) -> UnsafeMutablePointer<UInt64> {
        (base + word.rawValue &* 8).assumingMemoryBound(to: UInt64.self)
    }

    /// Packets that each input node, by its graph index, has begun to trace; the lane's.
    public var counts: UnsafeMutablePointer<UInt64> {
        (base + Self.countsOffset).assumingMemoryBound(to: UInt64.self)
    }

    /// At how many packets each input node stops; the supervisor's.
    public var limits: UnsafeMutablePointer<UInt64> {
        (base + Self.limitsOffset).assumingMemoryBound(to: UInt64.self)
    }

    /// Where record `position` lies, below `TraceBuffer.recordLimit`.
    public func record(_ position: Int) -> UnsafeMutableRawPointer {
        base + (Self.recordsOffset &+ position &* TraceRecord.strideBytes)
    }

    /// Where captured packets lie: `TraceBuffer.captureLimit` bytes.
    public var capture: UnsafeMutableRawPointer {
        base + (Self.recordsOffset &+ TraceBuffer.recordLimit &* TraceRecord.strideBytes)
    }

    /// Reads a word of the supervisor's.
    public func load(_ word: TraceBuffer.Word) -> UInt64 {
        CLinux_load_acquire64(control + (word.rawValue &- TraceBuffer.Word.epoch.rawValue))
    }

    /// Reads a word of the lane's.
    public func load(_ word: Word) -> UInt64 { CLinux_load_acquire64(pointer(word)) }

    /// Stores a word of the lane's, after everything before it.
    public func store(_ word: Word, _ value: UInt64) {
        CLinux_store_release64(pointer(word), value)
    }
}
