internal import ControlProtocol
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
            for node in nodes.values {
                for process in [node.keeper, node.worker] {
                    guard let process, "\(process.name.role)" == change.name else { continue }
                    await changeLogLevels(process)
                }
            }
        case .size(let lines): store.resize(to: lines)
        case .unthrottle(let seconds): store.setPolicy { $0.unthrottleSeconds = seconds }
        case .clear: store.clear()
        }
    }

    /// What a process of a role writes: its class's level, or else that of the environment, which is for
    /// those who look for an error, or that of all classes.
    func logLevels(of role: ProcessIdentity.Role) -> (
        least: Logger.Level, standardError: Logger.Level
    ) {
        let policy = store.policy
        let inherited = options.environment["CAUSEWAY_LOG_LEVEL"].flatMap {
            Logger.Level(rawValue: $0)
        }
        return (
            policy.classes["\(role)"]?.level ?? inherited ?? policy.level,
            policy.syslogLevel(of: "\(role)")
        )
    }

    /// The environment of a process, with the levels that hold until it is told others.
    func environment(of role: ProcessIdentity.Role) -> [String: String] {
        let levels = logLevels(of: role)
        return options.environment.merging([
            "CAUSEWAY_LOG_LEVEL": levels.least.rawValue,
            "CAUSEWAY_SYSLOG_LEVEL": levels.standardError.rawValue,
        ]) { $1 }
    }

    /// Tells a process what it is to write, which may have changed since it was started.
    func tellLogLevels(_ process: NodeProcess) async throws(StepFailure) {
        let levels = logLevels(of: process.name.role)
        let all = Logger.Level.allCases
        func number(_ level: Logger.Level) -> UInt8 { UInt8(all.firstIndex(of: level) ?? 0) }
        let message = NodeMessage.logLevels(
            least: number(levels.least),
            standardError: number(levels.standardError)
        )
        try await process.send(message, step: "log levels", within: options.times.request)
    }

    /// Tells a running process; one that does not take it is dealt with by whoever waits for its next answer.
    private func changeLogLevels(_ process: NodeProcess) async {
        do throws(StepFailure) {
            try await tellLogLevels(process)
        } catch {
            log(.warning, "log-levels", node: process.name.node, ["reason": "\(error)"])
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
