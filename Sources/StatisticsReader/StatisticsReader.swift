public import Coordination
internal import LinuxSystem
internal import SystemPackage

/// Reads the statistics of a dataplane from its runtime directory, from any process, while workers
/// count and after their death.
///
/// Nobody is asked and nobody is stopped: segments are mapped read-only, and each one's directory
/// says where its values lie. There is a set of names for each node's last life (`/node0/if/rx`),
/// one for the life before it while its segment is kept (`/node1.3/if/rx`), and one for all last
/// lives together (`/if/rx`).
public struct StatisticsReader: Sendable {
    private let runtime: RuntimeDirectory
    private var lives: [LifeStatistics] = []

    /// Maps what is there.
    ///
    /// - Parameter runtimeDirectory: as the supervisor was given it.
    /// - Throws: `StatisticsError` if there is nothing, or nothing that can be read.
    public init(runtimeDirectory: String) throws(StatisticsError) {
        runtime = RuntimeDirectory(path: runtimeDirectory)
        try refresh()
    }

    /// Takes up new lives of workers and keepers, and lets go of those whose segments are gone.
    public mutating func refresh() throws(StatisticsError) {
        var found: [LifeStatistics] = []
        for node in runtime.nodeNumbers {
            let workers = runtime.lives(.segment, node: node)
            for life in workers {
                try take(.segment, node, life, isLast: life == workers.last, into: &found)
            }
            if let life = runtime.lives(.ports, node: node).last {
                try take(.ports, node, life, isLast: true, into: &found)
            }
        }
        guard !found.isEmpty else { throw .nothing(directory: runtime.path) }
        lives = found
    }

    private func take(
        _ link: RuntimeDirectory.Link,
        _ node: Int,
        _ incarnation: UInt32,
        isLast: Bool,
        into found: inout [LifeStatistics]
    ) throws(StatisticsError) {
        let known = lives.first {
            $0.link == link && $0.node == node && $0.incarnation == incarnation
        }
        if var known {
            known.isLast = isLast
            return found.append(known)
        }
        do throws(StatisticsError) {
            found.append(
                try LifeStatistics(
                    runtime,
                    link,
                    node: node,
                    incarnation: incarnation,
                    isLast: isLast
                )
            )
        } catch {
            // It went while we looked.
            if case .file(_, .noSuchFileOrDirectory) = error { return }
            throw error
        }
    }

    /// The names of all statistics, in alphabetical order.
    ///
    /// - Parameter patterns: regular expressions; a name is listed in which one of them is found.
    ///   Empty: all names.
    /// - Returns: the names.
    /// - Throws: `StatisticsError.pattern`.
    public func names(matching patterns: [String] = []) throws(StatisticsError) -> [String] {
        let filter = try NameFilter(patterns)
        var names: Set<String> = []
        for life in lives {
            for entry in life.segment.entries {
                for name in [life.prefix + entry.name, life.isLast ? entry.name : nil] {
                    if let name, filter.accepts(name) { names.insert(name) }
                }
            }
        }
        return names.sorted()
    }

    /// Reads statistics, in the order of their names.
    ///
    /// - Parameter patterns: see `names(matching:)`.
    /// - Returns: one for each name.
    /// - Throws: `StatisticsError.pattern`.
    public func read(matching patterns: [String] = []) throws(StatisticsError) -> [Statistic] {
        let filter = try NameFilter(patterns)
        let tables = lives.map { EntryTable($0) }
        var found: [Statistic] = []
        for prefix in Set(lives.map(\.prefix)) {
            let own = tables.filter { $0.life.prefix == prefix }
            found += Self.read(own, as: prefix, filter) { name in
                let parts = own.compactMap { table in table[name].map { (table, $0) } }
                // What worker and keeper both count is one number: the keeper's belongs to no lane.
                guard parts.count == 1, let (table, entry) = parts.first else {
                    return Together(name, in: own).statistic
                }
                return table.life.read(entry, labels: table.labels(of: entry))
            }
        }
        let last = tables.filter(\.life.isLast)
        found += Self.read(last, as: "", filter) { Together($0, in: last).statistic }
        return found.sorted { $0.name < $1.name }
    }

    /// What tables have, each name once, with a prefix before it.
    private static func read(
        _ tables: [EntryTable],
        as prefix: String,
        _ filter: NameFilter,
        _ statistic: (String) -> Statistic
    ) -> [Statistic] {
        var seen: Set<String> = []
        return tables.flatMap(\.entries).map(\.name).filter { name in
            filter.accepts(prefix + name) && seen.insert(name).inserted
        }.map { name in
            var found = statistic(name)
            found.name = prefix + name
            return found
        }
    }
}

/// A life with its entries by name.
struct EntryTable {
    let life: LifeStatistics
    let entries: [StatisticsEntry]
    private let positions: [String: Int]

    init(_ life: LifeStatistics) {
        self.life = life
        entries = life.segment.entries
        positions = Dictionary(
            entries.enumerated().map { ($1.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    subscript(name: String) -> StatisticsEntry? { positions[name].map { entries[$0] } }

    /// What the places of an entry are called: as the entry `names` beside it says.
    func labels(of entry: StatisticsEntry) -> [String] {
        guard let slash = entry.name.lastIndex(of: "/"), entry.indices > 1,
            let names = self[entry.name[...slash] + "names"], names.kind == .names,
            names.indices == entry.indices
        else { return [] }
        let row = life.segment.words(of: names).first ?? []
        return Statistic.texts(row, width: names.width)
    }
}

/// Which names are wanted.
struct NameFilter {
    private let patterns: [Regex<AnyRegexOutput>]

    init(_ patterns: [String]) throws(StatisticsError) {
        var parsed: [Regex<AnyRegexOutput>] = []
        for pattern in patterns {
            do {
                parsed.append(try Regex(pattern))
            } catch { throw .pattern(pattern, reason: "\(error)") }
        }
        self.patterns = parsed
    }

    func accepts(_ name: String) -> Bool {
        patterns.isEmpty || patterns.contains { (try? $0.firstMatch(in: name)) != nil }
    }
}

extension StatisticsReader {
    /// A worker's life as its segment lies in memory, for readers that want all of it at once.
    public struct WorkerLife: Sendable {
        /// The NUMA node's number.
        public var node: Int
        /// Counts the node's lives, from 1.
        public var incarnation: UInt32
        /// Whether the life is over.
        public var isOver: Bool
        /// What it counts; mapped to be read only.
        public var segment: WorkerSegment
    }

    /// The last life of each NUMA node's worker, in the order of their numbers.
    public var workers: [WorkerLife] {
        lives.filter { $0.link == .segment && $0.isLast }.map {
            WorkerLife(
                node: $0.node,
                incarnation: $0.incarnation,
                isOver: $0.isOver,
                segment: $0.segment
            )
        }
    }
}
