internal import HostTopology

/// How much memory each node gets.
extension PlacementResolver {
    /// Causeway's defaults for a node.
    enum Default {
        static let heapBytes = 192 << 20
        static let ealBytes = 96 << 20
        static let buffers = 16_384
        static let bufferDataBytes = 2_048
        static let handoffRingCells = 8_192
    }

    /// A node without its ports, and with pool and DPDK memory still to be worked out.
    mutating func place(_ draft: NodeDraft) -> NodePlacement {
        let settings = draft.settings
        let name = "node\(draft.number)"
        let pageBytes = value(
            settings.hugepageBytes,
            or: discoveredPageBytes(of: draft.real),
            at: "\(name).hugepage-size",
            fallbackOrigin: .discovered
        )
        return NodePlacement(
            number: draft.number,
            hardwareNode: machine.hasSingleNUMANode ? nil : draft.real.osIndex,
            realNode: draft.real.osIndex,
            isVirtual: draft.isVirtual,
            lanes: draft.lanes,
            controlCPU: draft.controlCPU,
            heapBytes: heapBytes(of: draft, pageBytes: pageBytes),
            hugepageBytes: pageBytes,
            ealMegabytes: 0,
            poolBuffers: 0,
            bufferDataBytes: value(
                settings.bufferDataBytes,
                or: Default.bufferDataBytes,
                at: "\(name).buffer-data"
            ),
            handoffRingCells: ringCells(of: draft),
            ports: [],
            hasSpare: value(settings.hasSpare, or: false, at: "\(name).spare"),
            restart: restartPolicy(settings.restart, at: "\(name).restart")
        )
    }

    /// 1 GiB pages where only those are reserved, else 2 MiB.
    private func discoveredPageBytes(of node: NUMANode) -> Int {
        let small = node.hugepages(of: 2 << 20)?.total ?? 0
        let large = node.hugepages(of: 1 << 30)?.total ?? 0
        return small == 0 && large > 0 ? 1 << 30 : 2 << 20
    }

    private mutating func heapBytes(of draft: NodeDraft, pageBytes: Int) -> Int {
        let setting = draft.settings.heapBytes
        let wanted = value(setting, or: Default.heapBytes, at: "node\(draft.number).heap")
        let rounded = wanted.roundedUp(toMultipleOf: pageBytes)
        if let setting, rounded != wanted {
            report(
                .heapRounded,
                .note,
                at: setting.location,
                "a heap of \(ByteCount.format(wanted)) takes \(ByteCount.format(rounded)) of "
                    + "\(ByteCount.format(pageBytes)) pages; all of it is used"
            )
        }
        return rounded
    }

    private mutating func ringCells(of draft: NodeDraft) -> Int {
        let setting = draft.settings.handoffRingCells
        let cells = value(
            setting,
            or: Default.handoffRingCells,
            at: "node\(draft.number).handoff-ring"
        )
        guard cells & (cells - 1) != 0 else { return cells }
        let above = 1 << (Int.bitWidth - cells.leadingZeroBitCount)
        report(
            .ringNotPowerOfTwo,
            at: setting?.location,
            "a handoff ring of \(cells) cells is not a power of two",
            remedy: "write \(above / 2) or \(above)"
        )
        return above
    }

    private mutating func restartPolicy(
        _ settings: RestartSettings,
        at path: String
    ) -> RestartPolicy {
        let standard = RestartPolicy()
        let window = value(
            settings.windowMilliseconds,
            or: standard.windowSeconds * 1000,
            at: "\(path).window"
        )
        return RestartPolicy(
            maximumRestarts: value(settings.max, or: standard.maximumRestarts, at: "\(path).max"),
            windowSeconds: (window + 999) / 1000,
            backoffMilliseconds: value(
                settings.backoffMilliseconds,
                or: standard.backoffMilliseconds,
                at: "\(path).backoff"
            ),
            maximumBackoffMilliseconds: value(
                settings.maximumBackoffMilliseconds,
                or: standard.maximumBackoffMilliseconds,
                at: "\(path).max-backoff"
            )
        )
    }

    /// The pool: as set, or enough that queues and lanes cannot empty it.
    mutating func placePool(of draft: NodeDraft, in node: inout NodePlacement) {
        let setting = draft.settings.buffers
        let enough = node.heldBuffers.roundedUp(toMultipleOf: 4096)
        node.poolBuffers = value(
            setting,
            or: max(Default.buffers, enough),
            at: "node\(node.number).buffers"
        )
        placeEALMemory(of: draft, in: &node)
    }

    /// DPDK's memory: as set, or enough for the pool and the queues.
    private mutating func placeEALMemory(of draft: NodeDraft, in node: inout NodePlacement) {
        let need = EALMemory(
            buffers: node.poolBuffers,
            dataBytes: node.bufferDataBytes,
            ports: node.ports
        )
        let setting = draft.settings.ealBytes
        let fallback = max(Default.ealBytes, need.neededBytes)
        let bytes = value(setting, or: fallback, at: "node\(node.number).eal-memory")
            .roundedUp(toMultipleOf: node.hugepageBytes)
        node.ealMegabytes = bytes >> 20
        guard bytes < need.neededBytes else { return }
        report(
            .poolDoesNotFit,
            at: setting?.location,
            "\(node.poolBuffers) buffers of \(node.bufferDataBytes) bytes and the descriptors do not "
                + "fit into \(ByteCount.format(bytes)) of EAL memory",
            remedy:
                "set `eal-memory` to \(need.neededBytes.roundedUp(toMultipleOf: 2 << 20) >> 20)M or "
                + "more, leave it out, or lower `buffers`"
        )
    }
}
