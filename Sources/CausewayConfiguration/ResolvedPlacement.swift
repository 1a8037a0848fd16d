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
    ///   - startup: what the startup file says, which the topology file must not contradict.
    /// - Returns: the placement with the findings of the file's text, of the settings and of the machine.
    public static func resolve(
        machine: HostTopology,
        topologyPath: String?,
        settings: [String] = [],
        startup: StartupPlacement = StartupPlacement()
    ) -> ResolvedPlacement {
        let read = topologyPath.map(TopologyFile.read(path:))
        let (overrides, complaints) = TopologyOverrides.parse(settings)
        var merge = StartupMerge(
            startup,
            under: read?.file ?? TopologyFile(path: ""),
            on: machine
        )
        let (file, conflicts) = merge.merge()
        var result = resolve(machine: machine, file: file, overrides: overrides)
        let all = (read?.findings ?? []) + conflicts + complaints + result.findings
        result.findings = all.inReadingOrder
        return result
    }
}
