internal import CausewayConfiguration
internal import Logging
internal import Supervision

extension LogPolicy {
    /// What `logging { ... }` of the startup file says.
    init(_ settings: StartupConfiguration.LoggingSettings) {
        self.init(
            level: Logger.Level(settings.level),
            syslogLevel: settings.syslogLevel.map { Logger.Level($0) } ?? .trace
        )
        if let seconds = settings.unthrottleSeconds { unthrottleSeconds = seconds }
        for (name, wanted) in settings.classes {
            set(name) { own in
                own.level = wanted.level.map { Logger.Level($0) }
                own.syslogLevel = wanted.syslogLevel.map { Logger.Level($0) }
                own.rateLimit = wanted.rateLimit
            }
        }
    }
}

extension Logger.Level {
    fileprivate init(_ level: StartupConfiguration.LogLevel) {
        self = Logger.Level(rawValue: level.rawValue) ?? .notice
    }
}
