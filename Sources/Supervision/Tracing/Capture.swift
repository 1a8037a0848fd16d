internal import Coordination

/// What the lanes of some lives have captured together.
struct Capture {
    private(set) var packets: [PcapngFile.Packet] = []
    /// Packets that found no room, or were more than wanted.
    private(set) var lost = 0

    /// Merges what lanes have captured by time.
    ///
    /// - Parameters:
    ///   - lives: those that captured.
    ///   - interfaces: names, by `sw_if_index`.
    ///   - clock: what the time-stamp counter means.
    ///   - limit: the most packets of all lanes together.
    ///   - paths: what has been traced of packets that were captured at each call.
    init(
        _ lives: [TracedLife],
        interfaces: [Int: String],
        clock: EventClock,
        limit: Int,
        paths: CapturedPaths = CapturedPaths()
    ) {
        var merged: [(time: UInt64, packet: PcapngFile.Packet)] = []
        for life in lives {
            let names = life.segment?.nodeNames.map(\.name) ?? []
            let reasons = (life.segment?.errorNames ?? []).map { reason in
                (reason.node < names.count ? names[reason.node] + ": " : "") + reason.reason
            }
            for lane in 0..<life.buffer.laneCount {
                let capture = life.buffer.captured(of: lane)
                lost += capture.lost
                for packet in capture.packets {
                    var own = Self.packet(packet, interfaces, reasons, clock)
                    if packet.header.what & CaptureSet.dispatch.mask != 0 {
                        let record = DispatchRecord(
                            packet: packet,
                            lane: (life.buffer.node, lane),
                            nodeNames: names,
                            reasons: reasons,
                            interfaces: interfaces
                        )
                        let trace = paths.text(of: packet.header, life.buffer, lane: lane)
                        own.interface = record.interface
                        own.isInbound = nil
                        own.bytes = record.bytes(trace: trace)
                    }
                    merged.append((packet.header.time, own))
                }
            }
        }
        // A frame's packets have the order of the frame.
        packets = merged.enumerated()
            .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            .prefix(limit).map(\.element.packet)
    }

    private static func packet(
        _ packet: LaneCapture.Packet,
        _ interfaces: [Int: String],
        _ reasons: [String],
        _ clock: EventClock
    ) -> PcapngFile.Packet {
        let header = packet.header
        let isBare = header.what & CapturedPacket.bareBit != 0
        let what = CaptureSet(rawValue: UInt64(header.what & ~CapturedPacket.bareBit))
        let time = UInt64(bitPattern: clock.nanoseconds(at: header.time))
        let error = Int(header.error)
        return PcapngFile.Packet(
            interface: PcapngFile.Interface(
                name: interfaces[Int(header.interface)] ?? "sw_if_index \(header.interface)",
                link: isBare ? .ipv4 : .ethernet
            ),
            nanoseconds: clock.unixNanoseconds &+ time,
            isInbound: what == .tx ? false : true,
            comment: what == .drop
                ? "dropped: " + (error < reasons.count ? reasons[error] : "reason \(error)") : "",
            bytes: packet.bytes
        )
    }
}
