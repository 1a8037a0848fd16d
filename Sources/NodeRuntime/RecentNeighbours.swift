internal import Coordination
internal import PacketNodes

/// What was reported lately, so that a chatty neighbour is reported once a second.
struct RecentNeighbours {
    private var seen: [UInt64: (mac: UInt64, nanoseconds: UInt64)] = [:]
    private static let capacity = 4096
    private static let silenceNanoseconds: UInt64 = 1_000_000_000

    /// Whether a report should be passed on.
    func isNews(_ report: NeighbourMailbox.Report, at nanoseconds: UInt64) -> Bool {
        guard let last = seen[key(report)], last.mac == report.mac else { return true }
        return nanoseconds - last.nanoseconds >= Self.silenceNanoseconds
    }

    /// Notes that a report was passed on.
    mutating func note(_ report: NeighbourMailbox.Report, at nanoseconds: UInt64) {
        if seen.count >= Self.capacity { seen.removeAll(keepingCapacity: true) }
        seen[key(report)] = (report.mac, nanoseconds)
    }

    private func key(_ report: NeighbourMailbox.Report) -> UInt64 {
        UInt64(report.interface) << 32 | UInt64(report.address)
    }
}
