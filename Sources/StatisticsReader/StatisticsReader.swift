internal import Coordination
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
    private var workers: [WorkerStatistics] = []

    /// Maps what is there.
    ///
    /// - Parameter runtimeDirectory: as the supervisor was given it.
    /// - Throws: `StatisticsError` if there is nothing, or nothing that can be read.
    public init(runtimeDirectory: String) throws(StatisticsError) {
        runtime = RuntimeDirectory(path: runtimeDirectory)
        try refresh()
    }

    /// Takes up new lives of workers, and lets go of those whose segments are gone.
    public mutating func refresh() throws(StatisticsError) {
        var found: [WorkerStatistics] = []
        for node in runtime.nodeNumbers {
            let lives = runtime.lives(.segment, node: node)
            for life in lives {
                let isLast = life == lives.last
                if var known = workers.first(where: { $0.node == node && $0.incarnation == life }) {
                    known.isLast = isLast
                    found.append(known)
                    continue
                }
                do throws(StatisticsError) {
                    found.append(
                        try WorkerStatistics(runtime, node: node, incarnation: life, isLast: isLast)
                    )
                } catch {
                    // It went while we looked.
                    if case .file(_, .noSuchFileOrDirectory) = error { continue }
                    throw error
                }
            }
        }
        guard !found.isEmpty else { throw .nothing(directory: runtime.path) }
        workers = found
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
        for worker in workers {
            for entry in worker.segment.entries {
                for name in [worker.prefix + entry.name, worker.isLast ? entry.name : nil] {
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
        let tables = workers.map { EntryTable($0) }
        var found: [Statistic] = []
        for table in tables {
            for entry in table.entries where filter.accepts(table.worker.prefix + entry.name) {
                found.append(table.worker.read(entry, labels: table.labels(of: entry)))
            }
        }
        let last = tables.filter(\.worker.isLast)
        var seen: Set<String> = []
        for table in last {
            for entry in table.entries
            where filter.accepts(entry.name) && seen.insert(entry.name).inserted {
                found.append(Together(entry.name, in: last).statistic)
            }
        }
        return found.sorted { $0.name < $1.name }
    }
}

/// A worker with its entries by name.
struct EntryTable {
    let worker: WorkerStatistics
    let entries: [StatisticsEntry]
    private let positions: [String: Int]

    init(_ worker: WorkerStatistics) {
        self.worker = worker
        entries = worker.segment.entries
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
        let row = worker.segment.words(of: names).first ?? []
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
