/// The vocabulary of `unix { ... }`.
extension StartupReader {
    static let unixKeys: [Key] =
        [
            .flag("nodaemon", \.nodaemon),
            .flag("interactive", \.interactive),
            .flag("nosyslog", \.nosyslog),
            .flag("nobanner", \.console.hasNoBanner),
            .flag("cli-no-banner", \.console.hasNoBanner),
            .text("log", \.logPath),
            .text("exec", \.execPath),
            .text("startup-config", \.execPath),
            .text("runtime-dir", \.runtimeDirectory),
            .text("state-dir", \.stateDirectory),
            .text("pidfile", \.pidFile),
            .text("gid", \.group),
            .text("read-gid", \.readGroup),
            .value("cli-listen") { reader, value in reader.listen(at: value) },
            .integer("poll-sleep-usec", in: 0...1_000_000) {
                $0.configuration.pollSleepMicroseconds = $1.value
            },
            .value("cli-prompt") { $0.configuration.console.prompt = $1.word },
            .integer("cli-history-limit", in: 0...100_000) {
                $0.configuration.console.historyLines = $1.value
            },
            .flag("cli-no-pager", \.console.hasNoPager),
            .integer("cli-pager-buffer-limit", in: 0...10_000_000) {
                $0.configuration.console.pagerLines = $1.value
            },
            .flag("full-coredump", \.coreDumps.isFull),
            .value("coredump-size") { reader, value in
                if value.word == "unlimited" {
                    reader.configuration.coreDumps.bytes = .max
                } else if let bytes = reader.bytes(value, in: 0...(1 << 62)) {
                    reader.configuration.coreDumps.bytes = bytes.value
                }
            },
        ]
        // The console takes lines, prints them whole and in one colour.
        + Key.always(["nocolor", "cli-line-mode"])
        + Key.withoutMeaning(
            ["use-current-dir"],
            .flag,
            "start Causeway in that folder, or write absolute paths"
        )

    /// `cli-listen`: a path, a name in the runtime folder as VPP has it, or an address, which VPP knows.
    private mutating func listen(at value: Key.Value) {
        if !value.word.contains("/"), value.word.contains(":") {
            return reportNoMeaning(
                "cli-listen with a TCP address",
                "commands come over a unix socket, which ssh can forward: write its path",
                at: value.key
            )
        }
        // The kernel keeps 108 bytes for the path of a socket, its end included; the server needs some.
        guard value.word.utf8.count < 104, !value.word.contains("/") || value.word.hasPrefix("/")
        else {
            return refuse(value, "write the absolute path of a socket, below 104 bytes")
        }
        configuration.controlSocket = value.word
    }
}
