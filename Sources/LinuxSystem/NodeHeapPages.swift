#if canImport(Glibc)
    internal import Glibc
#endif

/// What the heap knows of a page of 64 KiB.
///
/// Of a run only the first and the last page are kept true; those between are read by nobody.
struct NodeHeapPage {
    enum State: UInt8 {
        case free
        case run
        case blocks
    }

    var state = State.free
    /// Whether somebody has written here since the kernel gave the page as zeroes.
    var isDirty = false
    var sizeClass: UInt8 = 0
    /// The length in pages of the run that begins (or, of a free one, begins or ends) here.
    var runLength: Int32 = 1
    /// Blocks given out.
    var used: Int32 = 0
    /// Blocks that were given out at least once; those behind are untouched.
    var opened: Int32 = 0
    /// The first freed block, -1 for none; its first word holds the next.
    var freeBlock: Int32 = -1
    /// Neighbours in the list of pages of this size class with free blocks, -1 for none.
    var previous: Int32 = -1
    var next: Int32 = -1
}

extension NodeHeap {
    /// Takes whole pages.
    func takeRun(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        let count = (byteCount + Self.pageBytes - 1) >> Self.pageShift
        guard let first = takePages(count, alignment: max(alignment >> Self.pageShift, 1)) else {
            return nil
        }
        for page in first..<first + count {
            if pages[page].isDirty {
                memset(base + page << Self.pageShift, 0, Self.pageBytes)
            }
            pages[page].isDirty = true
        }
        markRun(first: first, count: count)
        usedBytes += count << Self.pageShift
        return base + first << Self.pageShift
    }

    func freeRun(at offset: Int, page: Int, byteCount: Int) {
        let count = Int(pages[page].runLength)
        precondition(
            offset & (Self.pageBytes - 1) == 0 && byteCount <= count << Self.pageShift,
            "the block does not begin here or has another size"
        )
        usedBytes -= count << Self.pageShift
        givePages(first: page, count: count)
    }

    /// Finds the first free run that fits and cuts `count` pages out of it.
    ///
    /// The mapping is aligned to 2 MiB at least; a greater alignment is met by address.
    func takePages(_ count: Int, alignment: Int) -> Int? {
        var page = firstFree
        var isFirst = true
        let origin = Int(bitPattern: base) >> Self.pageShift
        while page < pageCount {
            let length = Int(pages[page].runLength)
            guard pages[page].state == .free else {
                page += length
                continue
            }
            if isFirst {
                firstFree = page
                isFirst = false
            }
            let aligned = (origin + page + alignment - 1) / alignment * alignment - origin
            if aligned + count <= page + length {
                markFree(first: page, count: aligned - page)
                markFree(first: aligned + count, count: page + length - aligned - count)
                return aligned
            }
            page += length
        }
        if isFirst { firstFree = pageCount }
        return nil
    }

    /// Gives pages back and joins them with free neighbours.
    func givePages(first: Int, count: Int) {
        var first = first
        var end = first + count
        if end < pageCount, pages[end].state == .free { end += Int(pages[end].runLength) }
        if first > 0, pages[first - 1].state == .free { first -= Int(pages[first - 1].runLength) }
        markFree(first: first, count: end - first)
        firstFree = min(firstFree, first)
    }

    func markFree(first: Int, count: Int) {
        guard count > 0 else { return }
        for page in [first, first + count - 1] {
            pages[page].state = .free
            pages[page].runLength = Int32(count)
        }
    }

    private func markRun(first: Int, count: Int) {
        for page in [first, first + count - 1] {
            pages[page].state = .run
            pages[page].runLength = Int32(count)
        }
    }
}
