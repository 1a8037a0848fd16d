internal import CLinux
internal import LinuxSystem

/// The directory: what a reader needs to know of the layout, in the segment itself.
extension WorkerSegment {
    /// The most entries of a directory: what is always there, four for each graph node and process,
    /// and one for each drop reason.
    public static let maximumEntries = 64 + (maximumNodes + maximumProcesses) * 4 + maximumErrors

    static let directoryBytes = maximumEntries * StatisticsEntry.byteCount

    /// Adds entries; what a reader has seen stays as it is.
    ///
    /// - Precondition: there is room for them, and the names are not there yet.
    func addEntries(_ entries: [StatisticsEntry]) {
        let count = Int(load(.entryCount))
        precondition(count + entries.count <= Self.maximumEntries, "the directory is full")
        for (index, entry) in entries.enumerated() {
            precondition(entry.isWithin(mapping.byteCount), "an entry leads out of the segment")
            let place = Self.directoryOffset + (count + index) * StatisticsEntry.byteCount
            entry.write(to: mapping.base + place)
        }
        store(.entryCount, UInt64(count + entries.count))
    }

    /// The entries, in the order of their adding; those that cannot be right are left out.
    public var entries: [StatisticsEntry] {
        let offset = Int(clamping: load(.directoryOffset))
        let stride = Int(clamping: load(.directoryStride))
        let count = Int(clamping: load(.entryCount))
        guard offset % 8 == 0, stride % 8 == 0, stride >= StatisticsEntry.byteCount,
            offset <= mapping.byteCount, count <= (mapping.byteCount - offset) / stride
        else { return [] }
        return (0..<count).compactMap { index in
            StatisticsEntry(
                reading: mapping.base + offset + index * stride,
                within: mapping.byteCount
            )
        }
    }

    /// The words of an entry, row by row and place by place, less their zeros.
    ///
    /// - Returns: `lanes` rows of `indices * width` words each; a name's words are as they stand.
    public func words(of entry: StatisticsEntry) -> [[UInt64]] {
        (0..<entry.lanes).map { lane in
            var row: [UInt64] = []
            row.reserveCapacity(entry.indices * entry.width)
            for index in 0..<entry.indices {
                let place = entry.offset + lane * entry.laneStride + index * entry.indexStride
                for word in 0..<entry.width {
                    let address = mapping.base + place + word * 8
                    let value = Self.load(address)
                    let zero = entry.zeroDistance > 0 ? Self.load(address + entry.zeroDistance) : 0
                    row.append(value > zero ? value - zero : zero > 0 ? 0 : value)
                }
            }
            return row
        }
    }

    private static func load(_ address: UnsafeMutableRawPointer) -> UInt64 {
        CLinux_load_relaxed64(address.assumingMemoryBound(to: UInt64.self))
    }
}
