internal import Logging

extension CommandTable {
    private static let levels = Syntax.choice(
        LogPolicy.levelNames.map { .word($0, "and what is more urgent") }
    )

    /// `show logging`, `set logging`, `clear logging`, in VPP's words.
    static let loggingCommands = [
        Command(
            .words("show logging", help: "the last lines")
                + .optional(.word("configuration", "levels and limits")),
            "Shows the last lines of the log, or what is logged of each class."
        ) { input, session throws(CommandFailure) in
            guard input.has("configuration") else {
                return LogReport(log: await session.dataplane.view().log)
            }
            return LoggingReport(await session.dataplane.logging())
        },
        Command(
            .words("set logging class", help: "what is logged of it")
                + .value("class", .word("CLASS"), LogPolicy.names.joined(separator: ", "))
                + .options([
                    .word("level", "the least that is logged") + levels,
                    .option("rate-limit", .integer(1...1_000_000), "messages a second"),
                    .word("syslog-level", "the least that goes to standard error") + levels,
                ]),
            "Sets what is logged of a class of messages."
        ) { input, session throws(CommandFailure) in
            let change = try LoggingClassChange(input)
            await session.dataplane.setLogging(.classSettings(change))
            return DoneResult()
        },
        Command(
            .words("set logging size", help: "lines that are kept")
                + .value("size", .integer(1...LogStore.maximumCapacity), "lines"),
            "Sets how many lines of the log are kept in memory."
        ) { input, session throws(CommandFailure) in
            let lines = try input.required(input.integer("size"), "LINES")
            await session.dataplane.setLogging(.size(lines))
            return DoneResult()
        },
        Command(
            .words("set logging unthrottle-time", help: "how long a class is throttled")
                + .value("seconds", .integer(1...3600), "seconds"),
            "Sets for how long a class that logs too much stays throttled."
        ) { input, session throws(CommandFailure) in
            let seconds = try input.required(input.integer("seconds"), "SECONDS")
            await session.dataplane.setLogging(.unthrottle(seconds: seconds))
            return DoneResult()
        },
        Command(
            .words("clear logging", help: "the kept lines"),
            "Forgets the kept lines of the log."
        ) { _, session throws(CommandFailure) in
            await session.dataplane.setLogging(.clear)
            return DoneResult()
        },
    ]
}

/// A change of what is logged.
public enum LoggingChange: Sendable {
    /// Settings of one class.
    case classSettings(LoggingClassChange)
    /// How many lines are kept.
    case size(Int)
    /// For how long a class that logs too much is throttled.
    case unthrottle(seconds: Int)
    /// The kept lines are forgotten.
    case clear
}

/// What a command changes of a class's settings.
public struct LoggingClassChange: Sendable {
    /// The class.
    public var name: String
    /// What it sets; nil leaves things as they are.
    public var settings: LogPolicy.ClassSettings

    /// Makes a change of what `settings` sets.
    public init(name: String, settings: LogPolicy.ClassSettings) {
        self.name = name
        self.settings = settings
    }

    /// Reads `set logging class NAME [level L] [rate-limit N] [syslog-level L]`.
    init(_ input: CommandInput) throws(CommandFailure) {
        name = try input.required(input.text("class"), "CLASS")
        settings = LogPolicy.ClassSettings()
        guard LogPolicy.names.contains(name) else {
            throw .refused(
                "there is no class \(name); there are \(LogPolicy.names.joined(separator: ", "))"
            )
        }
        settings.rateLimit = input.integer("rate-limit")
        // The words of the line in their order: a level belongs to the keyword before it.
        var key = ""
        for capture in input.captures where capture.value == .keyword {
            guard let level = LogPolicy.level(named: capture.key) else {
                key = capture.key
                continue
            }
            if key == "syslog-level" {
                settings.syslogLevel = level
            } else {
                settings.level = level
            }
        }
    }
}

/// What is logged, as `show logging configuration` lists it.
public struct LoggingState: Sendable {
    /// The rules.
    public var policy: LogPolicy
    /// The lines that are kept.
    public var lines: Int
    /// The lines that are kept at most.
    public var capacity: Int

    /// Makes it of its parts.
    public init(policy: LogPolicy, lines: Int, capacity: Int) {
        self.policy = policy
        self.lines = lines
        self.capacity = capacity
    }
}

/// `show logging configuration`.
struct LoggingReport: CommandResult {
    struct Entry: Encodable, Sendable {
        var name: String
        var level: String
        var syslogLevel: String
        var rateLimit: Int
        var dropped: UInt64
    }

    var size: Int
    var lines: Int
    var unthrottleSeconds: Int
    var classes: [Entry]

    init(_ state: LoggingState) {
        size = state.capacity
        lines = state.lines
        unthrottleSeconds = state.policy.unthrottleSeconds
        classes = LogPolicy.names.map { name in
            Entry(
                name: name,
                level: "\(state.policy.level(of: name))",
                syslogLevel: "\(state.policy.syslogLevel(of: name))",
                rateLimit: state.policy.rateLimit(of: name),
                dropped: state.policy.dropped(of: name)
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("Class", 12, .left), .init("Level", 10, .left), .init("Syslog level", 12, .left),
            .init("Rate limit", 10), .init("Dropped", 10),
        ])
        for entry in classes {
            table.add([
                entry.name, entry.level, entry.syslogLevel, "\(entry.rateLimit)/s",
                "\(entry.dropped)",
            ])
        }
        return "lines kept: \(lines) of \(size), unthrottle time \(unthrottleSeconds) s\n"
            + table.text
    }
}
