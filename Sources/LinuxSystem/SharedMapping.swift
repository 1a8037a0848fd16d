internal import CLinux
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file mapped for sharing between processes; unmapped when the last owner lets go.
///
/// Who writes which word is stated by the type that lays the memory out, not here.
public final class SharedMapping: @unchecked Sendable {
    /// The first byte; page-aligned.
    public let base: UnsafeMutableRawPointer
    /// The length of the mapping in bytes.
    public let byteCount: Int

    private init(base: UnsafeMutableRawPointer, byteCount: Int) {
        self.base = base
        self.byteCount = byteCount
    }

    deinit { munmap(base, byteCount) }

    /// Makes a new file of `byteCount` zero bytes and maps it for reading and writing.
    ///
    /// - Parameters:
    ///   - path: where; a file that is there already is replaced, so that nobody who still maps
    ///     it is disturbed.
    ///   - byteCount: the size in bytes; on hugetlbfs a multiple of the page size.
    ///   - numaNode: the NUMA node to bind the pages to, or nil for none.
    /// - Returns: the mapping.
    /// - Throws: the `Errno` of the step that failed; no new file is left then.
    public static func create(
        path: String,
        byteCount: Int,
        numaNode: Int? = nil
    ) throws(Errno) -> SharedMapping {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = try systemCall {
            Glibc.open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        }
        defer { close(descriptor) }
        do throws(Errno) {
            try systemCall { ftruncate(descriptor, byteCount) }
            let mapping = try map(descriptor: descriptor, byteCount: byteCount, writable: true)
            if let numaNode {
                try systemCall { CLinux_mbind(mapping.base, byteCount, Int32(numaNode)) }
                // The policy is this mapping's; the pages are where their first touch puts them.
                for offset in stride(from: 0, to: byteCount, by: 4096) {
                    mapping.base.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
                }
            }
            try systemCall { rename(temporary, path) }
            return mapping
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Maps an existing file whole.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - writable: whether this process may write to it.
    /// - Returns: the mapping.
    /// - Throws: the `Errno` of the step that failed; `EINVAL` for an empty file.
    public static func open(path: String, writable: Bool) throws(Errno) -> SharedMapping {
        let descriptor = try systemCall {
            Glibc.open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC)
        }
        defer { close(descriptor) }
        var status = stat()
        try systemCall { fstat(descriptor, &status) }
        guard status.st_size > 0 else { throw .invalidArgument }
        return try map(descriptor: descriptor, byteCount: Int(status.st_size), writable: writable)
    }

    /// Bytes that have memory; the rest of the file has never been written.
    public var bytesInMemory: Int {
        var pages = [UInt8](repeating: 0, count: (byteCount + 4095) / 4096)
        guard mincore(base, byteCount, &pages) == 0 else { return 0 }
        return pages.reduce(0) { $0 + Int($1 & 1) } * 4096
    }

    private static func map(
        descriptor: CInt,
        byteCount: Int,
        writable: Bool
    ) throws(Errno) -> SharedMapping {
        guard let base = CLinux_map_shared(descriptor, byteCount, writable ? 1 : 0) else {
            throw Errno(rawValue: errno)
        }
        return SharedMapping(base: base, byteCount: byteCount)
    }
}
