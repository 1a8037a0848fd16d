internal import ControlProtocol

/// How many prefixes lie in a record: runs of one length, as differences in units of that length.
///
/// A run is a byte with the length, the count in four bytes, and for each prefix the difference to the one before as
/// a zigzag varint. A sorted table of the Internet's routes takes one to two bytes a prefix; any other order
/// six at most.
enum PrefixRuns {
    static func encode(_ prefixes: [IPv4Prefix]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + 2 * prefixes.count)
        var start = 0
        while start < prefixes.count {
            let length = prefixes[start].length
            var end = start + 1
            while end < prefixes.count, prefixes[end].length == length { end += 1 }
            bytes.append(UInt8(length))
            withUnsafeBytes(of: UInt32(end - start).littleEndian) { bytes.append(contentsOf: $0) }
            var former: Int64 = 0
            for index in start..<end {
                let unit = Int64(UInt64(prefixes[index].address.bits) >> UInt64(32 - length))
                let difference = unit - former
                former = unit
                var rest = UInt64(bitPattern: difference << 1 ^ difference >> 63)
                while rest >= 0x80 {
                    bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                    rest >>= 7
                }
                bytes.append(UInt8(rest))
            }
            start = end
        }
        return bytes
    }

    static func decode(_ bytes: ArraySlice<UInt8>) throws(WireError) -> [IPv4Prefix] {
        var prefixes: [IPv4Prefix] = []
        var position = bytes.startIndex
        while position < bytes.endIndex {
            guard bytes.endIndex - position >= 5 else { throw .truncated }
            let length = Int(bytes[position])
            guard length <= 32 else { throw .invalid(field: "prefix", value: UInt64(length)) }
            var count = 0
            for place in (1...4).reversed() { count = count << 8 | Int(bytes[position + place]) }
            position += 5
            // Each takes a byte at least, so that a wrong count reserves no more than is there.
            guard count <= bytes.endIndex - position else { throw .truncated }
            prefixes.reserveCapacity(prefixes.count + count)
            var unit: Int64 = 0
            for _ in 0..<count {
                unit += try difference(bytes, &position)
                guard unit >= 0, unit < 1 << Int64(length) else {
                    throw .invalid(field: "prefix", value: UInt64(bitPattern: unit))
                }
                let bits = UInt32(truncatingIfNeeded: UInt64(unit) << UInt64(32 - length))
                prefixes.append(IPv4Prefix(address: IPv4Address(bits: bits), length: length))
            }
        }
        return prefixes
    }

    private static func difference(
        _ bytes: ArraySlice<UInt8>,
        _ position: inout Int
    ) throws(WireError) -> Int64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 28, by: 7) {
            guard position < bytes.endIndex else { throw .truncated }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int64(value >> 1) ^ -Int64(value & 1) }
        }
        throw .invalid(field: "prefix", value: value)
    }
}
