internal import CLinux

/// Sets of counters that `clear` commands name.
public enum CounterSet: Sendable, CaseIterable { case runtime, errors, interfaces, handoff }

/// Behind the lanes' blocks lie their zeros, of the same form: what `clear` takes off the counts.
///
/// The supervisor alone writes them, from counts that it has just read; lanes know nothing of
/// them, so that clearing stops nobody. A zero that is read while it is being set is the old one or
/// the new one.
extension WorkerSegment {
    /// The zeros of a lane's counters.
    ///
    /// - Precondition: `index` is in 0..<`laneCount`.
    public func zeros(_ index: Int) -> LaneBlock {
        LaneBlock(base: lane(index).base + laneCount * LaneBlock.byteCount)
    }

    /// Bytes from a lane's counter to its zero.
    var zeroDistance: Int { laneCount * LaneBlock.byteCount }

    /// Takes the present readings of a set of counters as zero.
    ///
    /// - Parameters:
    ///   - counters: which.
    ///   - unixSeconds: the time of day, for `/sys/last_stats_clear`.
    public func clear(_ counters: CounterSet, unixSeconds: UInt64) {
        for index in 0..<laneCount {
            let range = Self.range(of: counters)
            let block = lane(index).base
            let zeros = zeros(index).base
            for offset in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
                let value = CLinux_load_relaxed64(
                    (block + offset).assumingMemoryBound(to: UInt64.self)
                )
                CLinux_store_relaxed64(
                    (zeros + offset).assumingMemoryBound(to: UInt64.self),
                    value
                )
            }
        }
        store(.lastClear, unixSeconds)
    }

    /// Where in a block the counters of a set lie.
    private static func range(of counters: CounterSet) -> Range<Int> {
        switch counters {
        case .runtime: 0..<LaneBlock.errorsOffset
        case .errors: LaneBlock.errorsOffset..<LaneBlock.interfacesOffset
        case .interfaces: LaneBlock.interfacesOffset..<LaneBlock.peersOffset
        case .handoff: LaneBlock.peersOffset..<LaneBlock.byteCount
        }
    }
}
