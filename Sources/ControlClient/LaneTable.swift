public import ControlProtocol

/// The live table of lanes.
public enum LaneTable {
    private static let titles = [
        "Node", "Lane", "CPU", "Packets/s", "Vectors/Frame", "Clocks/Packet", "Handoffs/s",
        "Drops/s", "State",
    ]

    /// One line a lane below the titles; every line ends with a line feed.
    public static func text(_ lanes: [LaneRates]) -> String {
        let rows = lanes.map { lane in
            [
                String(lane.numaNode), String(lane.lane), String(lane.cpu),
                whole(lane.packetsPerSecond), tenths(lane.vectorsPerFrame),
                tenths(lane.clocksPerPacket), whole(lane.handoffsPerSecond),
                whole(lane.dropsPerSecond), lane.state,
            ]
        }
        let widths = titles.indices.map { column in
            max(titles[column].count, rows.map { $0[column].count }.max() ?? 0)
        }
        return ([titles] + rows).map { line($0, widths) }.joined()
    }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        let last = cells.count - 1
        let aligned = cells.enumerated().map { column, cell in
            column == last
                ? cell : String(repeating: " ", count: widths[column] - cell.count) + cell
        }
        return aligned.joined(separator: " ") + "\n"
    }

    private static func whole(_ value: Double) -> String {
        value.isFinite && value < 1e15 ? String(Int(value.rounded())) : "-"
    }

    private static func tenths(_ value: Double) -> String {
        guard value.isFinite, value < 1e12 else { return "-" }
        let scaled = Int((value * 10).rounded())
        return "\(scaled / 10).\(scaled % 10)"
    }
}
