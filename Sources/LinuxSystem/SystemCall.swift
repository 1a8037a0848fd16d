public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Runs a system call, repeating it while a signal interrupts it.
///
/// `errno` is read in this function, right after the call, so that nothing runs between the two.
///
/// - Parameter body: the call; it returns -1 and sets `errno` when it fails.
/// - Returns: what the call returned.
/// - Throws: the `Errno` that the call set.
@discardableResult
public func systemCall<Result: SignedInteger>(_ body: () -> Result) throws(Errno) -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code != EINTR { throw Errno(rawValue: code) }
    }
}
