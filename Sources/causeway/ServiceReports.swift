internal import Supervision

#if canImport(Glibc)
    internal import Glibc
#endif

/// What a service manager (systemd) hears of a running dataplane: a line about its nodes, and, if it
/// keeps a watchdog, that the supervisor lives.
///
/// Each word is sent after the supervisor has answered: one that hangs is silent, and is replaced
/// while what it started forwards on.
struct ServiceReports {
    private let isHeard: Bool
    private let watchdog: Duration?

    /// Looks in the environment for what a service manager wants to hear.
    init(_ environment: [String: String]) {
        isHeard = environment["NOTIFY_SOCKET"] != nil
        watchdog = ServiceNotification.watchdogTime(environment, pid: getpid())
    }

    /// Reports until it is cancelled.
    ///
    /// - Parameter dataplane: asked before each word.
    /// - Returns: nil if nobody listens.
    func start(of dataplane: Supervisor) -> Task<Void, Never>? {
        guard isHeard else { return nil }
        // Half of the time is what sd_watchdog_enabled(3) advises; a third bears a late turn.
        let interval = min(watchdog.map { $0 / 3 } ?? Self.longestInterval, Self.longestInterval)
        return Task {
            var last = ""
            while !Task.isCancelled {
                let status = await dataplane.serviceStatus()
                var words: [String] = []
                if status != last { words.append("STATUS=\(status)") }
                if watchdog != nil { words.append("WATCHDOG=1") }
                if !words.isEmpty { ServiceNotification.send(words.joined(separator: "\n")) }
                last = status
                // Cut short by a cancellation, this was the last word.
                try? await Task.sleep(for: interval)
            }
        }
    }

    private static let longestInterval: Duration = .seconds(2)
}
