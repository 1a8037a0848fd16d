extension Mbuf {
    /// Reads a big-endian integer of the packet.
    ///
    /// - Parameters:
    ///   - type: the integer's type, which says how many bytes are read.
    ///   - offset: bytes from `data`; the caller has checked the length.
    /// - Returns: the integer in host byte order.
    @inlinable @inline(__always)
    public func loadBigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type,
        at offset: Int
    ) -> Value {
        assert(offset >= 0 && offset &+ MemoryLayout<Value>.size <= length)
        return Value(bigEndian: (data + offset).loadUnaligned(as: Value.self))
    }

    /// Writes a big-endian integer into the packet.
    @inlinable @inline(__always)
    public func storeBigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value,
        at offset: Int
    ) {
        assert(offset >= 0 && offset &+ MemoryLayout<Value>.size <= room)
        (data + offset).storeBytes(of: value.bigEndian, as: Value.self)
    }

    /// Reads a value of the packet as it lies in memory.
    @inlinable @inline(__always)
    public func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
        assert(offset >= 0 && offset &+ MemoryLayout<Value>.size <= length)
        return (data + offset).loadUnaligned(as: Value.self)
    }

    /// Writes a value into the packet as it lies in memory.
    @inlinable @inline(__always)
    public func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        assert(offset >= 0 && offset &+ MemoryLayout<Value>.size <= room)
        (data + offset).storeBytes(of: value, as: Value.self)
    }
}
