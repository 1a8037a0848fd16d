internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// SIGTERM and SIGINT as a flag that a loop looks at.
enum Signals {
    private static let asked = Atomic<Bool>(false)

    /// Whether the process was told to end.
    static var terminationAsked: Bool { asked.load(ordering: .relaxed) }

    /// Turns SIGTERM into the flag; SIGINT (meant for the supervisor at the terminal) and SIGPIPE
    /// are ignored.
    static func catchTermination() {
        signal(SIGTERM) { _ in Signals.asked.store(true, ordering: .relaxed) }
        signal(SIGINT, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
    }
}
