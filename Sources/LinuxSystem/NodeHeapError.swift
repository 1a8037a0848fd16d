public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Why a `NodeHeap` cannot be had, in words that say what to change.
public enum NodeHeapError: Error, Hashable, CustomStringConvertible {
    /// The size or the hugepage size makes no sense.
    case impossibleSize(byteCount: Int, hugepageBytes: Int?)
    /// Too few hugepages are free.
    case hugepagesMissing(pool: HugepagePool, needed: Int)
    /// The kernel refused the mapping.
    case cannotMap(byteCount: Int, Errno)
    /// The kernel refused to bind the memory to the NUMA node.
    case cannotBind(numaNode: Int, Errno)

    /// What is wrong and what to change.
    public var description: String {
        switch self {
        case .impossibleSize(let byteCount, let hugepageBytes):
            "a heap of \(byteCount) bytes in pages of \(hugepageBytes ?? 4096) bytes: the size must be "
                + "1 byte to 128 GiB, the page size a power of two"
        case .hugepagesMissing(let pool, let needed): pool.shortage(needed: needed)
        case .cannotMap(let byteCount, let error):
            "a heap of \(byteCount >> 20) MiB cannot be mapped: \(error); make the heap smaller or check "
                + "the hugepage size and the memory limit of the service"
        case .cannotBind(let node, let error):
            "memory cannot be bound to NUMA node \(node): \(error); check that the node exists, has memory "
                + "and is allowed to this process (cpuset.mems)"
        }
    }
}

/// The kernel's hugepages of one size, on the machine or on one NUMA node.
public struct HugepagePool: Hashable, Sendable {
    /// The size of a page in bytes.
    public let pageBytes: Int
    /// The NUMA node, or nil for the whole machine.
    public let numaNode: Int?
    /// The pages that a mapping could have when this was read; nil if the kernel has no such pool.
    public let freePages: Int?
    /// The pages in the pool, free or not.
    public let totalPages: Int?

    /// Reads the pool's figures from sysfs.
    ///
    /// - Parameters:
    ///   - pageBytes: the size of a page in bytes.
    ///   - numaNode: the NUMA node, or nil for the whole machine.
    public init(pageBytes: Int, numaNode: Int?) {
        self.pageBytes = pageBytes
        self.numaNode = numaNode
        let folder = Self.folder(pageBytes: pageBytes, numaNode: numaNode)
        let free = Self.number(in: folder + "/free_hugepages")
        // Reserved but untouched pages count as free; the kernel has the reservations of the
        // machine only.
        let reserved = numaNode == nil ? Self.number(in: folder + "/resv_hugepages") ?? 0 : 0
        freePages = free.map { $0 - reserved }
        totalPages = Self.number(in: folder + "/nr_hugepages")
    }

    /// What to do when `needed` pages cannot be had.
    func shortage(needed: Int) -> String {
        let size = pageBytes >= 1 << 20 ? "\(pageBytes >> 20) MiB" : "\(pageBytes >> 10) KiB"
        let place = numaNode.map { "on NUMA node \($0)" } ?? "on this machine"
        guard let freePages, let totalPages else {
            return
                "\(needed) hugepages of \(size) are needed \(place), where the kernel has none of that "
                + "size: choose another hugepage size or enable it at boot"
        }
        let missing = max(needed - freePages, 1)
        let file = Self.folder(pageBytes: pageBytes, numaNode: numaNode) + "/nr_hugepages"
        return "\(needed) hugepages of \(size) are needed \(place), \(freePages) are free: reserve "
            + "\(missing) more (echo \(totalPages + missing) > \(file)) or make the heap smaller"
    }

    private static func folder(pageBytes: Int, numaNode: Int?) -> String {
        let parent = numaNode.map { "/sys/devices/system/node/node\($0)" } ?? "/sys/kernel/mm"
        return "\(parent)/hugepages/hugepages-\(pageBytes >> 10)kB"
    }

    private static func number(in path: String) -> Int? {
        guard let descriptor = try? systemCall({ Glibc.open(path, O_RDONLY | O_CLOEXEC) }) else {
            return nil
        }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            guard count > 0 else { return nil }
            return Int(String(decoding: buffer[..<count].prefix { $0 != 10 }, as: UTF8.self))
        }
    }
}
