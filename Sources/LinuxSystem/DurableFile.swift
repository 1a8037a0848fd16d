public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file that one owner appends to, and that says when its bytes are on the disk.
///
/// One thread uses it at a time.
public final class DurableFile: @unchecked Sendable {
    /// Brings what was written to a descriptor to the disk; `fdatasync`, but for tests of disks that fail.
    public typealias Sync = @Sendable (CInt) throws(Errno) -> Void

    /// The file's path when it was opened.
    public let path: String
    private let descriptor: CInt
    private let sync: Sync

    private init(path: String, descriptor: CInt, sync: @escaping Sync) {
        self.path = path
        self.descriptor = descriptor
        self.sync = sync
    }

    deinit { close(descriptor) }

    /// Opens a file that is there.
    ///
    /// - Parameters:
    ///   - path: the file's.
    ///   - sync: how its bytes get to the disk.
    /// - Returns: the file; nil: there is none.
    /// - Throws: the `Errno` of the open.
    public static func open(
        _ path: String,
        sync: @escaping Sync = DurableFile.dataSync
    ) throws(Errno) -> DurableFile? {
        do throws(Errno) {
            let descriptor = try systemCall { Glibc.open(path, O_RDWR | O_CLOEXEC) }
            return DurableFile(path: path, descriptor: descriptor, sync: sync)
        } catch {
            guard error == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }

    /// Makes an empty file, in place of one that is there.
    ///
    /// - Parameters:
    ///   - path: the file's; its owner alone may read it.
    ///   - sync: how its bytes get to the disk.
    /// - Returns: the file.
    /// - Throws: the `Errno` of the open.
    public static func create(
        _ path: String,
        sync: @escaping Sync = DurableFile.dataSync
    ) throws(Errno) -> DurableFile {
        let descriptor = try systemCall {
            Glibc.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        }
        return DurableFile(path: path, descriptor: descriptor, sync: sync)
    }

    /// The file's length in bytes.
    public func byteCount() throws(Errno) -> Int {
        var status = stat()
        try systemCall { fstat(descriptor, &status) }
        return Int(status.st_size)
    }

    /// Reads the bytes from `offset` to the file's end.
    public func read(from offset: Int = 0) throws(Errno) -> [UInt8] {
        let size = max(0, try byteCount() - offset)
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let count = try systemCall {
                bytes.withUnsafeMutableBytes { buffer in
                    pread(
                        descriptor,
                        buffer.baseAddress.map { $0 + filled },
                        size - filled,
                        offset + filled
                    )
                }
            }
            if count == 0 { break }
            filled += count
        }
        bytes.removeLast(size - filled)
        return bytes
    }

    /// Writes all bytes at `offset`; some of them may be there when it throws.
    public func write(_ bytes: [UInt8], at offset: Int) throws(Errno) {
        var written = 0
        while written < bytes.count {
            written += try systemCall {
                bytes.withUnsafeBytes { buffer in
                    pwrite(
                        descriptor,
                        buffer.baseAddress.map { $0 + written },
                        bytes.count - written,
                        offset + written
                    )
                }
            }
        }
    }

    /// Cuts the file.
    public func truncate(to byteCount: Int) throws(Errno) {
        try systemCall { ftruncate(descriptor, byteCount) }
    }

    /// Returns when everything that was written is on the disk; after an error nobody knows what is.
    public func synchronize() throws(Errno) { try sync(descriptor) }

    /// Gives the file another name in the same directory, in place of what has it; good after a power cut once the
    /// directory is synchronized.
    public func rename(to path: String) throws(Errno) {
        try systemCall { Glibc.rename(self.path, path) }
    }

    /// Returns when the names in the directory of a file are on the disk.
    public static func synchronizeDirectory(of path: String) throws(Errno) {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = try systemCall {
            Glibc.open(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        defer { close(descriptor) }
        try systemCall { fsync(descriptor) }
    }

    /// Brings bytes and length of a file to the disk, and no times.
    public static let dataSync: Sync = { (descriptor: CInt) throws(Errno) in
        try systemCall { fdatasync(descriptor) }
    }
}
