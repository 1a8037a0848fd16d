extension TopSample {
    private typealias Column = TopTable.Column

    /// The NUMA nodes.
    func nodeTable() -> TopTable {
        TopTable(
            title: "NUMA nodes",
            columns: [
                Column(title: "Node"), Column(title: "State", isLeft: true),
                Column(title: "Packets/s"), Column(title: "Clocks/Pkt", rank: 1),
                Column(title: "Vec/Frame", rank: 2), Column(title: "Handoffs/s", rank: 2),
                Column(title: "Drops/s", rank: 1), Column(title: "Lanes", rank: 3),
                Column(title: "Buffers", rank: 3), Column(title: "Life", rank: 4),
                Column(title: "Restarts", rank: 2), Column(title: "Reason", isLeft: true, rank: 5),
            ],
            rows: nodes.map { node in
                let used = node.buffers > node.buffersFree ? node.buffers - node.buffersFree : 0
                let share = 100 * Self.quotient(Double(used), Double(node.buffers))
                return TopTable.Row(
                    cells: [
                        "\(node.numaNode)", node.state, TopFigure.short(node.packetsPerSecond),
                        TopFigure.quotient(node.clocksPerPacket),
                        TopFigure.fixed(node.vectorsPerFrame, 1),
                        TopFigure.short(node.handoffsPerSecond),
                        TopFigure.short(node.dropsPerSecond), "\(node.lanes)",
                        TopFigure.fixed(share, 0) + "%", "\(node.incarnation)",
                        node.restarts.map { "\($0)" } ?? "-", node.reason,
                    ],
                    values: [
                        Double(node.numaNode), 0, node.packetsPerSecond, node.clocksPerPacket,
                        node.vectorsPerFrame, node.handoffsPerSecond, node.dropsPerSecond,
                        Double(node.lanes), share, Double(node.incarnation),
                        Double(node.restarts ?? -1), 0,
                    ],
                    numaNode: node.numaNode,
                    isAlert: node.state != "forwarding"
                )
            }
        )
    }

    /// The lanes, of one NUMA node or of all.
    func laneTable(node: Int?) -> TopTable {
        TopTable(
            title: "Lanes",
            columns: [
                Column(title: "Node"), Column(title: "Lane"), Column(title: "CPU", rank: 3),
                Column(title: "State", isLeft: true), Column(title: "Packets/s"),
                Column(title: "Clocks/Pkt", rank: 1), Column(title: "Vec/Frame", rank: 2),
                Column(title: "Handoffs/s", rank: 2), Column(title: "Drops/s", rank: 1),
                Column(title: "Loops/s", rank: 4), Column(title: "Busy", rank: 4),
                Column(title: "Held", rank: 5),
            ],
            rows: lanes.filter { node == nil || $0.numaNode == node }.map { lane in
                TopTable.Row(
                    cells: [
                        "\(lane.numaNode)", "\(lane.lane)", "\(lane.cpu)", lane.state,
                        TopFigure.short(lane.packetsPerSecond),
                        TopFigure.quotient(lane.clocksPerPacket),
                        TopFigure.fixed(lane.vectorsPerFrame, 1),
                        TopFigure.short(lane.handoffsPerSecond),
                        TopFigure.short(lane.dropsPerSecond),
                        TopFigure.short(lane.loopsPerSecond),
                        TopFigure.fixed(lane.busyPercent, 0) + "%", "\(lane.held)",
                    ],
                    values: [
                        Double(lane.numaNode), Double(lane.lane), Double(lane.cpu), 0,
                        lane.packetsPerSecond, lane.clocksPerPacket, lane.vectorsPerFrame,
                        lane.handoffsPerSecond, lane.dropsPerSecond, lane.loopsPerSecond,
                        lane.busyPercent, Double(lane.held),
                    ],
                    numaNode: lane.numaNode,
                    lane: lane.lane,
                    isAlert: !["polling", "sleeping"].contains(lane.state)
                )
            }
        )
    }

    /// Graph nodes that did something, those that took most clocks first.
    func graphNodeTable(node: Int?, lane: Int?) -> TopTable {
        let chosen = graphNodes.filter {
            (node == nil || $0.numaNode == node) && (lane == nil || $0.lane == lane)
                && $0.callsPerSecond > 0
        }
        return TopTable(
            title: "Graph nodes",
            columns: [
                Column(title: "Node"), Column(title: "Lane"),
                Column(title: "Graph node", isLeft: true), Column(title: "Clocks %"),
                Column(title: "Packets/s", rank: 1), Column(title: "Clocks/Pkt", rank: 2),
                Column(title: "Vec/Call", rank: 3), Column(title: "Calls/s", rank: 4),
            ],
            rows: chosen.sorted { $0.share > $1.share }.map { graphNode in
                TopTable.Row(
                    cells: [
                        "\(graphNode.numaNode)", "\(graphNode.lane)", graphNode.name,
                        TopFigure.fixed(graphNode.share, 1),
                        TopFigure.short(graphNode.vectorsPerSecond),
                        TopFigure.quotient(graphNode.clocksPerVector),
                        TopFigure.fixed(graphNode.vectorsPerCall, 1),
                        TopFigure.short(graphNode.callsPerSecond),
                    ],
                    values: [
                        Double(graphNode.numaNode), Double(graphNode.lane), 0, graphNode.share,
                        graphNode.vectorsPerSecond, graphNode.clocksPerVector,
                        graphNode.vectorsPerCall, graphNode.callsPerSecond,
                    ],
                    numaNode: graphNode.numaNode,
                    lane: graphNode.lane,
                    graphNode: graphNode.name
                )
            }
        )
    }

    /// Packets from NUMA node to NUMA node, a row for each that sends.
    func handoffTable() -> TopTable {
        let numbers = handoffs.numaNodes
        return TopTable(
            title: "Handoffs: packets/s from row to column",
            columns: [Column(title: "From")] + numbers.map { Column(title: "to node \($0)") }
                + [Column(title: "Dropped/s")],
            rows: numbers.enumerated().map { row, number in
                let rates = handoffs.packetsPerSecond[row]
                let drops = handoffs.dropsPerSecond[row].reduce(0, +)
                return TopTable.Row(
                    cells: ["\(number)"]
                        + rates.enumerated().map { $0 == row ? "." : TopFigure.short($1) }
                        + [TopFigure.short(drops)],
                    values: [Double(number)] + rates + [drops],
                    numaNode: number,
                    isAlert: drops > 0
                )
            }
        )
    }

    /// Reasons for drops, what drops most first.
    func dropTable(node: Int?, graphNode: String?) -> TopTable {
        let chosen = drops.filter {
            (node == nil || $0.numaNode == node) && (graphNode == nil || $0.graphNode == graphNode)
        }.sorted { ($0.perSecond, $0.count) > ($1.perSecond, $1.count) }
        return TopTable(
            title: "Drops",
            columns: [
                Column(title: "Node"), Column(title: "Drops/s"), Column(title: "Count"),
                Column(title: "Graph node", isLeft: true), Column(title: "Reason", isLeft: true),
            ],
            rows: chosen.map { drop in
                TopTable.Row(
                    cells: [
                        "\(drop.numaNode)", TopFigure.short(drop.perSecond), "\(drop.count)",
                        drop.graphNode, drop.reason,
                    ],
                    values: [Double(drop.numaNode), drop.perSecond, Double(drop.count), 0, 0],
                    numaNode: drop.numaNode,
                    graphNode: drop.graphNode,
                    isAlert: drop.perSecond > 0
                )
            }
        )
    }

    /// Deaths of workers, the last one first.
    func restartTable(now: Int) -> TopTable {
        TopTable(
            title: "Restarts",
            columns: [
                Column(title: "Node"), Column(title: "Life"), Column(title: "Ago"),
                Column(title: "Forwarded after"), Column(title: "Cause", isLeft: true),
            ],
            rows: restarts.reversed().map { restart in
                let ago = max(0, now - restart.unixSeconds)
                return TopTable.Row(
                    cells: [
                        "\(restart.numaNode)", "\(restart.incarnation)", Self.age(ago),
                        restart.forwardingMilliseconds.map { TopFigure.fixed($0, 1) + " ms" }
                            ?? "-",
                        restart.cause,
                    ],
                    values: [
                        Double(restart.numaNode), Double(restart.incarnation), Double(ago),
                        restart.forwardingMilliseconds ?? -1, 0,
                    ],
                    numaNode: restart.numaNode,
                    isAlert: restart.forwardingMilliseconds == nil
                )
            }
        )
    }

    private static func age(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// All of it together, for the line above the tables, the most important first.
    var summary: [String] {
        let packets = nodes.reduce(0) { $0 + $1.packetsPerSecond }
        let clocks = nodes.reduce(0) { $0 + $1.packetsPerSecond * $1.clocksPerPacket }
        let handoffs = nodes.reduce(0) { $0 + $1.handoffsPerSecond }
        let drops = nodes.reduce(0) { $0 + $1.dropsPerSecond }
        let restarts = nodes.compactMap(\.restarts).reduce(0, +)
        return [
            "\(TopFigure.short(packets)) packets/s", "\(TopFigure.short(drops)) drops/s",
            "\(TopFigure.quotient(Self.quotient(clocks, packets))) clocks/packet",
            "\(TopFigure.short(handoffs)) handoffs/s", "\(restarts) restarts",
        ]
    }
}
