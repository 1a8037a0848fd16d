public import CDPDK

/// A ring of buffers between two lanes of one worker: they live and die together, so pointers may
/// cross.
@frozen
public struct LaneRing: @unchecked Sendable {
    @usableFromInline let ring: UnsafeMutableRawPointer

    /// Makes a ring that lives as long as the process; nil for a capacity that is none.
    ///
    /// - Parameter capacity: buffers, a power of two; one less fits.
    public init?(capacity: Int) {
        let bytes = cw_pointer_ring_bytes(UInt32(capacity))
        guard capacity > 0, capacity & (capacity - 1) == 0 else { return nil }
        ring = .allocate(byteCount: bytes, alignment: 128)
        ring.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        guard cw_pointer_ring_init(ring, "lane", UInt32(capacity)) == 0 else { return nil }
    }

    /// Adds buffers.
    ///
    /// - Returns: how many went in, always the first.
    @inlinable @inline(__always)
    public func put(_ mbufs: UnsafePointer<Mbuf>, count: Int) -> Int {
        mbufs.withMemoryRebound(to: UnsafeMutablePointer<cw_mbuf>.self, capacity: count) {
            Int(cw_pointer_ring_put(ring, $0, UInt32(truncatingIfNeeded: count)))
        }
    }

    /// Buffers in it; exact only while nobody puts or takes.
    public var count: Int { Int(cw_ring_used(ring)) }

    /// Whether no buffer is in it; exact only while nobody puts or takes.
    public var isEmpty: Bool { cw_ring_used(ring) == 0 }

    /// Takes up to `count` buffers.
    @inlinable @inline(__always)
    public func take(_ mbufs: UnsafeMutablePointer<Mbuf>, count: Int) -> Int {
        mbufs.withMemoryRebound(to: UnsafeMutablePointer<cw_mbuf>?.self, capacity: count) {
            Int(cw_pointer_ring_take(ring, $0, UInt32(truncatingIfNeeded: count)))
        }
    }
}
