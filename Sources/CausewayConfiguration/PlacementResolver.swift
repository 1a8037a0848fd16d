internal import HostTopology

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
}
