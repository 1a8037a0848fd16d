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
    init(_ lives: [TracedLife], interfaces: [Int: String], clock: EventClock, limit: Int) {
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
                    let own = Self.packet(packet, interfaces, reasons, clock)
                    merged.append((packet.header.time, own))
                }
            }
        }
        merged.sort { $0.time < $1.time }
        packets = merged.prefix(limit).map(\.packet)
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
                isBare: isBare
            ),
            nanoseconds: clock.unixNanoseconds &+ time,
            isInbound: what == .tx ? false : true,
            comment: what == .drop
                ? "dropped: " + (error < reasons.count ? reasons[error] : "reason \(error)") : "",
            bytes: packet.bytes
        )
    }
}
