internal import CausewayConfiguration
public import Logging

/// Which messages of which class are logged, and how many of them.
///
/// A class is a part of the program: `supervisor`, `control`, `causeway`, and of the packet processes
/// `keeper` and `worker`. As in VPP a class that logs more in a second than its limit is throttled:
/// one line says so, and for some seconds its further messages are only counted.
public struct LogPolicy: Sendable {
    /// What one class has set for itself; what is nil is as for all.
    public struct ClassSettings: Hashable, Sendable {
        /// The least level that is logged.
        public var level: Logger.Level?
        /// Messages a second; further ones throttle the class.
        public var rateLimit: Int?
        /// The least level that also goes to standard error.
        public var syslogLevel: Logger.Level?

        /// Settings that say nothing.
        public init() {}
    }

    /// What became of a message.
    enum Verdict: Equatable {
        case logged
        /// The first that is one too many: a line in its place says so.
        case throttles
        case dropped
    }

    /// VPP's: messages a second and class.
    public static let defaultRateLimit = 50
    /// VPP's: seconds for which a class stays throttled.
    public static let defaultUnthrottleSeconds = 3

    private struct Rate {
        var second: UInt64 = 0
        var messages = 0
        var throttledUntil: UInt64 = 0
        var dropped: UInt64 = 0
    }

    /// The least level of classes that have none of their own.
    public var level: Logger.Level
    /// The least level that goes to standard error, of classes that have none of their own.
    public var syslogLevel: Logger.Level
    /// The limit of classes that have none of their own.
    public var rateLimit = Self.defaultRateLimit
    /// Seconds for which a class stays throttled.
    public var unthrottleSeconds = Self.defaultUnthrottleSeconds
    /// What classes have set for themselves.
    public private(set) var classes: [String: ClassSettings] = [:]
    private var rates: [String: Rate] = [:]

    /// The classes that there are, so that a misspelled one can be refused.
    public static let names = StartupConfiguration.LoggingSettings.classNames

    /// The same for all classes, without a limit of their own.
    public init(level: Logger.Level = .notice, syslogLevel: Logger.Level = .trace) {
        self.level = level
        self.syslogLevel = syslogLevel
    }

    /// Changes what a class has set for itself.
    public mutating func set(_ name: String, _ change: (inout ClassSettings) -> Void) {
        change(&classes[name, default: ClassSettings()])
    }

    /// The least level of a class.
    public func level(of name: String) -> Logger.Level { classes[name]?.level ?? level }

    /// The least level of a class that goes to standard error.
    public func syslogLevel(of name: String) -> Logger.Level {
        classes[name]?.syslogLevel ?? syslogLevel
    }

    /// The messages a second of a class.
    public func rateLimit(of name: String) -> Int { classes[name]?.rateLimit ?? rateLimit }

    /// How many messages of a class were dropped since the start.
    public func dropped(of name: String) -> UInt64 { rates[name]?.dropped ?? 0 }

    /// Judges a message of a class at a time, in milliseconds from any start.
    mutating func judge(_ name: String, at milliseconds: UInt64) -> Verdict {
        var rate = rates[name] ?? Rate()
        defer { rates[name] = rate }
        guard milliseconds >= rate.throttledUntil else {
            rate.dropped += 1
            return .dropped
        }
        if milliseconds / 1000 != rate.second {
            rate.second = milliseconds / 1000
            rate.messages = 0
        }
        rate.messages += 1
        guard rate.messages > rateLimit(of: name) else { return .logged }
        rate.throttledUntil = milliseconds + UInt64(unthrottleSeconds) * 1000
        rate.messages = 0
        rate.dropped += 1
        return .throttles
    }
}

extension LogPolicy {
    /// VPP's names of levels, the least urgent last, and swift-log's that mean the same.
    public static func level(named name: String) -> Logger.Level? {
        switch name {
        case "emerg", "alert", "crit", "critical", "disabled": .critical
        case "err", "error": .error
        case "warn", "warning": .warning
        case "notice": .notice
        case "info": .info
        case "debug": .debug
        case "trace": .trace
        default: nil
        }
    }

    /// The names that `level(named:)` knows, for the grammar of commands.
    public static let levelNames = [
        "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "disabled",
    ]
}
