public import CDPDK

/// A node's pool of packet buffers, or for tests and benchmarks a stack of plain memory.
///
/// Only EAL lcores may take and give: the per-lcore cache is found by the caller's lcore.
@frozen
public struct MbufPool: @unchecked Sendable {
    @usableFromInline let pool: UnsafeMutableRawPointer

    /// Wraps a `struct rte_mempool`.
    @inlinable
    public init(pool: UnsafeMutableRawPointer) { self.pool = pool }

    /// The `struct rte_mempool`.
    public var raw: UnsafeMutableRawPointer { pool }

    /// Makes a pool.
    ///
    /// - Parameters:
    ///   - name: unique in the DPDK domain; a secondary process finds it by this.
    ///   - buffers: how many.
    ///   - dataBytes: bytes of packet data in each, headroom not counted.
    ///   - socket: the NUMA node, or -1 for any.
    /// - Returns: nil when memory is short or the name taken; `EAL.lastErrorText` says why.
    public static func create(
        name: String,
        buffers: Int,
        dataBytes: Int,
        socket: Int
    ) -> MbufPool? {
        cw_pool_create(
            name,
            UInt32(buffers),
            UInt32(min(cacheSize, buffers / 2)),
            UInt16(clamping: dataBytes + Int(RTE_PKTMBUF_HEADROOM)),
            Int32(socket)
        ).map(MbufPool.init(pool:))
    }

    /// Finds a pool that the primary process made.
    public static func find(name: String) -> MbufPool? {
        cw_pool_lookup(name).map(MbufPool.init(pool:))
    }

    /// Buffers that an lcore keeps to itself, half of a smaller pool's at most (DPDK allows 512, and two thirds
    /// of the pool).
    public static let cacheSize = 256

    /// Buffers in all.
    public var size: Int { Int(cw_pool_size(pool)) }

    /// Bytes of packet data that a buffer holds, headroom not counted.
    public var dataBytes: Int {
        max(0, Int(cw_pool_room(pool)) - Int(RTE_PKTMBUF_HEADROOM))
    }

    /// Free buffers, those in caches included; exact only while nobody takes or gives.
    public var available: Int { Int(cw_pool_available(pool)) }

    /// Free buffers that lcores keep to themselves; exact only while nobody takes or gives.
    public var cached: Int { Int(cw_pool_cached(pool)) }

    /// Takes `count` buffers or none.
    @inlinable @inline(__always)
    public func take(_ mbufs: UnsafeMutablePointer<Mbuf>, count: Int) -> Bool {
        mbufs.withMemoryRebound(to: UnsafeMutablePointer<cw_mbuf>?.self, capacity: count) {
            cw_pool_take(pool, $0, UInt32(truncatingIfNeeded: count)) == 0
        }
    }

    /// Takes one buffer; nil: there is none.
    @inlinable @inline(__always)
    public func take() -> Mbuf? {
        var pointer: UnsafeMutablePointer<cw_mbuf>?
        guard cw_pool_take(pool, &pointer, 1) == 0, let pointer else { return nil }
        return Mbuf(pointer)
    }

    /// Gives buffers back.
    ///
    /// - Precondition: they are of this pool, unchained and unshared, as all in the graph are.
    @inlinable @inline(__always)
    public func give(_ mbufs: UnsafePointer<Mbuf>, count: Int) {
        mbufs.withMemoryRebound(to: UnsafeMutablePointer<cw_mbuf>.self, capacity: count) {
            cw_pool_give(pool, $0, UInt32(truncatingIfNeeded: count))
        }
    }

    /// Gives one buffer back.
    @inlinable @inline(__always)
    public func give(_ mbuf: Mbuf) {
        var mbuf = mbuf
        give(&mbuf, count: 1)
    }

    /// Makes every buffer free again, whoever held it: after the death of the process that took
    /// them.
    ///
    /// - Precondition: nobody else uses the pool, and no device queue holds a buffer of it.
    public func rebuild() {
        cw_pool_forget_all(pool)
        _ = cw_pool_visit(
            pool,
            { pool, _, object, index in
                let raw = UnsafeMutableRawPointer(pool)
                cw_mbuf_init(raw, object, index)
                cw_pool_give_uncached(raw, object)
            },
            nil
        )
    }

    /// Forgets the pool's state without filling it, so that nothing torn is walked while queues
    /// give buffers back.
    public func forgetAll() { cw_pool_forget_all(pool) }

    /// Gives what this lcore keeps to itself back to all.
    public func flushCache() { cw_pool_flush_cache(pool) }
}
