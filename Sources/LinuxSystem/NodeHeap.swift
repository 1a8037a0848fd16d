internal import CLinux
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A worker's own heap: one mapping in the memory of one NUMA node, made once and never grown.
///
/// Full is an answer (nil), never a crash: whoever asks refuses the change that needed the memory.
/// One thread allocates and frees, the control lane; what lies in the heap may be read by all.
///
/// Two levels: runs of 64-KiB pages, first fit, and in single pages blocks of one size class each.
/// The books are kept outside the mapping, so that hugepages hold nothing but what was asked for.
public final class NodeHeap {
    /// The first byte; aligned to 2 MiB or to the hugepage, whichever is more.
    public let base: UnsafeMutableRawPointer
    /// The size of the heap in bytes.
    public let totalBytes: Int
    /// The bytes given out, rounded up to size classes and pages.
    public internal(set) var usedBytes = 0
    /// The bytes not given out; a large block may fail although as much is free in pieces.
    public var freeBytes: Int { totalBytes - usedBytes }

    /// The unit of runs.
    static let pageBytes = 1 << 16
    static let pageShift = 16

    /// Whether memory is filled with `poison` when it is given back, so that whoever still reads it shows
    /// himself; for tests.
    public var poisonsFreed = false
    /// What freed memory is filled with, byte for byte.
    public static let poison: UInt8 = 0xDB

    let pageCount: Int
    let pages: UnsafeMutablePointer<NodeHeapPage>
    /// No page below this one is free.
    var firstFree = 0
    /// The first page of each size class that has a free block, -1 for none.
    var partial: [Int32]

    private let mapping: Mapping

    /// Maps the heap.
    ///
    /// With a NUMA node every hugepage is touched now (about 0.3 ms each 2 MiB): the kernel
    /// reserves hugepages for the machine, not for a node, and a later touch could meet an empty
    /// node and a SIGBUS. Without one nothing is touched, and the reservation holds.
    ///
    /// - Parameters:
    ///   - byteCount: the size in bytes, rounded up to whole hugepages or 64 KiB.
    ///   - hugepageBytes: the size of a hugepage, a power of two; nil: ordinary pages.
    ///   - numaNode: the NUMA node to bind to; nil: wherever the kernel finds memory.
    /// - Throws: what is missing, and how to reserve it.
    public init(
        byteCount: Int,
        hugepageBytes: Int?,
        numaNode: Int?
    ) throws(NodeHeapError) {
        let unit = hugepageBytes ?? Self.pageBytes
        guard byteCount > 0, byteCount <= Self.maximumBytes, unit > 0, unit & (unit - 1) == 0 else {
            throw .impossibleSize(byteCount: byteCount, hugepageBytes: hugepageBytes)
        }
        let granule = max(unit, Self.pageBytes)
        totalBytes = (byteCount + granule - 1) / granule * granule
        mapping = try Mapping(
            byteCount: totalBytes,
            hugepageBytes: hugepageBytes,
            numaNode: numaNode
        )
        base = mapping.base
        pageCount = totalBytes >> Self.pageShift
        pages = .allocate(capacity: pageCount)
        pages.initialize(repeating: NodeHeapPage(), count: pageCount)
        partial = Array(repeating: -1, count: NodeHeapSizeClass.sizes.count)
        markFree(first: 0, count: pageCount)
    }

    deinit { pages.deallocate() }

    /// 128 GiB: what a 31-bit count of 64-byte lines can name.
    static let maximumBytes = 1 << 37

    /// Takes zeroed memory.
    ///
    /// - Parameters:
    ///   - byteCount: the size in bytes.
    ///   - alignment: in bytes, a power of two; 64 and less cost nothing.
    /// - Returns: nil if there is no such block.
    public func allocate(byteCount: Int, alignment: Int = 64) -> UnsafeMutableRawPointer? {
        precondition(
            byteCount >= 0 && alignment > 0 && alignment & (alignment - 1) == 0,
            "a size is not negative, an alignment is a power of two"
        )
        guard byteCount <= totalBytes else { return nil }
        if let block = place(byteCount: byteCount, alignment: alignment) { return block }
        guard releaseEmptyPages() else { return nil }
        return place(byteCount: byteCount, alignment: alignment)
    }

