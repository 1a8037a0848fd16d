internal import CausewayConfiguration

/// Decides whether and when a dead process is replaced.
struct RestartBudget: Sendable {
    enum Decision: Hashable, Sendable {
        /// Replace it after this wait.
        case restart(after: Duration)
        /// Leave it down: it has died too often.
        case exhausted
    }

    private let policy: RestartPolicy
    /// When the restarts within the window were decided, oldest first.
    private var restarts: [ContinuousClock.Instant] = []

    init(policy: RestartPolicy) { self.policy = policy }

    /// Decides about a death, and counts the restart.
    ///
    /// The first restart in a window does not wait; each further one waits twice as long as the one
    /// before.
    mutating func decide(at now: ContinuousClock.Instant) -> Decision {
        let window = Duration.seconds(policy.windowSeconds)
        restarts.removeAll { now - $0 > window }
        guard restarts.count < policy.maximumRestarts else { return .exhausted }
        let earlier = restarts.count
        restarts.append(now)
        guard earlier > 0 else { return .restart(after: .zero) }
        // Doubling is cut at 2^20, so that it cannot overflow whatever the policy says.
        let milliseconds = policy.backoffMilliseconds << min(earlier - 1, 20)
        return .restart(after: .milliseconds(min(milliseconds, policy.maximumBackoffMilliseconds)))
    }

    /// The words for the log when the budget is used up.
    var exhaustion: String {
        "died \(policy.maximumRestarts + 1) times within \(policy.windowSeconds) s"
    }
}
