internal import Coordination
internal import LinuxSystem

/// `show node N incarnation [K]`: the lives that are over and kept.
struct DeadLivesReport: CommandResult {
    /// A life.
    struct Life: Encodable, Sendable {
        var incarnation: UInt32
        /// How it ended, or why it was ended.
        var cause: String
        /// Seconds since 1970 when the supervisor knew.
        var unixSeconds: Int
        /// The last journal entry that it had applied.
        var change: UInt64
        /// Packets that it took in.
        var packets: UInt64
        /// The shared memory that its counters and its event log take.
        var bytes: Int
        /// Its events as a trace file.
        var traceFile: String
    }

    var numaNode: Int
    /// Oldest first.
    var lives: [Life]

    init(node: Int, _ kept: [DeadLife]) {
        numaNode = node
        lives = kept.map { life in
            let segment = life.segment
            return Life(
                incarnation: life.incarnation,
                cause: life.cause,
                unixSeconds: life.unixSeconds,
                change: segment?.load(.changeNumber) ?? 0,
                packets: (0..<(segment?.laneCount ?? 0)).reduce(0) {
                    $0 &+ (segment?.lane($1).load(.inputVectors) ?? 0)
                },
                bytes: life.bytesInMemory,
                traceFile: SmallFile.exists(life.traceFile) ? life.traceFile : ""
            )
        }
    }

    var text: String {
        guard !lives.isEmpty else { return "no life of node \(numaNode)'s worker is kept\n" }
        var table = TextTable([
            .init("Life", 5), .init("Ended", 24, .left), .init("Change", 8), .init("Packets", 16),
            .init("Memory", 8), .init("Cause", 6, .left),
        ])
        for life in lives {
            table.add([
                String(life.incarnation), LogLine.time(unixSeconds: life.unixSeconds),
                String(life.change), String(life.packets), Figure.bytes(UInt64(life.bytes)),
                life.cause,
            ])
        }
        guard lives.count == 1, let file = lives.first?.traceFile, !file.isEmpty else {
            return table.text
        }
        return table.text + "events: \(file)\n"
    }
}

extension DeadLife {
    /// Bytes of its files that have memory.
    fileprivate var bytesInMemory: Int {
        (segment?.mapping.bytesInMemory ?? 0) + (eventLog?.mapping.bytesInMemory ?? 0)
    }
}

/// `show node N incarnation K stats`: what a life counted that is over, where it is not 0.
struct DeadStatistics: CommandResult {
    /// A statistic, its lanes and places added up.
    struct Value: Encodable, Sendable {
        var name: String
        /// One, or packets and bytes.
        var values: [UInt64]
    }

    var numaNode: Int
    var incarnation: UInt32
    var statistics: [Value]

    init(_ life: DeadLife) {
        numaNode = life.node
        incarnation = life.incarnation
        guard let segment = life.segment else {
            statistics = []
            return
        }
        statistics = segment.entries.filter { $0.kind == .counter || $0.kind == .combined }
            .compactMap { entry in
                var values = [UInt64](repeating: 0, count: entry.width)
                for row in segment.words(of: entry) {
                    for (index, word) in row.enumerated() { values[index % entry.width] &+= word }
                }
                return values.allSatisfy { $0 == 0 }
                    ? nil : Value(name: entry.name, values: values)
            }.sorted { $0.name < $1.name }
    }

    var text: String {
        statistics.map { statistic in
            "\(statistic.name) \(statistic.values.map { "\($0)" }.joined(separator: " "))\n"
        }.joined()
    }
}

/// `clear node N incarnation`: how many lives were forgotten.
struct ClearedLives: CommandResult {
    var cleared: Int

    var text: String { "\(cleared) \(cleared == 1 ? "life" : "lives") cleared\n" }
}
