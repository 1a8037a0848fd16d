/// How many lanes share a core.
public enum SMTPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// One lane a physical core; its other threads stay idle.
    case oneLanePerCore = "one-lane-per-core"
    /// A lane on every hardware thread.
    case share
}

/// What is thought of a port that sits on another NUMA node than its lanes.
public enum RemoteNICPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    case error
    case warn
    case allow
}

/// What a topology file says about a node's lanes.
public enum LaneRequest: Hashable, Sendable {
    /// Every core that is left.
    case auto
    /// That many of the cores that are left.
    case count(Int)
    /// These CPUs.
    case cpus([Int])
}

/// What a topology file says about restarts; what it leaves out is nil.
public struct RestartSettings: Hashable, Sendable {
    public var max: Located<Int>?
    public var windowMilliseconds: Located<Int>?
    public var backoffMilliseconds: Located<Int>?
    public var maximumBackoffMilliseconds: Located<Int>?

    /// No settings.
    public init() {}

    func overlaying(_ base: RestartSettings) -> RestartSettings {
        var result = self
        result.max = max ?? base.max
        result.windowMilliseconds = windowMilliseconds ?? base.windowMilliseconds
        result.backoffMilliseconds = backoffMilliseconds ?? base.backoffMilliseconds
        result.maximumBackoffMilliseconds =
            maximumBackoffMilliseconds ?? base.maximumBackoffMilliseconds
        return result
    }
}

/// What a topology file says about one node, or about all of them (`defaults`); what it leaves out is nil.
public struct NodeSettings: Hashable, Sendable {
    public var number: Located<Int>?
    public var virtualOf: Located<Int>?
    public var cpus: Located<[Int]>?
    public var lanes: Located<LaneRequest>?
    public var controlCPU: Located<Int>?
    public var heapBytes: Located<Int>?
    public var hugepageBytes: Located<Int>?
    public var ealBytes: Located<Int>?
    public var buffers: Located<Int>?
    public var bufferDataBytes: Located<Int>?
    public var handoffRingCells: Located<Int>?
    public var hasSpare: Located<Bool>?
    public var restart = RestartSettings()
    public var ports: [PortSettings] = []
    /// Where the node is declared.
    public var location: SourceLocation?

    /// No settings.
    public init() {}

    /// These settings, completed by those of `base`.
    func overlaying(_ base: NodeSettings) -> NodeSettings {
        var result = self
        result.number = number ?? base.number
        result.virtualOf = virtualOf ?? base.virtualOf
        result.cpus = cpus ?? base.cpus
        result.lanes = lanes ?? base.lanes
        result.controlCPU = controlCPU ?? base.controlCPU
        result.heapBytes = heapBytes ?? base.heapBytes
        result.hugepageBytes = hugepageBytes ?? base.hugepageBytes
        result.ealBytes = ealBytes ?? base.ealBytes
        result.buffers = buffers ?? base.buffers
        result.bufferDataBytes = bufferDataBytes ?? base.bufferDataBytes
        result.handoffRingCells = handoffRingCells ?? base.handoffRingCells
        result.hasSpare = hasSpare ?? base.hasSpare
        result.restart = restart.overlaying(base.restart)
        result.ports = ports.isEmpty ? base.ports : ports
        result.location = location ?? base.location
        return result
    }
}

/// What a topology file says about one port; what it leaves out is nil.
public struct PortSettings: Hashable, Sendable {
    /// What is behind the port.
    public struct Device: Hashable, Sendable {
        public var kind: PortPlacement.Kind
        /// As in `PortPlacement.device`.
        public var device: String
        /// As in `PortPlacement.options`; the files of a `pcap` port.
        public var options: [String: String]

        public init(kind: PortPlacement.Kind, device: String, options: [String: String] = [:]) {
            self.kind = kind
            self.device = device
            self.options = options
        }
    }

    public var name: Located<String>?
    public var device: Located<Device>?
    public var rxQueues: Located<Int>?
    public var txQueues: Located<Int>?
    public var rxDescriptors: Located<Int>?
    public var txDescriptors: Located<Int>?
    public var mtu: Located<Int>?
    public var mac: Located<String>?
    public var options: Located<[String: String]>?
    /// Where the port is declared.
    public var location: SourceLocation?

    /// No settings.
    public init() {}

    /// These settings, completed by those of `base`.
    func overlaying(_ base: PortSettings) -> PortSettings {
        var result = self
        result.name = name ?? base.name
        result.device = device ?? base.device
        result.rxQueues = rxQueues ?? base.rxQueues
        result.txQueues = txQueues ?? base.txQueues
        result.rxDescriptors = rxDescriptors ?? base.rxDescriptors
        result.txDescriptors = txDescriptors ?? base.txDescriptors
        result.mtu = mtu ?? base.mtu
        result.mac = mac ?? base.mac
        result.options = options ?? base.options
        result.location = location ?? base.location
        return result
    }
}
