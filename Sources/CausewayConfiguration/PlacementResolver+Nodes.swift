internal import HostTopology

/// Which nodes run a worker.
extension PlacementResolver {
    mutating func selectNodes() -> [NodeDraft] {
        if machine.hasSingleNUMANode {
            report(
                .singleNode,
                .note,
                "the machine has one NUMA node: memory is not bound, nothing is remote"
            )
        }
        let drafts = file.nodes.map { declaredNodes($0) } ?? discoveredNodes()
        for number in overrides.nodes.keys.sorted()
        where !drafts.contains(where: { $0.number == number }) {
            report(
                .unknownNode,
                at: overrides.places["node\(number)"],
                "no node \(number) is placed",
                remedy: "the nodes are \(list(drafts.map(\.number)))"
            )
        }
        if drafts.isEmpty {
            report(
                .noNode,
                at: file.nodes == nil ? nil : SourceLocation(file: file.path, line: 1, column: 1),
                "no NUMA node is left to run a worker on",
                remedy: "list a node that has memory and usable CPUs"
            )
        }
        return drafts
    }

    private func merged(_ settings: NodeSettings, number: Int) -> NodeSettings {
        (overrides.nodes[number] ?? NodeSettings())
            .overlaying(overrides.machine.defaults)
            .overlaying(settings)
            .overlaying(file.defaults)
    }

    private mutating func discoveredNodes() -> [NodeDraft] {
        machine.numaNodes.compactMap { node in
            let what = "NUMA node \(node.osIndex)"
            guard !node.cpus.isEmpty else {
                report(.nodeUnused, .note, "\(what) has memory but no CPU: it runs no worker")
                return nil
            }
            guard hasUsableCPUs(node) else {
                report(
                    .nodeWithoutCPUs,
                    .warning,
                    "\(what) has no CPU that this process may use: it runs no worker",
                    remedy: "widen the cgroup's cpuset"
                )
                return nil
            }
            guard hasMemory(node) else {
                report(
                    .nodeWithoutMemory,
                    .warning,
                    "\(what) has no memory: it runs no worker",
                    remedy: "give its CPUs to housekeeping, or fit memory"
                )
                return nil
            }
            guard node.osIndex <= NodePlacement.maximumNumber else {
                report(
                    .nodeNumber,
                    .warning,
                    "\(what) is beyond \(NodePlacement.maximumNumber): it runs no worker"
                )
                return nil
            }
            return NodeDraft(
                number: node.osIndex,
                real: node,
                isVirtual: false,
                settings: merged(NodeSettings(), number: node.osIndex)
            )
        }
    }

    private mutating func declaredNodes(_ entries: [NodeSettings]) -> [NodeDraft] {
        var drafts: [NodeDraft] = []
        for entry in entries {
            guard let number = entry.number else { continue }
            guard !drafts.contains(where: { $0.number == number.value }) else {
                report(
                    .duplicateNode,
                    at: number.location,
                    "node \(number.value) is listed twice",
                    remedy: "give each node a number of its own"
                )
                continue
            }
            if let draft = declaredNode(merged(entry, number: number.value), number) {
                drafts.append(draft)
            }
        }
        let used = Set(drafts.map(\.real.osIndex))
        for node in machine.numaNodes where !used.contains(node.osIndex) && !node.cpus.isEmpty {
            report(
                .nodeUnused,
                .note,
                "NUMA node \(node.osIndex) is not listed: it runs no worker",
                remedy: "add `- node: \(node.osIndex)` to use it"
            )
        }
        return drafts
    }

    private mutating func declaredNode(
        _ settings: NodeSettings,
        _ number: Located<Int>
    ) -> NodeDraft? {
        let target = settings.virtualOf ?? number
        guard let real = machine.numaNode(target.value) else {
            let numbers = machine.numaNodes.map(\.osIndex)
            report(
                .unknownNode,
                at: target.location,
                "the machine has no NUMA node \(target.value)",
                remedy: settings.virtualOf == nil
                    ? "it has \(list(numbers)); to split one by hand, add `virtual-of: \(numbers[0])`"
                    : "it has \(list(numbers))"
            )
            return nil
        }
        let what = "NUMA node \(real.osIndex)"
        guard hasUsableCPUs(real) else {
            report(
                .nodeWithoutCPUs,
                at: target.location,
                "\(what) has no CPU that may be used",
                remedy: "take the node out, or widen the cgroup's cpuset"
            )
            return nil
        }
        guard hasMemory(real) else {
            report(
                .nodeWithoutMemory,
                at: target.location,
                "\(what) has no memory of its own",
                remedy: "take the node out; a worker on it would only have remote memory"
            )
            return nil
        }
        guard real.osIndex <= NodePlacement.maximumNumber else {
            report(
                .nodeNumber,
                at: target.location,
                "\(what) is beyond \(NodePlacement.maximumNumber), DPDK's last",
                remedy: "use a node with a lower number"
            )
            return nil
        }
        return NodeDraft(
            number: number.value,
            real: real,
            isVirtual: settings.virtualOf != nil,
            settings: settings
        )
    }

    private func hasUsableCPUs(_ node: NUMANode) -> Bool {
        let cpus = Set(node.cpus)
        return machine.cpus.contains { $0.isAllowed && cpus.contains($0.number) }
    }

    /// Whether a node has memory; where no node tells, all are believed to have some.
    private func hasMemory(_ node: NUMANode) -> Bool {
        node.memoryBytes > 0 || machine.numaNodes.allSatisfy { $0.memoryBytes == 0 }
    }
}
