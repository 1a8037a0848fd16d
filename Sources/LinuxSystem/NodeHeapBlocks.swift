#if canImport(Glibc)
    internal import Glibc
#endif

/// The sizes of blocks that share a page.
///
/// Steps of 64 bytes up to 1,088, which is the largest block of a forwarding table; above, four to
/// a doubling.
enum NodeHeapSizeClass {
    static let sizes: [Int] =
        (1...17).map { $0 * 64 }
        + [1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192]
        + [10240, 12288, 14336, 16384, 20480, 32768]

    /// The smallest class for a request.
    ///
    /// - Returns: nil if the request needs pages of its own.
    static func index(byteCount: Int, alignment: Int) -> Int? {
        if byteCount <= 1088, alignment <= 64 { return max(byteCount - 1, 0) / 64 }
        return sizes.firstIndex { $0 >= byteCount && $0 & (alignment - 1) == 0 }
    }
}

extension NodeHeap {
    func takeBlock(sizeClass: Int) -> UnsafeMutableRawPointer? {
        let size = NodeHeapSizeClass.sizes[sizeClass]
        let capacity = Int32(Self.pageBytes / size)
        var page = Int(partial[sizeClass])
        if page < 0 {
            guard let fresh = takePages(1, alignment: 1) else { return nil }
            openPage(fresh, sizeClass: sizeClass)
            page = fresh
        }
        let start = base + page << Self.pageShift
        let index: Int
        if pages[page].freeBlock >= 0 {
            index = Int(pages[page].freeBlock)
            pages[page].freeBlock = (start + index * size).load(as: Int32.self)
        } else {
            index = Int(pages[page].opened)
            pages[page].opened += 1
        }
        pages[page].used += 1
        if pages[page].used == capacity { unlink(page) }
        usedBytes += size
        let block = start + index * size
        memset(block, 0, size)
        return block
    }

    func freeBlock(at offset: Int, page: Int) {
        let sizeClass = Int(pages[page].sizeClass)
        let size = NodeHeapSizeClass.sizes[sizeClass]
        let within = offset - page << Self.pageShift
        precondition(
            within % size == 0 && pages[page].used > 0,
            "the block does not begin here or is free"
        )
        (base + offset).storeBytes(of: pages[page].freeBlock, as: Int32.self)
        pages[page].freeBlock = Int32(within / size)
        if Int(pages[page].used) == Self.pageBytes / size { link(page, sizeClass: sizeClass) }
        pages[page].used -= 1
        usedBytes -= size
        // The last page of a class is kept, so that one block that comes and goes costs no page
        // each time.
        if pages[page].used == 0, pages[page].previous >= 0 || pages[page].next >= 0 {
            unlink(page)
            givePages(first: page, count: 1)
        }
    }

    /// Gives up the empty pages that were kept; false if there was none.
    func releaseEmptyPages() -> Bool {
        var found = false
        for page in partial.map(Int.init) where page >= 0 && pages[page].used == 0 {
            unlink(page)
            givePages(first: page, count: 1)
            found = true
        }
        return found
    }

    private func openPage(_ page: Int, sizeClass: Int) {
        pages[page].state = .blocks
        pages[page].isDirty = true
        pages[page].sizeClass = UInt8(sizeClass)
        pages[page].runLength = 1
        pages[page].used = 0
        pages[page].opened = 0
        pages[page].freeBlock = -1
        link(page, sizeClass: sizeClass)
    }

    private func link(_ page: Int, sizeClass: Int) {
        let head = partial[sizeClass]
        pages[page].previous = -1
        pages[page].next = head
        if head >= 0 { pages[Int(head)].previous = Int32(page) }
        partial[sizeClass] = Int32(page)
    }

    private func unlink(_ page: Int) {
        let previous = pages[page].previous
        let next = pages[page].next
        if previous >= 0 {
            pages[Int(previous)].next = next
        } else {
            partial[Int(pages[page].sizeClass)] = next
        }
        if next >= 0 { pages[Int(next)].previous = previous }
        pages[page].previous = -1
        pages[page].next = -1
    }
}
