internal import ControlProtocol
internal import Coordination
internal import LinuxSystem

/// `show statistics segment`: what the workers' counters lie in, and how much of its room is used.
struct StatisticsReport: CommandResult {
    /// What has a bound.
    struct Use: Encodable, Sendable {
        var used: Int
        var limit: Int
    }

    /// An entry of the directory.
    struct Entry: Encodable, Sendable {
        var name: String
        /// `counter`, `combined`, `gauge`, `rate` or `names`.
        var type: String
        var lanes: Int
        /// Places of a lane.
        var indices: Int
    }

    /// A worker's segment.
    struct Segment: Encodable, Sendable {
        var numaNode: Int
        var incarnation: UInt32
        var bytes: Int
        /// Bytes that have memory; the rest has never been written.
        var bytesInMemory: Int
        var lanes: Int
        var entries: Use
        var graphNodes: Use
        var dropReasons: Use
        var interfaces: Use
        /// Seconds since 1970 of the last `clear`; 0: never.
        var lastClear: UInt64
        /// With `verbose` only.
        var directory: [Entry]?
    }

    var segments: [Segment]

    init(_ view: DataplaneView, isVerbose: Bool) {
        let highest = view.interfaces.map { Int($0.index) }.max() ?? 0
        segments = view.nodes.compactMap { status in
            guard let segment = status.segment else { return nil }
            let entries = segment.entries
            return Segment(
                numaNode: status.number,
                incarnation: status.incarnation,
                bytes: segment.mapping.byteCount,
                bytesInMemory: segment.mapping.bytesInMemory,
                lanes: segment.laneCount,
                entries: Use(used: entries.count, limit: WorkerSegment.maximumEntries),
                graphNodes: Use(
                    used: segment.nodeNames.count,
                    limit: WorkerSegment.maximumNodes
                ),
                dropReasons: Use(
                    used: segment.errorNames.count,
                    limit: WorkerSegment.maximumErrors
                ),
                interfaces: Use(used: highest + 1, limit: WorkerSegment.maximumInterfaces),
                lastClear: segment.load(.lastClear),
                directory: isVerbose
                    ? entries.map {
                        Entry(
                            name: $0.name,
                            type: "\($0.kind)",
                            lanes: $0.lanes,
                            indices: $0.indices
                        )
                    } : nil
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("Node", 4, .left), .init("Life", 5), .init("Size", 8), .init("In memory", 9),
            .init("Lanes", 5), .init("Entries", 11), .init("Graph nodes", 11),
            .init("Drop reasons", 12), .init("Interfaces", 10),
        ])
        for segment in segments {
            table.add(
                [
                    String(segment.numaNode), String(segment.incarnation),
                    Figure.bytes(UInt64(segment.bytes)),
                    Figure.bytes(UInt64(segment.bytesInMemory)), String(segment.lanes),
                ]
                    + [
                        segment.entries, segment.graphNodes, segment.dropReasons,
                        segment.interfaces,
                    ].map { "\($0.used)/\($0.limit)" }
            )
        }
        return table.text + segments.map(directory).joined()
    }

    private func directory(of segment: Segment) -> String {
        guard let entries = segment.directory else { return "" }
        var table = TextTable([
            .init("Name", 48, .left), .init("Type", 8, .left), .init("Lanes", 5),
            .init("Places", 6),
        ])
        for entry in entries {
            table.add([entry.name, entry.type, String(entry.lanes), String(entry.indices)])
        }
        return "NUMA node \(segment.numaNode)\n" + table.text
    }
}
