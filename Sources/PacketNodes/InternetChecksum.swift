/// The internet checksum (RFC 1071) over words as they lie in memory.
///
/// One's complement sums do not care for byte order, as long as every word and the result are read
/// the same way.
enum InternetChecksum {
    /// The sum of `count` bytes, 65,535 at most, not folded; an odd last byte counts as if a zero
    /// followed.
    @inline(__always)
    static func sum(_ base: UnsafeRawPointer, count: Int) -> UInt64 {
        var total: UInt64 = 0
        var offset = 0
        while offset &+ 8 <= count {
            let word = (base + offset).loadUnaligned(as: UInt64.self)
            total &+= (word & 0xFFFF_FFFF) &+ (word &>> 32)
            offset &+= 8
        }
        while offset &+ 2 <= count {
            total &+= UInt64((base + offset).loadUnaligned(as: UInt16.self))
            offset &+= 2
        }
        if offset < count { total &+= UInt64((base + offset).load(as: UInt8.self)) }
        return total
    }

    /// The sum of an IPv4 header without options.
    @inline(__always)
    static func sumOfHeader(_ base: UnsafeRawPointer) -> UInt64 {
        let first = base.loadUnaligned(as: UInt64.self)
        let second = (base + 8).loadUnaligned(as: UInt64.self)
        let third = (base + 16).loadUnaligned(as: UInt32.self)
        return (first & 0xFFFF_FFFF) &+ (first &>> 32) &+ (second & 0xFFFF_FFFF)
            &+ (second &>> 32) &+ UInt64(third)
    }

    /// A sum of 16 bits; 0xFFFF over data that contains its own right checksum.
    @inline(__always)
    static func fold(_ sum: UInt64) -> UInt16 {
        var sum = (sum & 0xFFFF_FFFF) &+ (sum &>> 32)
        sum = (sum & 0xFFFF) &+ (sum &>> 16)
        sum = (sum & 0xFFFF) &+ (sum &>> 16)
        sum = (sum & 0xFFFF) &+ (sum &>> 16)
        return UInt16(truncatingIfNeeded: sum)
    }

    /// The checksum after a word of the data has become smaller by `decrease` (RFC 1624).
    ///
    /// - Parameters:
    ///   - checksum: of data that is not all zero, so that 0xFFFF cannot be right.
    ///   - decrease: old word less new word, as they read in memory.
    /// - Returns: the new checksum.
    @inline(__always)
    static func update(_ checksum: UInt16, decrease: UInt16) -> UInt16 {
        var sum = UInt32(checksum) &+ UInt32(decrease)
        sum &+= sum >= 0xFFFF ? 1 : 0
        return UInt16(truncatingIfNeeded: sum)
    }

    /// The checksum after a 32-bit field of the data has changed.
    @inline(__always)
    static func update(_ checksum: UInt16, from old: UInt32, to new: UInt32) -> UInt16 {
        let inverse = ~old
        return ~fold(
            UInt64(~checksum) &+ UInt64(inverse & 0xFFFF) &+ UInt64(inverse &>> 16)
                &+ UInt64(new & 0xFFFF) &+ UInt64(new &>> 16)
        )
    }
}
