/// The vocabulary of startup files: Causeway's own words, and VPP's that mean nothing here yet.
extension StartupReader {
    static let topKeys: [Key] =
        [
            .block("unix", of: unixKeys),
            .block("logging", of: loggingKeys),
            .text("topology", \.topologyPath),
            .text("node-executable", \.nodeExecutablePath),
            .value("instance") { reader, value, entry in
                // It becomes part of folder names, DPDK's file prefix and interface descriptions.
                guard value.utf8.count <= 32, value.first?.isLetter == true,
                    value.allSatisfy({
                        $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0))
                    })
                else {
                    reader.refuse(
                        value,
                        of: entry,
                        "use at most 32 letters, digits, - and _, a letter first"
                    )
                    return
                }
                reader.configuration.instance = value
            },
        ] + Key.withoutMeaning(vppSections, .block) + Key.withoutMeaning(vppValues, .value)

    private static let vppSections = [
        "api-queue", "api-segment", "api-trace", "avf", "buffers", "cj", "cpu", "crypto-engines",
        "dhcp", "dns", "dpdk", "ethernet", "host-interface", "interface", "ip", "ip6", "ipsec",
        "l2fib",
        "l2learn", "l2tp", "l3fib", "linux-cp", "linux-nl", "map", "memory", "mpls", "nat", "node",
        "nsim", "oam", "physmem", "plugins", "punt", "session", "socksvr", "span", "statseg",
        "tapcli",
        "tcp", "tls", "translate", "tuntap", "udp", "vhost-user", "vlib", "wireguard",
    ]

    private static let vppValues = ["heapsize", "plugin_path", "test_plugin_path", "seed"]

    private static let unixKeys: [Key] =
        [
            .flag("nodaemon", \.nodaemon),
            .flag("interactive", \.interactive),
            .flag("nosyslog", \.nosyslog),
            .flag("nobanner", \.nobanner),
            .text("log", \.logPath),
            .text("exec", \.execPath),
            .text("startup-config", \.execPath),
            .text("runtime-dir", \.runtimeDirectory),
            .text("pidfile", \.pidFile),
            .text("gid", \.group),
            .value("cli-listen") { reader, value, entry in
                // The kernel keeps 108 bytes for the path of a socket, its end included.
                guard value.hasPrefix("/"), value.utf8.count < 108 else {
                    reader.refuse(
                        value,
                        of: entry,
                        "write the absolute path of a socket, below 108 bytes"
                    )
                    return
                }
                reader.configuration.controlSocket = value
            },
            .value("poll-sleep-usec") { reader, value, entry in
                guard let microseconds = Int(value), (0...1_000_000).contains(microseconds) else {
                    reader.refuse(value, of: entry, "write microseconds, 0 to 1000000")
                    return
                }
                reader.configuration.pollSleepMicroseconds = microseconds
            },
        ]
        + Key.withoutMeaning(
            [
                "cli-line-mode", "cli-no-banner", "cli-no-pager", "full-coredump", "nocolor",
                "use-current-dir",
            ],
            .flag
        )
        + Key.withoutMeaning(
            ["cli-history-limit", "cli-pager-buffer-limit", "cli-prompt", "coredump-size"],
            .value
        )

    private static let loggingKeys: [Key] =
        [
            .value("default-log-level") { reader, value, entry in
                guard let level = levels[value] else {
                    let words = levels.keys.sorted()
                    let suggestion = Spelling.suggestion(for: value, among: words)
                    reader.refuse(
                        value,
                        of: entry,
                        suggestion.map { "did you mean \"\($0)\"?" }
                            ?? "write one of \(words.joined(separator: ", "))"
                    )
                    return
                }
                reader.configuration.logLevel = level
            }
        ]
        + Key.withoutMeaning(
            ["default-syslog-log-level", "size", "nthrottle-time", "unthrottle-time"],
            .value
        )
        + Key.withoutMeaning(["add-default-class", "class"], .value)

    /// VPP's names of levels and swift-log's.
    private static let levels: [String: StartupConfiguration.LogLevel] = [
        "emerg": .critical, "alert": .critical, "crit": .critical, "critical": .critical,
        "err": .error, "error": .error, "warn": .warning, "warning": .warning, "notice": .notice,
        "info": .info, "debug": .debug, "trace": .trace,
    ]
}
