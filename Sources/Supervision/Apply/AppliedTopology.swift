public import CausewayConfiguration
internal import FoundationEssentials
internal import LinuxSystem

/// Hugepages that a running dataplane has on a NUMA node.
public struct HeldHugepages: Hashable, Sendable {
    /// The operating system's number of the node that they are bound to; nil: not bound.
    public var hardwareNode: Int?
    /// The operating system's number of the node that they are on, bound or not.
    public var realNode: Int
    /// Their size.
    public var pageBytes: Int
    /// How many there are.
    public var count: Int
}

/// What a topology file comes to on the running machine.
public struct TopologyResolution: Sendable {
    /// What would run where; to be used only if no finding is an error.
    public var placement: Placement
    /// All that was found.
    public var findings: [Finding]

    /// Makes a resolution.
    public init(placement: Placement, findings: [Finding]) {
        self.placement = placement
        self.findings = findings
    }
}

/// The topology that `apply` brought to a running dataplane, for a supervisor that takes it over.
public struct AppliedTopology: Sendable, Codable {
    /// The file that it was read from.
    public var file: String
    /// What runs where.
    public var placement: Placement

    /// Reads what an earlier supervisor of a runtime directory left.
    ///
    /// - Parameter directory: the runtime directory.
    /// - Returns: nil: none was applied, or nothing of it runs any more.
    public static func read(runtimeDirectory directory: String) -> AppliedTopology? {
        let runtime = RuntimeDirectory(path: directory)
        guard let text = SmallFile.read(file(in: runtime)),
            runtime.records.contains(where: \.stamp.isAlive)
        else { return nil }
        return try? JSONDecoder().decode(AppliedTopology.self, from: Data(text.utf8))
    }

    static func file(in runtime: RuntimeDirectory) -> String { runtime.path + "/applied.json" }
}
