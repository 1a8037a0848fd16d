internal import CLinux
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Why a lock could not be taken.
public enum FileLockError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process holds it; `content` is what it wrote into the file.
    case held(path: String, content: String)
    /// The file cannot be opened, locked or written.
    case system(path: String, Errno)

    /// Which file it is, and who holds it or what the kernel says.
    public var description: String {
        switch self {
        case .held(let path, let content): "\(path) is locked by another process (\(content))"
        case .system(let path, let errno): "\(path): \(errno)"
        }
    }
}

/// A lock file (flock), held as long as the value lives or until the process ends, however it ends.
///
/// The file names its owner for those who find it locked. Children do not inherit the lock.
public final class FileLock: Sendable {
    /// The lock file's path.
    public let path: String
    private let descriptor: CInt

    private init(path: String, descriptor: CInt) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        // Closing alone would leave the lock to a child that is between its fork and its exec.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Takes the lock without waiting.
    ///
    /// - Parameters:
    ///   - path: the file; made if it is not there.
    ///   - content: what others read in it, such as this process's number.
    /// - Returns: the lock; it is held until the value is let go.
    /// - Throws: `held` with what the holder wrote, or `system`.
    public static func take(path: String, content: String) throws(FileLockError) -> FileLock {
        while true {
            let descriptor = try open(path)
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = Errno(rawValue: errno)
                close(descriptor)
                if code == .interrupted { continue }
                guard code == .wouldBlock else { throw .system(path: path, code) }
                throw .held(path: path, content: SmallFile.read(path) ?? "")
            }
            // The last owner may have removed the file between our opening and locking it.
            guard isCurrent(descriptor, path) else {
                close(descriptor)
                continue
            }
            let lock = FileLock(path: path, descriptor: descriptor)
            try lock.write(content)
            return lock
        }
    }

    /// Whether somebody, this process included, holds the lock on `path`.
    public static func isHeld(path: String) -> Bool {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    /// Removes the file; the lock on it ends with this value.
    public func remove() { unlink(path) }

    private static func open(_ path: String) throws(FileLockError) -> CInt {
        do throws(Errno) {
            return try systemCall { Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
        } catch { throw .system(path: path, error) }
    }

    private static func isCurrent(_ descriptor: CInt, _ path: String) -> Bool {
        var mine = stat()
        var named = stat()
        return fstat(descriptor, &mine) == 0 && stat(path, &named) == 0
            && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev
    }

    private func write(_ content: String) throws(FileLockError) {
        do throws(Errno) {
            try systemCall { ftruncate(descriptor, 0) }
            let bytes = Array(content.utf8)
            try systemCall { pwrite(descriptor, bytes, bytes.count, 0) }
        } catch { throw .system(path: path, error) }
    }
}
