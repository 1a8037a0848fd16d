#if canImport(Glibc)
    internal import Glibc
#endif

/// A value that only one thread may use, so that processes of a loop on that thread can carry it.
///
/// Swift takes a process for code that may run anywhere; its loop runs it on one thread, and this
/// checks that.
public struct LoopBound<Value>: @unchecked Sendable {
    private let held: Value
    private let owner: pthread_t

    /// Binds a value to the calling thread.
    public init(_ value: Value) {
        held = value
        owner = pthread_self()
    }

    /// The value.
    ///
    /// - Precondition: the caller is the thread that bound it.
    public var value: Value {
        precondition(pthread_equal(owner, pthread_self()) != 0, "a value of another thread")
        return held
    }
}
