public import CLinux

/// IPv4 longest-prefix match: the side that reads, from any thread, without a lock.
///
/// A copy is three pointers. What `Fib` promises bounds the read: a table word leads to a leaf or to a
/// block that stays as it is until the reader's lane has passed a quiescent point.
public struct FibReader: @unchecked Sendable {
    @usableFromInline let table: UnsafePointer<UInt32>
    @usableFromInline let base: UnsafeRawPointer
    @usableFromInline let defaultLeaf: UnsafePointer<UInt32>

    init(
        table: UnsafePointer<UInt32>,
        base: UnsafeRawPointer,
        defaultLeaf: UnsafePointer<UInt32>
    ) {
        self.table = table
        self.base = base
        self.defaultLeaf = defaultLeaf
    }

    /// Finds the leaf of one address.
    ///
    /// - Parameter address: in host byte order.
    /// - Returns: the leaf of the longest prefix that covers it; 0 if none does.
    @inlinable
    @inline(__always)
    public func lookup(_ address: UInt32) -> UInt32 {
        var word = CLinux_load_acquire32(table + Int(address &>> 8))
        if word >= FibEntry.extensionFlag { word = wordInBlock(word, address) }
        return word == 0 ? CLinux_load_acquire32(defaultLeaf) : word & FibEntry.leafMask
    }

    /// Asks for the table word of an address, for a lookup soon after.
    ///
    /// - Parameter address: in host byte order.
    @inlinable
    @inline(__always)
    public func prefetch(_ address: UInt32) {
        CLinux_prefetch_read(table + Int(address &>> 8))
    }

    /// Finds the leaves of many addresses, their cache misses overlapped.
    ///
    /// - Parameters:
    ///   - addresses: in host byte order.
    ///   - leaves: where to write `count` leaves; may be the memory of `addresses`.
    ///   - count: how many.
    @inlinable
    public func lookup(
        addresses: UnsafePointer<UInt32>,
        leaves: UnsafeMutablePointer<UInt32>,
        count: Int
    ) {
        let fallback = CLinux_load_acquire32(defaultLeaf)
        var index = 0
        while index < count {
            let address = addresses[index]
            var word = CLinux_load_acquire32(table + Int(address &>> 8))
            if word >= FibEntry.extensionFlag { word = wordInBlock(word, address) }
            leaves[index] = word == 0 ? fallback : word & FibEntry.leafMask
            index &+= 1
        }
    }

    /// Reads an extension block: a bitmap of where intervals begin, counts, a word for each interval.
    @inlinable
    @inline(__always)
    func wordInBlock(_ word: UInt32, _ address: UInt32) -> UInt32 {
        let block = base + Int(word & ~FibEntry.extensionFlag) &<< 6
        let part = Int(address &>> 6 & 3)
        let bits = block.load(fromByteOffset: part &<< 3, as: UInt64.self)
        // Bits 0...(address & 63) moved to the top: the shift counts modulo 64.
        let below = (bits &<< UInt64(~address)).nonzeroBitCount
        let before = Int(block.load(fromByteOffset: 32 &+ part, as: UInt8.self))
        let entry = block + (36 &+ (before &+ below) &<< 2)
        return CLinux_load_acquire32(entry.assumingMemoryBound(to: UInt32.self))
    }
}
