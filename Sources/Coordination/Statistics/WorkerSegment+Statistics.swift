/// What the directory of every worker lists.
///
/// Names are VPP's where the meaning is VPP's.
extension WorkerSegment {
    /// The entries that need no graph: the machine's part, interfaces, handoff, memory.
    func fixedEntries() -> [StatisticsEntry] {
        systemEntries() + rateEntries() + memoryEntries() + interfaceEntries() + handoffEntries()
    }

    private func gauge(
        _ name: String,
        _ word: Word,
        _ together: StatisticsEntry.Together,
        kind: StatisticsEntry.Kind = .gauge
    ) -> StatisticsEntry {
        StatisticsEntry(name: name, kind: kind, together: together, offset: word.rawValue * 8)
    }

    private func systemEntries() -> [StatisticsEntry] {
        [
            gauge("/sys/heartbeat", .controlLoops, .minimum, kind: .counter),
            gauge("/sys/boottime", .bootTime, .minimum),
            gauge("/sys/last_update", .lastUpdate, .minimum),
            gauge("/sys/last_stats_clear", .lastClear, .maximum),
            gauge("/sys/num_worker_threads", .laneCount, .sum),
            gauge("/sys/incarnation", .incarnation, .maximum),
            gauge("/sys/ended", .ended, .sum),
            gauge("/sys/change", .changeNumber, .minimum),
            gauge("/sys/generation", .generation, .maximum),
            laneWords("/sys/loops", .loops),
            laneWords("/sys/busy_loops", .busyLoops),
            laneWords("/sys/sleeps", .sleeps),
            laneWords("/sys/slept_microseconds", .sleptMicroseconds),
            laneWords("/sys/input_vectors", .inputVectors),
            laneWords("/sys/internal_calls", .internalCalls),
            laneWords("/sys/internal_vectors", .internalVectors),
        ]
    }

    private func laneWords(
        _ name: String,
        _ word: LaneBlock.Word,
        kind: StatisticsEntry.Kind = .counter
    ) -> StatisticsEntry {
        lanes(
            name,
            kind,
            at: word.rawValue * 8,
            zeroDistance: kind == .gauge ? 0 : zeroDistance
        )
    }

    /// An entry with a row for each lane, at an offset in the lane's block.
    private func lanes(
        _ name: String,
        _ kind: StatisticsEntry.Kind,
        at offset: Int,
        indices: Int = 1,
        indexStride: Int = 0,
        width: Int = 1,
        zeroDistance: Int
    ) -> StatisticsEntry {
        StatisticsEntry(
            name: name,
            kind: kind,
            offset: Self.lanesOffset + offset,
            lanes: laneCount,
            laneStride: LaneBlock.byteCount,
            indices: indices,
            indexStride: indexStride,
            width: width,
            zeroDistance: zeroDistance
        )
    }

    private func rateEntries() -> [StatisticsEntry] {
        func perLane(_ name: String, _ rate: LaneRate) -> StatisticsEntry {
            StatisticsEntry(
                name: name,
                kind: .rate,
                together: .lanes,
                offset: Self.ratesOffset + rate.rawValue * 8,
                lanes: laneCount,
                laneStride: Self.rateBytes
            )
        }
        return [
            gauge("/sys/vector_rate", .vectorRate, .mean, kind: .rate),
            gauge("/sys/input_rate", .inputRate, .sum, kind: .rate),
            perLane("/sys/vector_rate_per_worker", .vectorRate),
            perLane("/sys/loops_per_worker", .loops),
            perLane("/sys/input_rate_per_worker", .input),
        ]
    }

    private func memoryEntries() -> [StatisticsEntry] {
        [
            gauge("/mem/main heap/total", .heapTotalBytes, .sum),
            gauge("/mem/main heap/used", .heapUsedBytes, .sum),
            gauge("/mem/main heap/free", .heapFreeBytes, .sum),
            gauge("/buffer-pools/default/cached", .poolCached, .sum),
            gauge("/buffer-pools/default/used", .poolUsed, .sum),
            gauge("/buffer-pools/default/available", .poolAvailable, .sum),
            gauge("/buffer-pools/default/nic-rx", .poolReceive, .sum),
            gauge("/buffer-pools/default/nic-tx", .poolTransmit, .sum),
            gauge("/buffer-pools/default/lanes", .poolLanes, .sum),
            gauge("/buffer-pools/default/missing", .poolMissing, .sum),
            gauge("/buffer-pools/default/surplus", .poolSurplus, .sum),
            gauge("/buffer-pools/default/audits", .poolAudits, .sum, kind: .counter),
            gauge("/buffer-pools/default/last-audit", .poolAuditTime, .minimum),
            laneWords("/buffer-pools/default/failures", .bufferFailures),
            laneWords("/sys/frame_failures", .frameFailures),
            laneWords("/sys/held", .held, kind: .gauge),
        ]
    }

