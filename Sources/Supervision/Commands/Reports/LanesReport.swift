internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

/// `show lanes`: what each lane counted; a client makes rates of two of them.
struct LanesReport: CommandResult {
    var totals: LaneTotals

    func encode(to encoder: any Encoder) throws { try totals.encode(to: encoder) }

    init(_ readings: [NodeReading]) {
        totals = LaneTotals(
            lanes: readings.flatMap { reading in
                reading.placement.lanes.indices.map { LaneTotals.Lane(reading, $0) }
            }
        )
    }

    var text: String {
        var table = TextTable([
            .init("Node", 4), .init("Lane", 4), .init("CPU", 4), .init("Packets In", 16),
            .init("Vectors/Frame", 13), .init("Clocks/Packet", 13), .init("Handoffs Out", 16),
            .init("Drops", 12), .init("State", 10, .left),
        ])
        for lane in totals.lanes {
            let rates = LaneRates(from: lane.zero, to: lane)
            table.add([
                String(lane.numaNode), String(lane.lane), String(lane.cpu), String(lane.packetsIn),
                Figure.fixed(rates.vectorsPerFrame, digits: 1),
                Figure.fixed(rates.clocksPerPacket, digits: 1), String(lane.handoffsOut),
                String(lane.drops), lane.state,
            ])
        }
        return table.text
    }
}

extension LaneTotals.Lane {
    fileprivate init(_ reading: NodeReading, _ index: Int) {
        let lane = reading.lanes.indices.contains(index) ? reading.lanes[index] : nil
        self.init(
            numaNode: reading.placement.number,
            lane: index,
            cpu: reading.placement.lanes[index],
            state: reading.laneState(index),
            incarnation: reading.status.incarnation,
            seconds: reading.seconds(lane: index),
            packetsIn: lane?.counted(.inputVectors) ?? 0,
            frames: lane?.counted(.internalCalls) ?? 0,
            frameVectors: lane?.counted(.internalVectors) ?? 0,
            clocks: lane?.nodes.reduce(0) { $0 &+ $1[LaneBlock.NodeWord.clocks.rawValue] } ?? 0,
            handoffsOut: lane?.peers.reduce(0) { $0 &+ $1[LaneBlock.PeerWord.packets.rawValue] }
                ?? 0,
            drops: lane?.drops ?? 0
        )
    }

    /// The lane before it had done anything.
    fileprivate var zero: LaneTotals.Lane {
        LaneTotals.Lane(
            numaNode: numaNode,
            lane: lane,
            cpu: cpu,
            state: state,
            incarnation: incarnation,
            seconds: 0,
            packetsIn: 0,
            frames: 0,
            frameVectors: 0,
            clocks: 0,
            handoffsOut: 0,
            drops: 0
        )
    }
}
