/// What workers list and write of their statistics.
public struct StatisticsSettings: Hashable, Sendable {
    /// Whether what graph nodes and processes do is listed: `/nodes/...`.
    public var listsNodes = true
    /// The time between two writings of the gauges in microseconds.
    public var updateMicroseconds = 20_000
    /// How many lives of a worker that are over stay readable, of each NUMA node.
    public var deadLives = 8

    /// Everything, at short intervals.
    public init() {}
}

/// The record of what was asked of the dataplane, which is kept beside the report of a crash.
public struct CommandTraceSettings: Hashable, Sendable {
    /// Whether commands are recorded.
    public var isOn = true
    /// How many are kept.
    public var commands = 1024

    /// The last 1,024.
    public init() {}

    /// How many commands are kept; 0: none are recorded.
    public var capacity: Int { isOn ? commands : 0 }
}

/// The vocabulary of `statseg { ... }` and `api-trace { ... }`.
extension StartupReader {
    static let statisticsKeys: [Key] =
        [
            .value("per-node-counters") { reader, value in
                switch value.word {
                case "on": reader.configuration.statistics.listsNodes = true
                case "off": reader.configuration.statistics.listsNodes = false
                default: reader.refuse(value, "write on or off")
                }
            },
            .value("update-interval") { reader, value in
                guard let seconds = Double(value.word), (0.001...3600).contains(seconds) else {
                    return reader.refuse(value, "write seconds, 0.001 to 3600")
                }
                reader.configuration.statistics.updateMicroseconds = Int((seconds * 1e6).rounded())
            },
            .integer("dead-lives", in: 1...64) {
                $0.configuration.statistics.deadLives = $1.value
            },
            .value("size") { reader, value in
                guard ByteCount.parse(value.word) != nil else {
                    return reader.refuse(value, "write bytes, with K, M, G or T")
                }
                reader.reportNoMeaning(
                    "statseg size",
                    "a segment is as large as its lanes ask for, whatever is counted",
                    at: value.key
                )
            },
        ]
        + Key.always(["default"])
        + Key.withoutMeaning(
            ["page-size"],
            .value,
            "a segment takes pages of 4 KiB, and only those that have been written"
        )
        + Key.withoutMeaning(
            ["socket-name"],
            .value,
            "readers find the segments in the runtime directory, without a socket: move it with "
                + "`unix { runtime-dir DIR }`"
        )

    static let commandTraceKeys: [Key] =
        flags(["on", "enable"]) { $0.isOn = true }
        + flags(["off", "disable"]) { $0.isOn = false }
        + [
            .integer("nitems", in: 1...1_000_000) {
                $0.configuration.commandTrace.commands = $1.value
            }
        ]
        + Key.withoutMeaning(
            ["save-api-table"],
            .value,
            "commands go by their names, not by numbers that a table would explain: `help` lists them"
        )

    private static func flags(
        _ names: [String],
        _ change: @escaping @Sendable (inout CommandTraceSettings) -> Void
    ) -> [Key] {
        names.map { name in
            Key(
                name: name,
                shape: .flag,
                meaning: .apply { reader, _ in change(&reader.configuration.commandTrace) }
            )
        }
    }
}