    private func interfaceEntries() -> [StatisticsEntry] {
        func counters(
            _ name: String,
            _ word: LaneBlock.InterfaceWord,
            _ kind: StatisticsEntry.Kind = .counter
        ) -> StatisticsEntry {
            lanes(
                "/if/" + name,
                kind,
                at: LaneBlock.interfacesOffset + word.rawValue * 8,
                indices: Self.maximumInterfaces,
                indexStride: 64,
                width: kind == .combined ? 2 : 1,
                zeroDistance: zeroDistance
            )
        }
        return [
            interfaceNamesEntry, counters("rx", .rxPackets, .combined),
            counters("tx", .txPackets, .combined),
            counters("drops", .drops), counters("punt", .punts), counters("rx-error", .rxErrors),
            counters("tx-error", .txErrors),
        ]
    }

    /// What interfaces are called.
    var interfaceNamesEntry: StatisticsEntry {
        StatisticsEntry(
            name: "/if/names",
            kind: .names,
            together: .same,
            offset: Self.interfaceTableOffset,
            indices: Self.maximumInterfaces,
            indexStride: Self.interfaceNameBytes,
            width: Self.interfaceNameBytes / 8
        )
    }

    private func handoffEntries() -> [StatisticsEntry] {
        func counters(_ name: String, _ word: LaneBlock.PeerWord) -> StatisticsEntry {
            lanes(
                "/handoff/" + name,
                .counter,
                at: LaneBlock.peersOffset + word.rawValue * 8,
                indices: Self.maximumPeers,
                indexStride: 64,
                zeroDistance: zeroDistance
            )
        }
        return [
            counters("packets", .packets), counters("cells", .cells),
            counters("full-drops", .fullDrops), counters("down-drops", .downDrops),
            counters("doorbells", .doorbells), counters("received", .received),
            counters("visits", .visits), laneWords("/handoff/stale", .staleHandoffs),
        ]
    }

    /// The entries of graph nodes and drop reasons.
    ///
    /// - Parameters:
    ///   - nodes: in the order of their graph indices.
    ///   - errors: in the order of the lanes' error counters.
    /// - Returns: entries whose names differ.
    func graphEntries(nodes: [NodeName], errors: [ErrorName]) -> [StatisticsEntry] {
        let words: [(name: String, word: LaneBlock.NodeWord)] = [
            ("calls", .calls), ("vectors", .vectors), ("clocks", .clocks),
        ]
        let ofNodes = nodes.enumerated().flatMap { index, node in
            words.map { name, word in
                lanes(
                    "/nodes/\(node.name)/\(name)",
                    .counter,
                    at: LaneBlock.nodesOffset + index * LaneBlock.nodeBytes + word.rawValue * 8,
                    zeroDistance: zeroDistance
                )
            } + [suspends(of: node.name)]
        }
        var seen: Set<String> = []
        let ofErrors = errors.enumerated().map { index, error in
            let node = nodes.indices.contains(error.node) ? nodes[error.node].name : "unknown"
            let plain = "/err/\(node)/\(error.reason)"
            var name = plain
            var number = 1
            while !seen.insert(name).inserted {
                number += 1
                name = "\(plain) #\(number)"
            }
            return lanes(
                name,
                .counter,
                at: LaneBlock.errorsOffset + index * 8,
                zeroDistance: zeroDistance
            )
        }
        return (listsNodes ? ofNodes : []) + ofErrors
    }

    /// Whether what graph nodes and processes do is listed; it is counted anyway.
    var listsNodes: Bool { load(.hidesNodes) == 0 }

    /// The entries of a process of the control lane, at a place in the process table; its vectors
    /// are the events that it has taken.
    func processEntries(_ name: String, at index: Int) -> [StatisticsEntry] {
        let words = [("calls", 1), ("suspends", 2), ("vectors", 3), ("clocks", 4)]
        return words.map { word, place in
            StatisticsEntry(
                name: "/nodes/\(name)/\(word)",
                kind: .counter,
                offset: Self.processTableOffset + index * Self.processBytes + 48 + place * 8
            )
        }
    }

    /// Nothing in a lane suspends: one word that nobody counts up stands for all lanes.
    private func suspends(of node: String) -> StatisticsEntry {
        StatisticsEntry(
            name: "/nodes/\(node)/suspends",
            kind: .counter,
            offset: Word.neverCounted.rawValue * 8
        )
    }
}
