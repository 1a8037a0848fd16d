internal import CausewayConfiguration
internal import Coordination

/// `show trace`: what became of single packets.
struct TraceReport: CommandResult {
    /// What one graph node did.
    struct Record: Encodable, Sendable {
        /// Seconds since the supervisor started.
        var seconds: Double
        var time: String
        var node: String
        var numaNode: Int
        var lane: Int
        /// Of a packet that was handed over to this lane: from where, and the seconds since the record
        /// before.
        var crossing: String?
        var crossingSeconds: Double?
        var lines: [String]
    }

    /// A packet's way.
    struct Packet: Encodable, Sendable {
        /// Where it begins.
        var numaNode: Int
        var lane: Int
        var incarnation: UInt32
        var isOver: Bool
        var records: [Record]
    }

    /// Those shown, by the lane that took them in, in the order of their times.
    var packets: [Packet]
    /// How many there are, the filter applied.
    var total: Int
    /// The filter; nil: none.
    var filter: String?
    /// Records that found no room, and packets that were not traced for want of room.
    var lostRecords: Int
    var refusedPackets: Int

    /// What a report needs to know besides the readings.
    struct Form {
        /// By `sw_if_index`.
        var interfaces: [Int: String]
        /// The NUMA node of each lane, and the lane's number there, by its number among all lanes.
        var lanes: [(node: Int, lane: Int)]
        var clock: EventClock
        var timeFormat: TraceTimeFormat
        var isVerbose: Bool
        var filter: TraceFilter?
        /// The most packets of each lane.
        var maximum: Int
    }

    init(_ readings: [TraceReading], _ form: Form) {
        var paths = PacketPaths(readings, nodeOfLane: form.lanes.map(\.node)).paths
        if let filter = form.filter {
            paths = paths.filter { path in
                let passed = path.steps.contains {
                    readings[$0.reading].name(ofNode: $0.record.node) == filter.node
                }
                return passed == filter.isInclude
            }
            paths = Array(paths.prefix(filter.packets))
            self.filter =
                "\(filter.isInclude ? "include" : "exclude") \(filter.node) \(filter.packets)"
        }
        total = paths.count
        lostRecords = readings.flatMap(\.lanes).reduce(0) { $0 + $1.lostRecords }
        refusedPackets = readings.flatMap(\.lanes).reduce(0) { $0 + $1.refusedPackets }
        var packets: [Packet] = []
        for (position, reading) in readings.enumerated() {
            for lane in reading.lanes {
                let own = paths.filter {
                    $0.steps.first.map { $0.reading == position && $0.lane == lane.lane } ?? false
                }
                packets += own.prefix(form.maximum).map { path in
                    Packet(
                        numaNode: reading.node,
                        lane: lane.lane,
                        incarnation: reading.incarnation,
                        isOver: reading.isOver,
                        records: Self.records(path, readings, form)
                    )
                }
            }
        }
        self.packets = packets
    }

    static func records(
        _ path: PacketPath,
        _ readings: [TraceReading],
        _ form: Form
    ) -> [Record] {
        let time = TraceTime(form.timeFormat, form.clock)
        return path.steps.enumerated().map { position, step in
            let reading = readings[step.reading]
            let text = StepText(
                reading: reading,
                step: step.step,
                interfaces: form.interfaces,
                isVerbose: form.isVerbose
            )
            let origin = origin(step.record, reading, form)
            let index = step.record.previous & TraceRecord.indexMask
            var record = Record(
                seconds: Double(form.clock.nanoseconds(at: step.record.time)) * 1e-9,
                time: time.text(of: step.record.time, since: path.begin),
                node: text.name,
                numaNode: reading.node,
                lane: step.lane,
                crossing: origin,
                lines: text.lines(from: "\(origin ?? "") trace index \(index)")
            )
            if origin != nil, position > 0 {
                let ticks = step.record.time &- path.steps[position - 1].record.time
                record.crossingSeconds = Double(form.clock.nanoseconds(ticks: ticks)) * 1e-9
            }
            return record
        }
    }

    /// The lane that a packet came from.
    private static func origin(
        _ record: TraceRecord,
        _ reading: TraceReading,
        _ form: Form
    ) -> String? {
        let lane = Int(record.previous >> 24)
        switch TraceRecord.Kind(rawValue: record.kind) {
        case .fromLane: return "node \(reading.node) lane \(lane)"
        case .fromWorker:
            let peer = Int(record.peer)
            let node = peer < form.lanes.count ? "node \(form.lanes[peer].node)" : "another node"
            return "\(node) lane \(lane)"
        case .node, .start, nil: return nil
        }
    }

    var text: String {
        var text = ""
        var number = 0
        var place: String?
        for packet in packets {
            let life = packet.isOver ? " (life \(packet.incarnation), ended)" : ""
            let own = "node \(packet.numaNode) lane \(packet.lane)\(life)"
            if own != place {
                text += "------------------- Start of \(own) -------------------\n"
                place = own
                number = 0
            }
            number += 1
            text += "Packet \(number)\n\n"
            for record in packet.records { text += Self.text(of: record) }
            text += "\n"
        }
        if packets.isEmpty { text += "No packets in trace buffer\n" }
        if let filter { text += "Filter: \(filter)\n" }
        if packets.count < total {
            text +=
                "\(packets.count) of \(total) packets; show trace max N shows more of each lane\n"
        }
        if lostRecords > 0 || refusedPackets > 0 {
            text +=
                "No room was left for \(lostRecords) records, and for \(refusedPackets) packets "
            text += "that were to be traced; clear trace makes room\n"
        }
        return text
    }

    static func text(of record: Record) -> String {
        var text = ""
        if let crossing = record.crossing {
            let wait = record.crossingSeconds.map {
                ", after \(Figure.fixed($0 * 1e6, digits: 1)) us"
            }
            text += "---- handed over: \(crossing) -> node \(record.numaNode) lane \(record.lane)"
            text += "\(wait ?? "") ----\n"
        }
        text += "\(record.time): \(record.node)\n"
        for line in record.lines { text += "  \(line)\n" }
        return text
    }
}
