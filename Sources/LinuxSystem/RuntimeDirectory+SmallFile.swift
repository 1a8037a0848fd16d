internal import CLinux
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Small text files and directories, as /proc, /sys and the runtime directory have them.
public enum SmallFile {
    /// The most bytes that are read of a file.
    public static let maximumBytes = 1 << 20

    /// Reads a file whole.
    ///
    /// - Returns: nil if it cannot be read.
    public static func read(_ path: String, limit: Int = maximumBytes) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes a file whole, so that a reader sees the old text or the new one.
    public static func write(_ path: String, _ text: String) throws(Errno) {
        try write(path, bytes: Array(text.utf8))
    }

    /// Writes a file whole, so that a reader sees the old bytes or the new ones.
    public static func write(_ path: String, bytes: [UInt8]) throws(Errno) {
        let temporary = path + ".new"
        let descriptor = try systemCall {
            open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            written += try systemCall {
                bytes.withUnsafeBytes { buffer in
                    buffer.baseAddress.map {
                        Glibc.write(descriptor, $0 + written, bytes.count - written)
                    } ?? 0
                }
            }
        }
        try systemCall { rename(temporary, path) }
    }

    /// The names in a directory in ascending order, without `.` and `..`; empty if it cannot be
    /// read.
    public static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Whether something is there.
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether this process may run a file.
    public static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    /// When a file was last changed, in seconds since 1970; 0: there is none.
    public static func changeTime(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mtim.tv_sec : 0
    }

    /// Whether a directory is there.
    public static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes the directory that a file is to lie in, where there is none; whoever opens the file finds
    /// out if that did not work.
    public static func makeFolder(of path: String) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        try? makeDirectory(String(path[..<slash]))
    }

    /// Makes a directory and those above it.
    ///
    /// - Parameters:
    ///   - path: absolute, or from the working directory.
    ///   - mode: the permissions of those that are made.
    /// - Throws: the `Errno` of the first part that cannot be made and is no directory.
    public static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(Errno) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/" + part
            if mkdir(made, mode) == 0 || isDirectory(made) { continue }
            throw Errno(rawValue: errno)
        }
    }

    /// Removes a file, or an empty directory.
    ///
    /// - Returns: whether it was there and is gone.
    @discardableResult
    public static func remove(_ path: String) -> Bool { unlink(path) == 0 || rmdir(path) == 0 }

    /// Removes a directory with everything in it; symbolic links are removed, not followed.
    ///
    /// - Returns: whether it was there and is gone.
    @discardableResult
    public static func removeTree(_ path: String) -> Bool {
        if unlink(path) == 0 { return true }
        for name in names(in: path) { removeTree(path + "/" + name) }
        return rmdir(path) == 0
    }

    /// Makes a symbolic link.
    public static func link(_ path: String, to target: String) throws(Errno) {
        try systemCall { symlink(target, path) }
    }

    /// What a symbolic link says.
    public static func linkTarget(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { room in
            room.baseAddress.map {
                readlink(path, $0.assumingMemoryBound(to: CChar.self), room.count)
            } ?? -1
        }
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}
