public import HostTopology

/// A placement with the origin of each value and all that is to be said about it.
public struct ResolvedPlacement: Hashable, Sendable, Encodable {
    /// What runs where; to be used only when `findings` has no error.
    public var placement: Placement
    /// Where each value comes from.
    public var origins: Origins
    /// Everything found, of the file, the command line and the machine.
    public var findings: [Finding]

    /// The SMT policy by which lanes were placed.
    var smt = SMTPolicy.oneLanePerCore
    /// What was thought of remote ports.
    var remoteNICs = RemoteNICPolicy.error

    /// Whether Causeway can start with it.
    public var isUsable: Bool { !findings.hasErrors }

    /// Creates one from its parts.
    public init(placement: Placement, origins: Origins, findings: [Finding]) {
        self.placement = placement
        self.origins = origins
        self.findings = findings
    }
}

extension Placement {
    /// Works out what runs where: discovered, then the topology file, then the command line.
    ///
    /// - Parameters:
    ///   - machine: the machine to run on.
    ///   - file: the topology file; nil: everything from discovery.
    ///   - overrides: settings of the command line, which win.
    /// - Returns: the placement with the findings of the machine.
    public static func resolve(
        machine: HostTopology,
        file: TopologyFile? = nil,
        overrides: TopologyOverrides = TopologyOverrides()
    ) -> ResolvedPlacement {
        var resolver = PlacementResolver(
            machine: machine,
            file: file ?? TopologyFile(path: ""),
            overrides: overrides
        )
        return resolver.resolve()
    }

    /// Reads a topology file and works out what runs where.
    ///
    /// - Parameters:
    ///   - machine: the machine to run on.
    ///   - topologyPath: the topology file; nil: everything from discovery.
    ///   - settings: `PATH=VALUE` settings of the command line.
    /// - Returns: the placement with the findings of the file's text, of the settings and of the machine.
    public static func resolve(
        machine: HostTopology,
        topologyPath: String?,
        settings: [String] = []
    ) -> ResolvedPlacement {
        let read = topologyPath.map(TopologyFile.read(path:))
        let (overrides, complaints) = TopologyOverrides.parse(settings)
        var result = resolve(machine: machine, file: read?.file, overrides: overrides)
        result.findings = ((read?.findings ?? []) + complaints + result.findings).inReadingOrder
        return result
    }
}

/// A node on its way to a placement.
struct NodeDraft {
    var number: Int
    var real: NUMANode
    var isVirtual: Bool
    /// All layers merged; what is nil takes its default.
    var settings: NodeSettings
    /// Usable CPUs of the node, in order.
    var cpus: [Int] = []
    var lanes: [Int] = []
    var controlCPU = 0

    /// Where to point for something about the node's lanes.
    var lanesLocation: SourceLocation? { settings.lanes?.location ?? settings.location }
}

/// Turns a machine, a file and the command line into a placement; one use each.
struct PlacementResolver {
    let machine: HostTopology
    let file: TopologyFile
    let overrides: TopologyOverrides
    var findings: [Finding] = []
    var origins = Origins()
    var smt = SMTPolicy.oneLanePerCore
    var remoteNICs = RemoteNICPolicy.error
    var housekeeping: [Int] = []

    init(machine: HostTopology, file: TopologyFile, overrides: TopologyOverrides) {
        self.machine = machine
        self.file = file
        self.overrides = overrides
    }

    mutating func resolve() -> ResolvedPlacement {
        smt = value(overrides.machine.smt ?? file.smt, or: .oneLanePerCore, at: "smt")
        remoteNICs = value(
            overrides.machine.remoteNICs ?? file.remoteNICs,
            or: .error,
            at: "remote-nics"
        )
        var drafts = selectNodes()
        assignCPUs(to: &drafts)
        drafts.sort { $0.number < $1.number }
        var nodes = drafts.map { place($0) }
        placePorts(of: drafts, in: &nodes)
        for index in nodes.indices { placePool(of: drafts[index], in: &nodes[index]) }
        let placement = Placement(housekeeping: housekeeping.sorted(), nodes: nodes)
        check(placement, drafts: drafts)
        var result = ResolvedPlacement(placement: placement, origins: origins, findings: findings)
        result.smt = smt
        result.remoteNICs = remoteNICs
        return result
    }

    mutating func report(
        _ id: FindingID,
        _ severity: Finding.Severity = .error,
        at location: SourceLocation? = nil,
        _ message: String,
        remedy: String = "",
        suggestion: String? = nil
    ) {
        findings.append(
            Finding(
                id,
                severity,
                at: location,
                message,
                remedy: remedy,
                suggestion: suggestion
            )
        )
    }

    /// The value of a setting, or its default; notes the origin under `path`.
    mutating func value<Value>(
        _ setting: Located<Value>?,
        or fallback: Value,
        at path: String,
        fallbackOrigin: Origin = .default
    ) -> Value {
        origins[path] = setting.map { Origin($0.location) } ?? fallbackOrigin
        return setting?.value ?? fallback
    }

    // MARK: Which nodes

    private mutating func selectNodes() -> [NodeDraft] {
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

/// Numbers in the kernel's list format, or `none`.
func list(_ numbers: [Int]) -> String {
    numbers.isEmpty ? "none" : CPUListText.format(numbers)
}
