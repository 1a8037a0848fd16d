internal import ControlProtocol

/// Prefixes and a number other than zero for each: a hash table a length, 8 bytes a slot.
struct PrefixTable: Sendable {
    private(set) var tables = Array(repeating: AddressTable(), count: 33)
    /// Bit `n` is set while there are prefixes of length `n`.
    private(set) var lengths: UInt64 = 0
    private(set) var count = 0

    /// The number of a prefix; 0 if it is not there.
    func value(_ prefix: UInt32, _ length: Int) -> UInt32 {
        lengths >> UInt64(length) & 1 == 0 ? 0 : tables[length].value(of: prefix)
    }

    /// Reads the slot where the search for a prefix begins, to have it in the cache.
    ///
    /// A loop over many of these overlaps its cache misses; one over searches takes them in turn.
    func peek(_ prefix: UInt32, _ length: Int) -> UInt64 { tables[length].peek(prefix) }

    /// Sets the number of a prefix; 0 takes it out.
    ///
    /// - Returns: the number before, 0 for none.
    @discardableResult
    mutating func set(_ prefix: UInt32, _ length: Int, to value: UInt32) -> UInt32 {
        let old =
            value == 0 ? tables[length].remove(prefix) : tables[length].insert(prefix, value)
        if (old == 0) != (value == 0) {
            count += value == 0 ? -1 : 1
            let bit: UInt64 = 1 << UInt64(length)
            lengths = tables[length].count == 0 ? lengths & ~bit : lengths | bit
        }
        return old
    }

    /// Makes room for `additional` more prefixes of a length.
    mutating func reserve(_ additional: Int, length: Int) {
        tables[length].reserve(tables[length].count + additional)
    }

    /// Calls `body` with prefix, length and number of each entry, in no order.
    func forEach(_ body: (UInt32, Int, UInt32) -> Void) {
        for length in 0...32 where lengths >> UInt64(length) & 1 == 1 {
            for slot in tables[length].slots where slot != 0 {
                body(
                    UInt32(truncatingIfNeeded: slot >> 32),
                    length,
                    UInt32(truncatingIfNeeded: slot)
                )
            }
        }
    }
}

/// A hash table from addresses to numbers other than zero: open addressing, at most three quarters full.
struct AddressTable: Sendable {
    /// Address in the upper half, number in the lower; 0 is free.
    private(set) var slots: [UInt64] = []
    private(set) var count = 0
    private var shift: UInt64 = 64

    func value(of address: UInt32) -> UInt32 {
        guard count > 0 else { return 0 }
        var index = home(of: address)
        while true {
            let slot = slots[index]
            if slot == 0 { return 0 }
            if UInt32(truncatingIfNeeded: slot >> 32) == address {
                return UInt32(truncatingIfNeeded: slot)
            }
            index = (index &+ 1) & (slots.count &- 1)
        }
    }

    func peek(_ address: UInt32) -> UInt64 { slots.isEmpty ? 0 : slots[home(of: address)] }

    mutating func insert(_ address: UInt32, _ value: UInt32) -> UInt32 {
        reserve(count + 1)
        let new = UInt64(address) << 32 | UInt64(value)
        var index = home(of: address)
        while true {
            let slot = slots[index]
            if slot == 0 {
                slots[index] = new
                count += 1
                return 0
            }
            if UInt32(truncatingIfNeeded: slot >> 32) == address {
                slots[index] = new
                return UInt32(truncatingIfNeeded: slot)
            }
            index = (index &+ 1) & (slots.count &- 1)
        }
    }

    /// Takes an address out and moves those behind it up, so that no search meets a gap.
    mutating func remove(_ address: UInt32) -> UInt32 {
        guard count > 0 else { return 0 }
        let mask = slots.count &- 1
        var index = home(of: address)
        while UInt32(truncatingIfNeeded: slots[index] >> 32) != address || slots[index] == 0 {
            if slots[index] == 0 { return 0 }
            index = (index &+ 1) & mask
        }
        let old = UInt32(truncatingIfNeeded: slots[index])
        var gap = index
        while true {
            index = (index &+ 1) & mask
            let slot = slots[index]
            if slot == 0 { break }
            let wanted = home(of: UInt32(truncatingIfNeeded: slot >> 32))
            // An entry may move into the gap unless its home lies behind the gap.
            if (index &- wanted) & mask >= (index &- gap) & mask {
                slots[gap] = slot
                gap = index
            }
        }
        slots[gap] = 0
        count -= 1
        return old
    }

    mutating func reserve(_ capacity: Int) {
        guard capacity * 4 > slots.count * 3 else { return }
        var size = max(slots.count, 16)
        while capacity * 4 > size * 3 { size *= 2 }
        let old = slots
        slots = [UInt64](repeating: 0, count: size)
        shift = UInt64(64 - size.trailingZeroBitCount)
        for slot in old where slot != 0 {
            var index = home(of: UInt32(truncatingIfNeeded: slot >> 32))
            while slots[index] != 0 { index = (index &+ 1) & (size &- 1) }
            slots[index] = slot
        }
    }

    /// The upper bits of a product with 2^64 over the golden ratio, which spreads runs and strides alike.
    private func home(of address: UInt32) -> Int {
        Int(truncatingIfNeeded: (UInt64(address) &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }
}
