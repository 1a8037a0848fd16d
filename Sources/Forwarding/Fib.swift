internal import CLinux
internal import Coordination
public import LinuxSystem

/// A route as the forwarding table takes it.
public struct FibRoute: Hashable, Sendable {
    /// The network in host byte order, its host bits zero.
    public var prefix: UInt32
    /// The leaf, 24 bits.
    public var leaf: UInt32
    /// 0...32.
    public var length: UInt8

    /// Makes a route of its parts, unchecked.
    @inlinable
    public init(prefix: UInt32, length: UInt8, leaf: UInt32) {
        self.prefix = prefix
        self.leaf = leaf
        self.length = length
    }

    var isValid: Bool { Fib.isValid(prefix: prefix, length: Int(length), leaf: leaf) }
}

/// IPv4 longest-prefix match in a node's heap: the side that writes.
///
/// One thread, the control lane, changes the table; lanes read it by `FibReader` and never lock. The table is
/// a word for each /24 (2^24 words, 64 MiB), and an extension block (`FibBlock`) for each /24 that longer
/// prefixes cut up: one cache miss a lookup, two under longer prefixes. The default route is a word of its own.
///
/// Every change is one store of an aligned 32-bit word, with release ordering, that leaves each address
/// with its old or its new leaf. A block that needs another shape is built anew and swapped in by such a
/// store; the old one is kept until the owner says by `reclaim(upTo:)` that all lanes have passed a
/// quiescent point since.
///
/// The table keeps no list of routes: whoever takes one out says what covers it.
public final class Fib {
    let heap: NodeHeap
    /// A word for each /24.
    let table: UnsafeMutablePointer<UInt32>
    /// The default route's leaf, on a line of its own.
    let defaultLeaf: UnsafeMutablePointer<UInt32>
    /// The 256 words of the /24 that is being changed.
    let scratch: UnsafeMutablePointer<UInt32>
    /// Routes of a bulk on their way into the table.
    @usableFromInline let staged: UnsafeMutablePointer<FibRoute>

    var retired = RetiredBlocks()
    /// The bytes in extension blocks that lanes may follow; retired ones are not counted.
    public internal(set) var extensionBytes = 0

    static let tableBytes = WorkerHeap.lookupTableBytes
    @usableFromInline static let stagedCapacity = 1024

    /// Takes 64 MiB of `heap` for an empty table.
    ///
    /// The memory stays with the heap for good, and the heap must outlive all readers.
    ///
    /// - Parameter heap: the node's heap.
    /// - Throws: `heapFull`.
    public init(heap: NodeHeap) throws(ForwardingError) {
        guard let table = heap.allocate(byteCount: Self.tableBytes, alignment: 1 << 21) else {
            throw .heapFull(neededBytes: Self.tableBytes, freeBytes: heap.freeBytes, applied: 0)
        }
        guard let line = heap.allocate(byteCount: 64) else {
            heap.deallocate(table, byteCount: Self.tableBytes)
            throw .heapFull(neededBytes: 64, freeBytes: heap.freeBytes, applied: 0)
        }
        self.heap = heap
        self.table = table.bindMemory(to: UInt32.self, capacity: Self.tableBytes / 4)
        defaultLeaf = line.bindMemory(to: UInt32.self, capacity: 16)
        scratch = .allocate(capacity: 256)
        scratch.initialize(repeating: 0, count: 256)
        staged = .allocate(capacity: Self.stagedCapacity)
    }

    deinit {
        scratch.deallocate()
        staged.deallocate()
    }

    /// The side that reads; good for as long as the heap is.
    public var reader: FibReader {
        FibReader(
            table: UnsafePointer(table),
            base: UnsafeRawPointer(heap.base),
            defaultLeaf: UnsafePointer(defaultLeaf)
        )
    }

    /// Reads every page of the table, so that no lane meets one that the kernel has yet to clear.
    ///
    /// 32 pages of 2 MiB take about 10 ms; a page met by a lane costs that lane a third of a millisecond.
    public func populate() {
        for index in stride(from: 0, to: Self.tableBytes / 4, by: 1024) {
            _ = CLinux_load_acquire32(table + index)
        }
    }

