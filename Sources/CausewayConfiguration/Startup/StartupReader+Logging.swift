/// The keys of `logging { ... }`.
extension StartupReader {
    static let loggingKeys: [Key] =
        [
            .value("default-log-level") { reader, value in
                if let level = reader.level(value) { reader.configuration.logging.level = level }
            },
            .value("default-syslog-log-level") { reader, value in
                reader.configuration.logging.syslogLevel = reader.level(value)
            },
            .integer("size", in: 1...1_000_000) { $0.configuration.logging.lines = $1.value },
            .integer("unthrottle-time", in: 1...3600) {
                $0.configuration.logging.unthrottleSeconds = $1.value
            },
            // How VPP's reader has it.
            .integer("nthrottle-time", in: 1...3600) {
                $0.configuration.logging.unthrottleSeconds = $1.value
            },
            .named("class") { reader, value in reader.readLogClass(value) },
        ] + Key.withoutMeaning(["add-default-class"], .value)

    private static func classKeys(_ name: String) -> [Key] {
        [
            .value("level") { reader, value in
                reader.set(name, \.level, reader.level(value))
            },
            .value("syslog-level") { reader, value in
                reader.set(name, \.syslogLevel, reader.level(value))
            },
            .integer("rate-limit", in: 1...1_000_000) { reader, number in
                reader.set(name, \.rateLimit, number.value)
            },
        ]
    }

    private mutating func readLogClass(_ value: Key.Value) {
        let names = StartupConfiguration.LoggingSettings.classNames
        guard names.contains(value.word) else {
            // VPP's classes are its plugins': a file of its may name any of them.
            return reportNoMeaning(
                "class \(value.word)",
                "the classes of messages are \(names.joined(separator: ", "))",
                at: value.key
            )
        }
        read(value.block ?? [], in: "class \(value.word)", keys: Self.classKeys(value.word))
    }

    private mutating func set<Value>(
        _ name: String,
        _ path: WritableKeyPath<StartupConfiguration.LoggingSettings.ClassSettings, Value?>,
        _ value: Value?
    ) {
        configuration.logging.classes[name, default: .init()][keyPath: path] = value
    }

    /// The level at a key, or nil after a report.
    private mutating func level(_ value: Key.Value) -> StartupConfiguration.LogLevel? {
        if let level = Self.levels[value.word] { return level }
        let words = Self.levels.keys.sorted()
        let suggestion = Spelling.suggestion(for: value.word, among: words)
        refuse(
            value,
            suggestion.map { "did you mean \"\($0)\"?" }
                ?? "write one of \(words.joined(separator: ", "))"
        )
        return nil
    }

    /// VPP's names of levels and swift-log's.
    private static let levels: [String: StartupConfiguration.LogLevel] = [
        "emerg": .critical, "alert": .critical, "crit": .critical, "critical": .critical,
        "err": .error, "error": .error, "warn": .warning, "warning": .warning, "notice": .notice,
        "info": .info, "debug": .debug, "trace": .trace, "disabled": .critical,
    ]
}
