/// What a startup file says of CPUs, memory and devices.
///
/// It stands below the topology file: what both say must be the same.
public struct StartupPlacement: Hashable, Sendable {
    var mainCore: Located<Int>?
    /// How many lanes there are on all nodes together.
    var workers: Located<Int>?
    var workerCPUs: Located<[Int]>?
    /// How many CPUs, the lowest first, run no lane.
    var skippedCPUs: Located<Int>?
    /// Whether CPU numbers are places in the list of CPUs that this process may use.
    var isRelative = false
    /// What every node has.
    var defaults = NodeSettings()
    /// What is said of single nodes, by number.
    var nodes: [Int: NodeSettings] = [:]
    /// Nodes that run no worker, and where that is said.
    var withoutWorker: [Int: SourceLocation] = [:]
    /// PCI and virtual devices.
    var devices: [PortSettings] = []
    var deviceDefaults = PortSettings()
    /// Whether there is a `dpdk` section, with which VPP takes every free device.
    var takesFreeDevices = false
    var hasNoPCI = false
    /// Addresses, or `vendor:device`, in lower case.
    var blockedDevices: [String] = []

    /// Nothing is said.
    public init() {}

    /// Whether something is said of lanes, nodes or devices, for which the nodes have to be listed.
    var namesNodes: Bool {
        mainCore != nil || workers != nil || workerCPUs != nil || !nodes.isEmpty
            || !withoutWorker.isEmpty || !devices.isEmpty
    }
}