    /// Adds a route, or gives it another leaf.
    ///
    /// - Parameters:
    ///   - prefix: the network in host byte order, its host bits zero.
    ///   - length: 0...32.
    ///   - leaf: 24 bits; 0 is "no route".
    /// - Throws: `heapFull`, `invalidRoute`; the table is then as it was.
    public func insert(prefix: UInt32, length: Int, leaf: UInt32) throws(ForwardingError) {
        guard Self.isValid(prefix: prefix, length: length, leaf: leaf) else {
            throw .invalidRoute(prefix: prefix, length: length, leaf: leaf)
        }
        switch length {
        case 0: CLinux_store_release32(defaultLeaf, leaf)
        case 1...24:
            replace(
                prefix: prefix,
                length: length,
                depths: 0...UInt32(length),
                with: FibEntry.make(leaf: leaf, length: length)
            )
        default: try insertLong(prefix: prefix, length: length, leaf: leaf)
        }
    }

    /// Takes a route out; nothing happens if it is not there.
    ///
    /// It needs no memory: where none is left for a smaller block, the old one is changed in place.
    ///
    /// - Parameters:
    ///   - prefix: the network in host byte order, its host bits zero.
    ///   - length: 0...32.
    ///   - coverLength: the length of the longest remaining prefix that covers this one; 0 if there is none
    ///     but the default route.
    ///   - coverLeaf: that prefix's leaf.
    public func remove(prefix: UInt32, length: Int, coverLength: Int, coverLeaf: UInt32) {
        guard Self.isValid(prefix: prefix, length: length, leaf: 0),
            length == 0 || 0..<length ~= coverLength, coverLeaf <= FibEntry.leafMask
        else { return }
        let cover = FibEntry.make(coverLength: coverLength, coverLeaf: coverLeaf)
        switch length {
        case 0: CLinux_store_release32(defaultLeaf, 0)
        case 1...24:
            replace(
                prefix: prefix,
                length: length,
                depths: UInt32(length)...UInt32(length),
                with: cover
            )
        default: removeLong(prefix: prefix, length: length, cover: cover)
        }
    }

    static func isValid(prefix: UInt32, length: Int, leaf: UInt32) -> Bool {
        0...32 ~= length && leaf <= FibEntry.leafMask
            && (length == 32 || prefix & (UInt32.max >> UInt32(length)) == 0)
    }
}

extension Fib {
    /// The number of blocks that were ever swapped out.
    ///
    /// - Returns: a mark for `reclaim(upTo:)`, once every lane has passed a quiescent point.
    public func retiredMark() -> Int { retired.mark }

    /// The number of blocks that wait for `reclaim(upTo:)`.
    public var retiredCount: Int { retired.mark - retired.reclaimed }

    /// Frees what was swapped out before `mark` was taken.
    ///
    /// - Parameter mark: from `retiredMark()`; every lane has passed a quiescent point since.
    public func reclaim(upTo mark: Int) {
        while retired.reclaimed < mark, let line = retired.takeFirst() {
            let block = block(at: line)
            heap.deallocate(
                block.base,
                byteCount: FibBlock.byteCount(intervals: block.intervalCount)
            )
        }
    }

    func block(at line: UInt32) -> FibBlock {
        FibBlock(base: heap.base + Int(line & ~FibEntry.extensionFlag) << FibEntry.lineShift)
    }
}

/// Blocks that lanes may still be reading, oldest first, named by their lines in the heap.
struct RetiredBlocks {
    private(set) var reclaimed = 0
    private var lines: [UInt32] = []
    private var head = 0

    var mark: Int { reclaimed + lines.count - head }

    mutating func append(_ line: UInt32) { lines.append(line) }

    mutating func takeFirst() -> UInt32? {
        guard head < lines.count else { return nil }
        defer {
            head += 1
            reclaimed += 1
            if head == lines.count {
                lines.removeAll(keepingCapacity: lines.count < 1 << 16)
                head = 0
            }
        }
        return lines[head]
    }
}
