internal import Coordination
internal import HostTopology

/// Checks that need the whole placement.
extension PlacementResolver {
    mutating func check(_ placement: Placement, drafts: [NodeDraft]) {
        checkLanes(of: drafts)
        checkDevices(of: drafts, placement: placement)
        for (node, draft) in zip(placement.nodes, drafts) { checkPool(of: node, draft: draft) }
        checkRings(of: placement, drafts: drafts)
        checkHugepages(of: placement)
    }

    private mutating func checkLanes(of drafts: [NodeDraft]) {
        var user: [Int: String] = [:]
        var polledCores: [Int: (cpu: Int, lane: String)] = [:]
        for draft in drafts {
            for (index, cpu) in draft.lanes.enumerated() {
                let lane = "lane \(index) of node \(draft.number)"
                if let other = user[cpu] {
                    report(
                        .cpuShared,
                        at: draft.lanesLocation,
                        "\(lane) and \(other) are both on CPU \(cpu)",
                        remedy: "a lane polls without pause: give each a CPU of its own"
                    )
                    continue
                }
                user[cpu] = lane
                guard smt == .oneLanePerCore, let core = machine.cpu(cpu)?.core else { continue }
                if let other = polledCores[core] {
                    report(
                        .smtSiblings,
                        at: draft.lanesLocation,
                        "\(lane) on CPU \(cpu) and \(other.lane) on CPU \(other.cpu) share a core",
                        remedy: "move one, or set `smt: share`"
                    )
                }
                polledCores[core] = (cpu, lane)
            }
        }
        checkHousekeeping(against: user, drafts: drafts)
    }

    private mutating func checkHousekeeping(against lanes: [Int: String], drafts: [NodeDraft]) {
        for cpu in housekeeping.sorted() {
            if let lane = lanes[cpu] {
                report(
                    .laneOnHousekeeping,
                    .note,
                    "CPU \(cpu) runs \(lane) and housekeeping: control work will delay its packets",
                    remedy: "on a machine with more cores, keep them apart"
                )
            } else if smt == .oneLanePerCore {
                let busy = machine.siblings(of: cpu).filter { lanes[$0] != nil }
                guard let other = busy.first, let lane = lanes[other] else { continue }
                report(
                    .smtSiblings,
                    .warning,
                    "housekeeping on CPU \(cpu) shares a core with \(lane) on CPU \(other)",
                    remedy:
                        "put \(list(machine.siblings(of: cpu))) to housekeeping, or set `smt: share`"
                )
            }
        }
    }

    private mutating func checkDevices(of drafts: [NodeDraft], placement: Placement) {
        var users: [String: String] = [:]
        let places = Dictionary(
            drafts.flatMap(\.settings.ports).compactMap { port in
                port.device.map { ($0.value.device, $0.location) }
            },
            uniquingKeysWith: { $1 }
        )
        for port in placement.ports where port.kind == .pci || port.kind == .tap {
            let key = "\(port.kind.rawValue) \(port.device)"
            if let other = users[key] {
                report(
                    port.kind == .tap ? .duplicateTap : .deviceDuplicate,
                    at: places[port.device],
                    "\(other) and \(port.name) are both \(key)",
                    remedy: "give each port a device of its own"
                )
            }
            users[key] = port.name
        }
    }

    // MARK: Memory

    private mutating func checkPool(of node: NodePlacement, draft: NodeDraft) {
        let received = node.ports.reduce(0) { $0 + $1.receiveDescriptors }
        let place = draft.settings.buffers?.location ?? draft.settings.location
        if node.poolBuffers <= received {
            report(
                .poolTooSmall,
                at: place,
                "node \(node.number): \(node.poolBuffers) buffers cannot fill \(received) receive "
                    + "descriptors",
                remedy: "set `buffers` to \(node.heldBuffers) or more, or lower `rx-descriptors`"
            )
        } else if node.poolBuffers < node.heldBuffers {
            report(
                .poolTooSmall,
                .warning,
                at: place,
                "node \(node.number): \(node.poolBuffers) buffers can run out: queues and lanes hold up to "
                    + "\(node.heldBuffers)",
                remedy: "set `buffers` to \(node.heldBuffers) or more, or lower the descriptors"
            )
        }
    }

