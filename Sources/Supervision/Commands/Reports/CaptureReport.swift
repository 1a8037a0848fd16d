/// `pcap trace ... off`: what was written where.
struct CaptureWritten: CommandResult {
    /// Empty: there was nothing to write.
    var file: String
    var packets: Int
    /// Packets that found no room.
    var lost: Int

    var text: String {
        var text =
            file.isEmpty
            ? "no packets captured; no file is written\n"
            : "\(packets) packets written to \(file)\n"
        if lost > 0 { text += "no room was left for \(lost) packets\n" }
        return text
    }
}

/// `pcap trace status`.
struct CaptureStatus: CommandResult {
    var isOn: Bool
    /// `rx`, `tx`, `drop`.
    var captures: [String]
    /// The interface; empty: all.
    var interface: String
    var packets: Int
    var maximum: Int
    var lost: Int
    /// Where they will be written.
    var file: String

    var text: String {
        guard isOn else { return "pcap trace is off\n" }
        return "pcap \(captures.joined(separator: " ")) trace is on, "
            + "\(interface.isEmpty ? "any interface" : interface): \(packets) of \(maximum) packets"
            + "\(lost > 0 ? ", \(lost) found no room" : ""), to be written to \(file)\n"
    }
}
