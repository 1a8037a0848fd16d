internal import Logging

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

    /// Keeps a line that a process has written to standard error by itself.
    ///
    /// Its text is not trusted: what could end the line or upset a terminal is replaced.
    func keepLine(_ text: String, level: UInt8, of process: NodeProcess) {
        let levels = Logger.Level.allCases
        let line = String(
            text.unicodeScalars.prefix(4096).map {
                $0.value < 32 || $0.value == 127 ? "?" : Character($0)
            }
        )
        store.append(
            line,
            class: "\(process.name.role)",
            level: levels[min(Int(level), levels.count - 1)],
            isWritten: true
        )
    }
}
