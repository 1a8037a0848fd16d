internal import CausewayConfiguration
internal import Coordination

/// `show errors`: drops by graph node and reason.
struct ErrorsReport: CommandResult {
    /// A reason that was counted.
    struct Reason: Encodable, Sendable {
        var count: UInt64
        /// The name of the graph node that counts.
        var node: String
        var reason: String
        /// As VPP has it: `error` for a drop, `info` for anything else that a graph node counts.
        var severity: String
        /// The lane that counted, if they are apart.
        var lane: String?
    }

    var errors: [Reason]

    /// Sums the counts of all lanes; apart if verbose.
    init(_ readings: [NodeReading], isVerbose: Bool) {
        errors = []
        for reading in readings {
            for (index, lane) in reading.lanes.enumerated() {
                let name = isVerbose ? "cw-n\(reading.placement.number)-l\(index)" : nil
                for (error, count) in lane.errors.enumerated() where count > 0 {
                    let named = reading.errorNames[error]
                    add(
                        Reason(
                            count: count,
                            node: reading.graphNodeName(named.node),
                            reason: named.reason,
                            severity: named.isInformation ? "info" : "error",
                            lane: name
                        )
                    )
                }
            }
        }
    }

    private mutating func add(_ reason: Reason) {
        let same = errors.firstIndex {
            $0.node == reason.node && $0.reason == reason.reason && $0.lane == reason.lane
        }
        if let same { errors[same].count &+= reason.count } else { errors.append(reason) }
    }

    var text: String {
        let isVerbose = errors.contains { $0.lane != nil }
        var columns: [TextTable.Column] = [
            .init("Count", 10), .init("Node", 24), .init("Reason", 36), .init("Severity", 8),
        ]
        if isVerbose { columns.append(.init("Lane", 10)) }
        var table = TextTable(columns)
        for error in errors {
            table.add(
                [String(error.count), error.node, error.reason, error.severity]
                    + (isVerbose ? [error.lane ?? ""] : [])
            )
        }
        return table.text
    }
}

/// `show handoff`: what lanes handed to lanes of other NUMA nodes.
struct HandoffReport: CommandResult {
    /// A ring between two lanes.
    struct Ring: Encodable, Sendable {
        var fromNode: Int
        var fromLane: Int
        var toNode: Int
        var toLane: Int
        /// What was published, in packets and 64-byte cells.
        var packets: UInt64
        var cells: UInt64
        /// Dropped because the ring was full, and because the peer was down.
        var fullDrops: UInt64
        var downDrops: UInt64
        /// What the other lane took out, in its present life.
        var received: UInt64
    }

    var rings: [Ring]

    init(_ readings: [NodeReading]) {
        rings = []
        for source in readings {
            for target in readings where target.placement.number != source.placement.number {
                for (from, lane) in source.lanes.enumerated() {
                    for to in target.placement.lanes.indices {
                        let peer = target.firstLane + to
                        guard peer < lane.peers.count else { continue }
                        rings.append(
                            Ring(
                                fromNode: source.placement.number,
                                fromLane: from,
                                toNode: target.placement.number,
                                toLane: to,
                                packets: lane.peer(peer, .packets),
                                cells: lane.peer(peer, .cells),
                                fullDrops: lane.peer(peer, .fullDrops),
                                downDrops: lane.peer(peer, .downDrops),
                                received: target.received(on: to, from: source.firstLane + from)
                            )
                        )
                    }
                }
            }
        }
    }

    var text: String {
        var table = TextTable([
            .init("From", 10, .left), .init("To", 10, .left), .init("Packets", 16),
            .init("Cells", 16), .init("Full Drops", 12), .init("Down Drops", 12),
            .init("Received", 16),
        ])
        for ring in rings {
            table.add([
                "cw-n\(ring.fromNode)-l\(ring.fromLane)", "cw-n\(ring.toNode)-l\(ring.toLane)",
                String(ring.packets), String(ring.cells), String(ring.fullDrops),
                String(ring.downDrops), String(ring.received),
            ])
        }
        return table.text
    }
}

extension NodeReading {
    /// What a lane took from the ring of a source lane, by that lane's number among all.
    fileprivate func received(on lane: Int, from source: Int) -> UInt64 {
        guard lanes.indices.contains(lane), lanes[lane].peers.indices.contains(source) else {
            return 0
        }
        return lanes[lane].peer(source, .received)
    }
}
