internal import CLinux
internal import LinuxSystem

// Prefixes up to /24 are ranges of table words; longer ones change the block of one /24.

extension Fib {
    /// Replaces the words of a prefix of length 1...24 whose own prefix length is in `depths`.
    func replace(prefix: UInt32, length: Int, depths: ClosedRange<UInt32>, with word: UInt32) {
        let first = Int(prefix >> 8)
        let count = 1 << (24 - length)
        guard count >= 8 else {
            for slot in first..<first + count { replace(slot: slot, depths: depths, with: word) }
            return
        }
        let lowest = SIMD8<UInt32>(repeating: depths.lowerBound)
        let spread = SIMD8<UInt32>(repeating: depths.upperBound - depths.lowerBound)
        let new = SIMD8<UInt32>(repeating: word)
        CLinux_store_fence()
        for slot in stride(from: first, to: first + count, by: 8) {
            // An aligned vector store writes each of its words whole, which is all that lanes need.
            let target = UnsafeMutableRawPointer(table + slot)
            let old = target.load(as: SIMD8<UInt32>.self)
            let extensions = unsafeBitCast(old, to: SIMD4<UInt64>.self)
            guard
                (extensions[0] | extensions[1] | extensions[2] | extensions[3])
                    & 0x8000_0000_8000_0000 == 0
            else {
                for index in slot..<slot + 8 { replace(slot: index, depths: depths, with: word) }
                continue
            }
            let chosen = (old &>> FibEntry.depthShift) &- lowest .<= spread
            target.storeBytes(of: old.replacing(with: new, where: chosen), as: SIMD8<UInt32>.self)
        }
    }

    private func replace(slot: Int, depths: ClosedRange<UInt32>, with word: UInt32) {
        let old = table[slot]
        if FibEntry.isExtension(old) {
            block(at: old).replace(depths: depths, with: word)
        } else if depths.contains(FibEntry.depth(old)) {
            CLinux_store_release32(table + slot, word)
        }
    }

    /// Inserts a prefix of length 25...32.
    func insertLong(prefix: UInt32, length: Int, leaf: UInt32) throws(ForwardingError) {
        let slot = Int(prefix >> 8)
        let old = table[slot]
        let word = FibEntry.make(leaf: leaf, length: length)
        if FibEntry.isExtension(old) {
            block(at: old).expand(into: scratch)
            write(word, prefix: prefix, length: length)
            try rebuild(slot: slot)
        } else {
            try cut(slot: slot, prefix: prefix, length: length, word: word)
        }
    }

    /// Takes a prefix of length 25...32 out.
    func removeLong(prefix: UInt32, length: Int, cover: UInt32) {
        let slot = Int(prefix >> 8)
        let old = table[slot]
        // A /24 without a block holds no prefix longer than 24.
        guard FibEntry.isExtension(old) else { return }
        block(at: old).expand(into: scratch)
        let first = Int(prefix & 255)
        var isChanged = false
        for address in first..<first + 1 << (32 - length)
        where FibEntry.depth(scratch[address]) == UInt32(length) {
            scratch[address] = cover
            isChanged = true
        }
        guard isChanged else { return }
        do throws(ForwardingError) {
            try rebuild(slot: slot)
        } catch {
            preconditionFailure(
                "a removal begins no interval, so the block can be changed in place"
            )
        }
    }

    /// Writes a prefix of length 25...32 into the spread-out /24, below longer ones.
    func write(_ word: UInt32, prefix: UInt32, length: Int) {
        let first = Int(prefix & 255)
        for address in first..<first + 1 << (32 - length)
        where FibEntry.depth(scratch[address]) <= UInt32(length) {
            scratch[address] = word
        }
    }

    /// Makes the first block of a /24, which has one word so far, without spreading it out.
    private func cut(
        slot: Int,
        prefix: UInt32,
        length: Int,
        word: UInt32
    ) throws(ForwardingError) {
        let first = Int(prefix & 255)
        let end = first + 1 << (32 - length)
        var bitmap = FibBitmap()
        if first > 0 { bitmap.insert(first) }
        if end < 256 { bitmap.insert(end) }
        let block = try makeBlock(intervals: bitmap.count + 1)
        block.base.storeBytes(of: bitmap.words, as: SIMD4<UInt64>.self)
        block.base.storeBytes(
            of: bitmap.counts,
            toByteOffset: FibBlock.countsOffset,
            as: UInt32.self
        )
        let old = table[slot]
        let words = block.words
        words[0] = first > 0 ? old : word
        words[1] = first > 0 ? word : old
        words[2] = old
        publish(block, slot: slot)
    }

    /// Puts the spread-out /24 into the table: in place, as another block, or as one word.
    func rebuild(slot: Int) throws(ForwardingError) {
        let old = table[slot]
        let bitmap = FibBitmap(of: scratch)
        let count = bitmap.count + 1
        if count == 1 {
            CLinux_store_release32(table + slot, scratch[0])
            retire(old)
            return
        }
        let byteCount = FibBlock.byteCount(intervals: count)
        var isInPlacePossible = false
        if FibEntry.isExtension(old) {
            let block = block(at: old)
            isInPlacePossible = bitmap.isSubset(of: block.bitmap)
            if isInPlacePossible,
                byteCount == FibBlock.byteCount(intervals: block.intervalCount)
            {
                block.update(from: scratch)
                return
            }
        }
        let block: FibBlock
        do throws(ForwardingError) {
            block = try makeBlock(intervals: count)
        } catch {
            guard isInPlacePossible else { throw error }
            self.block(at: old).update(from: scratch)
            return
        }
        block.fill(bitmap: bitmap, from: scratch)
        publish(block, slot: slot)
        retire(old)
    }

    private func makeBlock(intervals: Int) throws(ForwardingError) -> FibBlock {
        let byteCount = FibBlock.byteCount(intervals: intervals)
        guard let base = heap.allocate(byteCount: byteCount) else {
            throw .heapFull(neededBytes: byteCount, freeBytes: heap.freeBytes, applied: 0)
        }
        extensionBytes += byteCount
        return FibBlock(base: base)
    }

    private func publish(_ block: FibBlock, slot: Int) {
        let line = UInt32(truncatingIfNeeded: (block.base - heap.base) >> FibEntry.lineShift)
        CLinux_store_release32(table + slot, line | FibEntry.extensionFlag)
    }

    private func retire(_ word: UInt32) {
        guard FibEntry.isExtension(word) else { return }
        extensionBytes -= FibBlock.byteCount(intervals: block(at: word).intervalCount)
        retired.append(word)
    }
}
