internal import Coordination
internal import LinuxSystem
internal import SystemPackage

/// A life of a NUMA node's worker or keeper, as its segment shows it.
struct LifeStatistics: Sendable {
    /// A worker's `.segment` or a keeper's `.ports`.
    let link: RuntimeDirectory.Link
    let node: Int
    let incarnation: UInt32
    let segment: WorkerSegment
    /// Whether it is the node's last life so far.
    var isLast: Bool

    init(
        _ runtime: RuntimeDirectory,
        _ link: RuntimeDirectory.Link,
        node: Int,
        incarnation: UInt32,
        isLast: Bool
    ) throws(StatisticsError) {
        self.link = link
        self.node = node
        self.incarnation = incarnation
        self.isLast = isLast
        let path = runtime.link(link, node: node, incarnation: incarnation)
        do throws(Errno) {
            segment = try WorkerSegment.open(path: path, writable: false)
        } catch { throw error == .protocolError ? .layout(path: path) : .file(path: path, error) }
    }

    /// Whether the life is over.
    var isOver: Bool { segment.load(.ended) != 0 }

    /// What stands before the names of this life's statistics.
    var prefix: String { isLast ? "/node\(node)" : "/node\(node).\(incarnation)" }

    /// Reads an entry.
    func read(_ entry: StatisticsEntry, labels: [String]) -> Statistic {
        Statistic(
            name: entry.name,
            kind: entry.kind,
            width: entry.width,
            rows: segment.words(of: entry),
            labels: labels
        )
    }
}
