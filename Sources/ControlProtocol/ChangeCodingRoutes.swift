/// An element of a run in a message: a fixed number of bytes.
protocol WireRecord {
    static var wireBytes: Int { get }
    func store(to buffer: UnsafeMutableRawBufferPointer, at offset: Int)
}

/// The routes of a message, read from its bytes as they are asked for.
///
/// They were checked when the run was met: lengths and host bits are right.
public struct WireRoutes: RandomAccessCollection {
    let bytes: ArraySlice<UInt8>
    /// The number of routes.
    public let count: Int
    /// Zero.
    public var startIndex: Int { 0 }
    /// The number of routes.
    public var endIndex: Int { count }

    /// The route at `index`.
    public subscript(index: Int) -> Route {
        precondition(index >= 0 && index < count, "index out of the run")
        let record = bytes.words(at: index &* Route.wireBytes)
        let target = UInt32(truncatingIfNeeded: record >> 32)
        return Route(
            prefix: UInt32(truncatingIfNeeded: record),
            length: UInt8(truncatingIfNeeded: target >> 24),
            leaf: Leaf(rawValue: target & Leaf.mask)
        )
    }
}

/// The removed routes of a message, read from its bytes as they are asked for.
///
/// They were checked when the run was met: lengths and host bits are right.
public struct WireRemovedRoutes: RandomAccessCollection {
    let bytes: ArraySlice<UInt8>
    /// The number of routes.
    public let count: Int
    /// Zero.
    public var startIndex: Int { 0 }
    /// The number of routes.
    public var endIndex: Int { count }

    /// The route at `index`.
    public subscript(index: Int) -> RemovedRoute {
        precondition(index >= 0 && index < count, "index out of the run")
        let offset = index &* RemovedRoute.wireBytes
        let record = bytes.words(at: offset)
        let cover = UInt32(truncatingIfNeeded: record >> 32)
        return RemovedRoute(
            prefix: UInt32(truncatingIfNeeded: record),
            length: bytes[bytes.startIndex + offset + 8],
            coverLength: UInt8(truncatingIfNeeded: cover >> 24),
            coverLeaf: Leaf(rawValue: cover & Leaf.mask)
        )
    }
}

extension ArraySlice<UInt8> {
    /// The eight bytes at `offset`, little-endian.
    fileprivate func words(at offset: Int) -> UInt64 {
        withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}

extension Leaf {
    static let mask: UInt32 = (1 << UInt32(bitCount)) - 1
}

extension Route: WireRecord {
    static let wireBytes = 8

    func store(to buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        let target = leaf.rawValue & Leaf.mask | UInt32(length) << 24
        buffer.storeBytes(of: prefix.littleEndian, toByteOffset: offset, as: UInt32.self)
        buffer.storeBytes(of: target.littleEndian, toByteOffset: offset &+ 4, as: UInt32.self)
    }

    var isValid: Bool { Self.isNetwork(prefix, length: length) }

    static func isNetwork(_ prefix: UInt32, length: UInt8) -> Bool {
        length <= 32 && (length == 32 || prefix & (UInt32.max >> UInt32(length)) == 0)
    }
}

extension RemovedRoute: WireRecord {
    static let wireBytes = 9

    func store(to buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        let cover = coverLeaf.rawValue & Leaf.mask | UInt32(coverLength) << 24
        buffer.storeBytes(of: prefix.littleEndian, toByteOffset: offset, as: UInt32.self)
        buffer.storeBytes(of: cover.littleEndian, toByteOffset: offset &+ 4, as: UInt32.self)
        buffer.storeBytes(of: length, toByteOffset: offset &+ 8, as: UInt8.self)
    }

    /// A cover is shorter than what it covers; the default route has none.
    var isValid: Bool {
        Route.isNetwork(prefix, length: length)
            && (coverLength < length || (coverLength == 0 && length == 0))
    }
}
