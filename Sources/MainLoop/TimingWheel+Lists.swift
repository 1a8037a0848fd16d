extension TimingWheel {
    /// The next tick at which timers expire, or come within reach of a finer wheel.
    ///
    /// No timer expires before; nil: there is none at all.
    public var nextStop: UInt64? {
        guard state.pointee.count > 0 else { return nil }
        let now = state.pointee.now
        for wheel in 0..<Self.wheelCount {
            let shift = UInt64(truncatingIfNeeded: wheel) &* Self.slotBits
            let position = now &>> shift & Self.slotMask
            guard let slot = firstSlot(of: wheel, after: position) else { continue }
            let turn = now &>> (shift &+ Self.slotBits)
            if slot > position { return (turn &<< Self.slotBits | slot) &<< shift }
            // Only in the wheel's next turn, and before that a coarser wheel may have something.
            return (turn &+ 1) &<< (shift &+ Self.slotBits)
        }
        return (now &>> 30 &+ 1) &<< 30
    }

    /// The first slot with timers behind a position, in a circle that ends with the position.
    private func firstSlot(of wheel: Int, after position: UInt64) -> UInt64? {
        let words = bitmaps + wheel &* Self.bitmapWords
        let start = Int(truncatingIfNeeded: position &+ 1) & (Self.slotCount &- 1)
        var word = start &>> 6
        var bits = words[word] & (UInt64.max &<< UInt64(truncatingIfNeeded: start & 63))
        var looked = 0
        while looked <= Self.bitmapWords {
            if bits != 0 {
                return UInt64(truncatingIfNeeded: word &* 64 &+ bits.trailingZeroBitCount)
            }
            word = (word &+ 1) & (Self.bitmapWords &- 1)
            bits = words[word]
            looked &+= 1
        }
        return nil
    }

    /// Puts a timer into the list that its expiry belongs to.
    func insert(_ index: Int32) {
        let expiry = entries[Int(index)].expiry
        let distance = expiry &- state.pointee.now
        let list: Int
        if distance < 1 << 10 {
            list = Int(truncatingIfNeeded: expiry & Self.slotMask)
        } else if distance < 1 << 20 {
            list = Self.slotCount &+ Int(truncatingIfNeeded: expiry &>> 10 & Self.slotMask)
        } else if distance < 1 << 30 {
            list =
                2 &* Self.slotCount &+ Int(truncatingIfNeeded: expiry &>> 20 & Self.slotMask)
        } else {
            list = Self.overflow
        }
        let head = entries + list
        let last = head.pointee.previous
        entries[Int(index)].list = Int32(truncatingIfNeeded: list)
        entries[Int(index)].next = Int32(truncatingIfNeeded: list)
        entries[Int(index)].previous = last
        entries[Int(last)].next = index
        head.pointee.previous = index
        if list < Self.overflow {
            bitmaps[list &>> 6] |= 1 &<< UInt64(truncatingIfNeeded: list & 63)
        }
    }

    /// Takes a timer out of its list.
    func unlink(_ index: Int32) {
        let entry = entries[Int(index)]
        entries[Int(entry.previous)].next = entry.next
        entries[Int(entry.next)].previous = entry.previous
        let list = Int(entry.list)
        if entries[list].next == entry.list, list < Self.overflow {
            bitmaps[list &>> 6] &= ~(1 &<< UInt64(truncatingIfNeeded: list & 63))
        }
        entries[Int(index)].list = -1
    }

    /// Gives a timer's place back.
    func release(_ index: Int32) {
        entries[Int(index)].generation &+= 1
        entries[Int(index)].next = state.pointee.free
        state.pointee.free = index
        state.pointee.count &-= 1
    }
}
