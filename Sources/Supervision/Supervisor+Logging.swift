extension Supervisor {
    /// What is logged.
    public func logging() async -> LoggingState {
        LoggingState(policy: store.policy, lines: store.lines.count, capacity: store.capacity)
    }

    /// Changes what is logged, from the next message on.
    public func setLogging(_ change: LoggingChange) async {
        switch change {
        case .classSettings(let change):
            store.setPolicy { policy in
                policy.set(change.name) { settings in
                    settings.level = change.settings.level ?? settings.level
                    settings.rateLimit = change.settings.rateLimit ?? settings.rateLimit
                    settings.syslogLevel = change.settings.syslogLevel ?? settings.syslogLevel
                }
            }
        case .size(let lines): store.resize(to: lines)
        case .unthrottle(let seconds): store.setPolicy { $0.unthrottleSeconds = seconds }
        case .clear: store.clear()
        }
    }
}
