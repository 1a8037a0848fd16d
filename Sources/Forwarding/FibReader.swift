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
    /// Two passes over the frame: the first reads table words and asks for the blocks that they name, the
    /// second reads the blocks. With a million scattered host routes that takes half the time of one pass;
    /// where every address hits the cache it costs 2 clocks more.
    ///
    /// - Parameters:
    ///   - addresses: in host byte order.
    ///   - leaves: where to write `count` leaves; another place than `addresses`.
    ///   - count: how many.
    @inlinable
    public func lookup(
        addresses: UnsafePointer<UInt32>,
        leaves: UnsafeMutablePointer<UInt32>,
        count: Int
    ) {
        var seen: UInt32 = 0
        var index = 0
        while index &+ Self.prefetchDistance < count {
            prefetch(addresses[index &+ Self.prefetchDistance])
            seen |= readTable(addresses[index], into: leaves + index)
            index &+= 1
        }
        while index < count {
            seen |= readTable(addresses[index], into: leaves + index)
            index &+= 1
        }
        _ = finish(addresses, leaves, count, seen)
    }

    /// As `lookup(addresses:leaves:count:)`, for addresses that `prefetch` was called with before.
    ///
    /// - Returns: the leaves or'ed.
    @inlinable
    @inline(__always)
    public func lookupPrefetched(
        addresses: UnsafePointer<UInt32>,
        leaves: UnsafeMutablePointer<UInt32>,
        count: Int
    ) -> UInt32 {
        var seen: UInt32 = 0
        var index = 0
        while index < count {
            seen |= readTable(addresses[index], into: leaves + index)
            index &+= 1
        }
        return finish(addresses, leaves, count, seen)
    }

    /// Makes leaves of table words.
    ///
    /// `seen` is all those words or'ed; likewise the leaves are returned.
    @inlinable
    @inline(__always)
    func finish(
        _ addresses: UnsafePointer<UInt32>,
        _ leaves: UnsafeMutablePointer<UInt32>,
        _ count: Int,
        _ seen: UInt32
    ) -> UInt32 {
        let fallback = CLinux_load_acquire32(defaultLeaf)
        var index = 0
        var result: UInt32 = 0
        if seen < FibEntry.extensionFlag {
            while index < count {
                let word = leaves[index]
                let leaf = word == 0 ? fallback : word & FibEntry.leafMask
                leaves[index] = leaf
                result |= leaf
                index &+= 1
            }
            return result
        }
        while index < count {
            let end = min(index &+ Self.chunk, count)
            result |= readBlocks(addresses, leaves, from: index, to: end, fallback: fallback)
            index = end
        }
        return result
    }

    /// Reads the blocks that table words name, those of a chunk at once: most of a block that holds many routes is
    /// not in the line that was asked for, so the line of each entry is asked for before the first entry is read.
    ///
    /// - Returns: the leaves or'ed.
    @inlinable
    @inline(__always)
    func readBlocks(
        _ addresses: UnsafePointer<UInt32>,
        _ leaves: UnsafeMutablePointer<UInt32>,
        from start: Int,
        to end: Int,
        fallback: UInt32
    ) -> UInt32 {
        withUnsafeTemporaryAllocation(of: UnsafePointer<UInt32>.self, capacity: Self.chunk) {
            let entries = $0.baseAddress.unsafelyUnwrapped
            var index = start
            while index < end {
                let word = leaves[index]
                let isBlock = word >= FibEntry.extensionFlag
                let entry =
                    isBlock ? entryInBlock(word, addresses[index]) : UnsafePointer(leaves + index)
                if isBlock { CLinux_prefetch_read(entry) }
                entries[index &- start] = entry
                index &+= 1
            }
            index = start
            var result: UInt32 = 0
            while index < end {
                let word = CLinux_load_acquire32(entries[index &- start])
                let leaf = word == 0 ? fallback : word & FibEntry.leafMask
                leaves[index] = leaf
                result |= leaf
                index &+= 1
            }
            return result
        }
    }

    /// Addresses whose blocks are read together: their pointers fit on the stack.
    @usableFromInline static var chunk: Int {
        @inlinable get { 64 }
    }

    /// How many addresses ahead the table is asked for; 16 and 32 measured alike.
    @usableFromInline static var prefetchDistance: Int {
        @inlinable get { 16 }
    }

    @inlinable
    @inline(__always)
    func readTable(_ address: UInt32, into leaf: UnsafeMutablePointer<UInt32>) -> UInt32 {
        let word = CLinux_load_acquire32(table + Int(address &>> 8))
        leaf.pointee = word
        if word >= FibEntry.extensionFlag {
            CLinux_prefetch_read(base + Int(word & ~FibEntry.extensionFlag) &<< FibEntry.lineShift)
        }
        return word
    }

    /// Reads an extension block: a bitmap of where intervals begin, counts, a word for each interval.
    @inlinable
    @inline(__always)
    func wordInBlock(_ word: UInt32, _ address: UInt32) -> UInt32 {
        CLinux_load_acquire32(entryInBlock(word, address))
    }

    /// Where in its block an address has its word.
    @inlinable
    @inline(__always)
    func entryInBlock(_ word: UInt32, _ address: UInt32) -> UnsafePointer<UInt32> {
        let block = base + Int(word & ~FibEntry.extensionFlag) &<< FibEntry.lineShift
        let part = Int(address &>> 6 & 3)
        let bits = block.load(fromByteOffset: part &<< 3, as: UInt64.self)
        // Bits 0...(address & 63) moved to the top: the shift counts modulo 64.
        let below = (bits &<< UInt64(~address)).nonzeroBitCount
        let before = Int(block.load(fromByteOffset: 32 &+ part, as: UInt8.self))
        let entry = block + (36 &+ (before &+ below) &<< 2)
        return entry.assumingMemoryBound(to: UInt32.self)
    }
}
