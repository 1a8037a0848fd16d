/// How many lanes share a core.
enum SMTPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// One lane a physical core; its other threads stay idle.
    case oneLanePerCore = "one-lane-per-core"
    /// A lane on every hardware thread.
    case share
}

/// What is thought of a port that sits on another NUMA node than its lanes.
enum RemoteNICPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    case error
    case warn
    case allow
}

/// What a topology file says about a node's lanes.
enum LaneRequest: Hashable, Sendable {
    /// Every core that is left.
    case auto
    /// That many of the cores that are left.
    case count(Int)
    /// These CPUs.
    case cpus([Int])
}

/// What a topology file says about restarts; what it leaves out is nil.
struct RestartSettings: Hashable, Sendable {
    var max: Located<Int>?
    var windowMilliseconds: Located<Int>?
    var backoffMilliseconds: Located<Int>?
    var maximumBackoffMilliseconds: Located<Int>?

    /// No settings.
    init() {}

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
struct NodeSettings: Hashable, Sendable {
    var number: Located<Int>?
    var virtualOf: Located<Int>?
    var cpus: Located<[Int]>?
    var lanes: Located<LaneRequest>?
    var controlCPU: Located<Int>?
    var heapBytes: Located<Int>?
    var hugepageBytes: Located<Int>?
    var ealBytes: Located<Int>?
    var buffers: Located<Int>?
    var bufferDataBytes: Located<Int>?
    var handoffRingCells: Located<Int>?
    var hasSpare: Located<Bool>?
    var restart = RestartSettings()
    var ports: [PortSettings] = []
    /// Where the node is declared.
    var location: SourceLocation?

    /// No settings.
    init() {}

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
struct PortSettings: Hashable, Sendable {
    /// What is behind the port.
    struct Device: Hashable, Sendable {
        var kind: PortPlacement.Kind
        /// As in `PortPlacement.device`.
        var device: String
        /// As in `PortPlacement.options`; the files of a `pcap` port.
        var options: [String: String]

        init(kind: PortPlacement.Kind, device: String, options: [String: String] = [:]) {
            self.kind = kind
            self.device = device
            self.options = options
        }
    }

    var name: Located<String>?
    var device: Located<Device>?
    var rxQueues: Located<Int>?
    var txQueues: Located<Int>?
    var rxDescriptors: Located<Int>?
    var txDescriptors: Located<Int>?
    var mtu: Located<Int>?
    var mac: Located<String>?
    var options: Located<[String: String]>?
    /// Whether too few transmit queues are made enough: VPP shares queues, where a lane here has its own.
    var mayRaiseQueues = false
    /// Where the port is declared.
    var location: SourceLocation?

    /// No settings.
    init() {}

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
        result.mayRaiseQueues = mayRaiseQueues || base.mayRaiseQueues
        result.location = location ?? base.location
        return result
    }
}
