internal import FoundationEssentials

/// `show journal`: how the configuration is kept on the disk.
struct JournalReport: CommandResult {
    /// The number of the last change of all, those that are not kept included.
    var change: UInt64
    /// Whether changes are kept; the rest is there only if they are.
    var isKept: Bool
    var journal: JournalStatus?
    /// Seconds since records were last brought to the disk.
    var secondsSinceSync: Double?

    init(_ status: JournalStatus?, change: UInt64) {
        self.change = change
        journal = status
        isKept = status != nil
        secondsSinceSync = status?.lastSync.map { Date().timeIntervalSince1970 - $0 }
    }

    var text: String {
        guard let journal else {
            return "last change \(change); changes are not kept on the disk (journal off)\n"
        }
        var lines = [
            "file \(journal.file)",
            "last change \(change), last one kept \(journal.change)",
            "\(journal.bytes) bytes: snapshot \(journal.snapshotBytes), "
                + "\(journal.records) records since",
        ]
        if let seconds = secondsSinceSync {
            lines.append(
                "last sync \(Figure.fixed(max(0, seconds), digits: 1)) s ago, \(journal.syncs) in all, longest "
                    + "\(Figure.fixed(journal.longestSyncMicroseconds / 1000, digits: 2)) ms"
            )
        } else {
            lines.append("no sync yet")
        }
        if !journal.failure.isEmpty { lines.append("changes are refused: \(journal.failure)") }
        if !journal.missingInterfaces.isEmpty {
            lines.append(
                "kept for interfaces that are not there: "
                    + journal.missingInterfaces.joined(separator: ", ")
            )
        }
        if journal.routesAside > 0 {
            lines.append("routes over interfaces that are not there: \(journal.routesAside)")
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
