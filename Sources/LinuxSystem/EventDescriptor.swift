internal import CLinux
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A counter in the kernel that a sleeper waits for and anybody with a copy of its descriptor
/// raises (eventfd).
///
/// It lives as long as any process has a copy, so it may outlive its maker and its sleeper.
public final class EventDescriptor: Sendable {
    /// The descriptor: non-blocking, closed on exec.
    public let descriptor: CInt

    /// Makes one at zero.
    ///
    /// - Throws: the `Errno` of the kernel, such as `EMFILE` when the process has too many open.
    public init() throws(Errno) {
        descriptor = try systemCall { CLinux_eventfd() }
    }

    /// Takes over one that another process gave.
    public init(owning descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Ends a sleep, or the next one at once.
    public func signal() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Sets the counter back to zero.
    ///
    /// - Returns: whether it was raised.
    @discardableResult
    public func clear() -> Bool {
        var count: UInt64 = 0
        return read(descriptor, &count, 8) == 8
    }
}