    /// Gives memory back.
    ///
    /// - Parameters:
    ///   - pointer: what `allocate` returned.
    ///   - byteCount: the size that was asked for.
    public func deallocate(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
        let offset = pointer - base
        precondition(offset >= 0 && offset < totalBytes, "the block is of another heap")
        let page = offset >> Self.pageShift
        if poisonsFreed { memset(pointer, CInt(Self.poison), byteCount) }
        switch pages[page].state {
        case .blocks: freeBlock(at: offset, page: page)
        case .run: freeRun(at: offset, page: page, byteCount: byteCount)
        case .free: preconditionFailure("the block is free already")
        }
    }

    private func place(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        if let sizeClass = NodeHeapSizeClass.index(byteCount: byteCount, alignment: alignment) {
            return takeBlock(sizeClass: sizeClass)
        }
        return takeRun(byteCount: byteCount, alignment: alignment)
    }
}

/// The memory itself; unmapped with its owner.
private final class Mapping {
    let base: UnsafeMutableRawPointer
    private let start: UnsafeMutableRawPointer
    private let byteCount: Int

    init(byteCount: Int, hugepageBytes: Int?, numaNode: Int?) throws(NodeHeapError) {
        guard let hugepageBytes else {
            // Runs may ask for 2 MiB alignment, so the mapping is made that much larger.
            let slack = 1 << 21
            let mapped = mmap(
                nil,
                byteCount + slack,
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS,
                -1,
                0
            )
            guard let mapped, mapped != MAP_FAILED else {
                throw .cannotMap(byteCount: byteCount, Errno(rawValue: errno))
            }
            start = mapped
            self.byteCount = byteCount + slack
            let address = UInt(bitPattern: mapped)
            base = mapped + Int((address + UInt(slack) - 1) / UInt(slack) * UInt(slack) - address)
            try bind(byteCount, to: numaNode)
            return
        }
        let pool = HugepagePool(pageBytes: hugepageBytes, numaNode: numaNode)
        let needed = byteCount / hugepageBytes
        if numaNode != nil, let free = pool.freePages, free < needed {
            throw .hugepagesMissing(pool: pool, needed: needed)
        }
        let mapped = CLinux_map_huge(byteCount, Int32(hugepageBytes.trailingZeroBitCount))
        guard let mapped else {
            let error = Errno(rawValue: errno)
            guard error == .noMemory else { throw .cannotMap(byteCount: byteCount, error) }
            throw .hugepagesMissing(pool: pool, needed: needed)
        }
        start = mapped
        base = mapped
        self.byteCount = byteCount
        guard numaNode != nil else { return }
        try bind(byteCount, to: numaNode)
        // MADV_POPULATE_WRITE (Linux 5.14) reports a node without pages where a touch would be a
        // SIGBUS.
        let populateWrite: CInt = 23
        guard madvise(base, byteCount, populateWrite) == 0 else {
            let error = Errno(rawValue: errno)
            guard error == .invalidArgument else {
                throw .hugepagesMissing(pool: pool, needed: needed)
            }
            for offset in stride(from: 0, to: byteCount, by: hugepageBytes) {
                base.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
            }
            return
        }
    }

    deinit { munmap(start, byteCount) }

    private func bind(_ byteCount: Int, to numaNode: Int?) throws(NodeHeapError) {
        guard let numaNode else { return }
        do throws(Errno) {
            try systemCall { CLinux_mbind(base, byteCount, Int32(clamping: numaNode)) }
        } catch {
            throw .cannotBind(numaNode: numaNode, error)
        }
    }
}