    private mutating func checkRings(of placement: Placement, drafts: [NodeDraft]) {
        guard placement.nodes.count > 1 else { return }
        for (node, draft) in zip(placement.nodes, drafts) {
            let sources = placement.sourceLanes(of: node)
            guard sources > HandoffLayout.maximumSourceLanes else { continue }
            report(
                .tooManyLanes,
                at: draft.lanesLocation,
                "\(sources) lanes on other nodes hand packets over to node \(node.number)",
                remedy: "\(HandoffLayout.maximumSourceLanes) are possible: lower `lanes`"
            )
        }
        let largest = placement.ports.map(\.mtu).max() ?? 1500
        // A header cell, and the frame with one VLAN tag.
        let cells = 1 + (largest + 18).roundedUp(toMultipleOf: HandoffLayout.cellBytes) / 64
        for (node, draft) in zip(placement.nodes, drafts) where node.handoffRingCells < 2 * cells {
            report(
                .ringTooSmall,
                at: draft.settings.handoffRingCells?.location,
                "a handoff ring of \(node.handoffRingCells) cells is too small for packets of MTU "
                    + "\(largest), \(cells) cells each",
                remedy: "write 8192, or at least \(powerOfTwo(above: 2 * cells))"
            )
        }
    }

    private func powerOfTwo(above value: Int) -> Int {
        var result = 64
        while result < value { result *= 2 }
        return result
    }

    private mutating func checkHugepages(of placement: Placement) {
        let demands = HugepageDemand.all(of: placement)
        let groups = Dictionary(grouping: demands) {
            Reserve(node: $0.realNode, page: $0.pageBytes)
        }
        for (reserve, demands) in groups.sorted(by: { $0.key < $1.key }) {
            let pages = demands.reduce(0) { $0 + $1.pages }
            checkHugepages(pages, of: reserve, demands: demands)
        }
        for node in machine.numaNodes where node.memoryBytes > 0 {
            let bytes = demands.filter { $0.realNode == node.osIndex }.reduce(0) { $0 + $1.bytes }
            guard bytes > node.memoryBytes else { continue }
            report(
                .memoryExceedsNode,
                .error,
                "NUMA node \(node.osIndex) has \(ByteCount.approximate(node.memoryBytes)), the placement "
                    + "takes \(ByteCount.approximate(bytes)) of it",
                remedy: "lower `heap`, `eal-memory`, `buffers` or `handoff-ring`"
            )
        }
    }

    private mutating func checkHugepages(
        _ pages: Int,
        of reserve: Reserve,
        demands: [HugepageDemand]
    ) {
        guard machine.source == .live, let node = machine.numaNode(reserve.node) else { return }
        let size = ByteCount.format(reserve.page)
        guard let counted = node.hugepages(of: reserve.page) else {
            report(
                .hugepageSize,
                .error,
                "NUMA node \(reserve.node) has no hugepages of \(size)",
                remedy: node.hugepages.isEmpty
                    ? "the kernel or the container has no hugetlb; run `deploy/setup` on the host"
                    : "set `hugepage-size` to one of "
                        + node.hugepages.map { ByteCount.format($0.pageBytes) }.joined(
                            separator: ", "
                        )
            )
            return
        }
        if machine.hugepageFolder(pageBytes: reserve.page) == nil {
            report(
                .hugepagesNotMounted,
                .error,
                "hugepages of \(size) are not mounted anywhere",
                remedy:
                    "mount -t hugetlbfs -o pagesize=\(size) none /dev/hugepages, or run `deploy/setup`"
            )
        }
        let free = counted.free ?? counted.total
        guard pages > free else { return }
        let parts = demands.map { "\($0.purpose.rawValue) of node \($0.node): \($0.pages)" }
        report(
            .tooFewHugepages,
            .error,
            "NUMA node \(reserve.node) has \(free) free hugepages of \(size) "
                + "(\(counted.total) in all), the placement takes \(pages) "
                + "(\(parts.joined(separator: ", ")))",
            remedy:
                "write \(counted.total - free + pages) to /sys/devices/system/node/node\(reserve.node)"
                + "/hugepages/hugepages-\(reserve.page >> 10)kB/nr_hugepages, or lower `heap`, "
                + "`eal-memory` or `handoff-ring`"
        )
    }
}

/// The hugepages of one size on one node.
private struct Reserve: Hashable, Comparable {
    let node: Int
    let page: Int

    static func < (left: Reserve, right: Reserve) -> Bool {
        (left.node, left.page) < (right.node, right.page)
    }
}
