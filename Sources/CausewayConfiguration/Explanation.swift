public import HostTopology

/// What is known about one CPU, node or port, and where it comes from.
public struct Explanation: Hashable, Sendable, Encodable {
    /// One thing that is known.
    public struct Fact: Hashable, Sendable, Encodable {
        /// What it is about.
        public var name: String
        /// What it is.
        public var value: String
        /// Where it comes from; nil for what follows from others.
        public var origin: Origin?
    }

    /// What is explained, such as `cpu 3`.
    public var subject: String
    /// In the order to be read.
    public var facts: [Fact]

    /// The explanation for reading.
    public var text: String {
        var table = TextTable(indentation: 2)
        for fact in facts {
            table.append(fact.name, fact.value, fact.origin.map { "(\($0))" } ?? "")
        }
        return subject + "\n" + table.text
    }

    private mutating func add(_ name: String, _ value: String, _ origin: Origin? = nil) {
        facts.append(Fact(name: name, value: value, origin: origin))
    }

    private init(subject: String) {
        self.subject = subject
        facts = []
    }

    /// Explains a CPU.
    ///
    /// - Parameters:
    ///   - number: the operating system's number.
    ///   - machine: the machine.
    ///   - resolved: what runs there.
    /// - Returns: nil when the machine has no such CPU.
    public static func cpu(
        _ number: Int,
        on machine: HostTopology,
        resolved: ResolvedPlacement
    ) -> Explanation? {
        var result = Explanation(subject: "cpu \(number)")
        guard let cpu = machine.cpu(number) else {
            guard machine.offlineCPUs.contains(number) else { return nil }
            result.add("state", "offline", .discovered)
            return result
        }
        result.add("state", cpu.isAllowed ? "online" : "forbidden by the cgroup", .discovered)
        result.add("NUMA node", cpu.numaNode.map(String.init) ?? "none", .discovered)
        let package = machine.cores[cpu.core].package.map { ", package \($0)" } ?? ""
        result.add("core", "\(cpu.core)\(package)", .discovered)
        let siblings = machine.siblings(of: number).filter { $0 != number }
        result.add("SMT siblings", list(siblings), .discovered)
        for cache in machine.caches where cache.cpus.contains(number) {
            let size = cache.bytes > 0 ? ByteCount.format(cache.bytes) : "unknown size"
            result.add(
                "L\(cache.level) cache",
                "\(size), shared by \(list(cache.cpus))",
                .discovered
            )
        }
        result.addUses(of: number, resolved: resolved)
        return result
    }

    private mutating func addUses(of cpu: Int, resolved: ResolvedPlacement) {
        let before = facts.count
        for node in resolved.placement.nodes {
            let name = "node\(node.number)"
            for (lane, _) in node.lanes.enumerated().filter({ $0.element == cpu }) {
                add(
                    "runs",
                    "lane \(lane) of node \(node.number)",
                    resolved.origins["\(name).lanes"]
                )
            }
            if node.controlCPU == cpu {
                add(
                    "runs",
                    "keeper and control lane of node \(node.number)",
                    resolved.origins["\(name).control-cpu"]
                )
            }
        }
        if resolved.placement.housekeeping.contains(cpu) {
            add("runs", "housekeeping", resolved.origins["housekeeping"])
        }
        if facts.count == before { add("runs", "nothing of Causeway") }
    }

    /// Explains a node of the placement.
    ///
    /// - Parameters:
    ///   - number: the node's number.
    ///   - machine: the machine.
    ///   - resolved: what runs there.
    /// - Returns: nil when neither placement nor machine has such a node.
    public static func node(
        _ number: Int,
        on machine: HostTopology,
        resolved: ResolvedPlacement
    ) -> Explanation? {
        var result = Explanation(subject: "node \(number)")
        guard let node = resolved.placement.nodes.first(where: { $0.number == number }) else {
            guard let real = machine.numaNode(number) else { return nil }
            result.add("NUMA node", MachineDescription.line(for: real), .discovered)
            result.add("runs", "no worker")
            return result
        }
        let origins = resolved.origins
        let name = "node\(number)"
        if let real = machine.numaNode(node.realNode) {
            result.add(
                "NUMA node",
                "\(real.osIndex): \(MachineDescription.line(for: real))",
                .discovered
            )
        }
        result.add(
            "memory",
            node.hardwareNode.map { "bound to \($0)" } ?? "not bound: one node only"
        )
        result.add("lanes", list(node.lanes), origins["\(name).lanes"])
        result.add("control-cpu", "\(node.controlCPU)", origins["\(name).control-cpu"])
        let page = ByteCount.format(node.hugepageBytes)
        result.add("hugepage-size", page, origins["\(name).hugepage-size"])
        result.add("heap", ByteCount.format(node.heapBytes), origins["\(name).heap"])
        result.add("eal-memory", "\(node.ealMegabytes)M", origins["\(name).eal-memory"])
        result.add("buffers", "\(node.poolBuffers)", origins["\(name).buffers"])
        result.add("buffer-data", "\(node.bufferDataBytes)", origins["\(name).buffer-data"])
        result.add("handoff-ring", "\(node.handoffRingCells)", origins["\(name).handoff-ring"])
        result.add("spare", node.hasSpare ? "yes" : "no", origins["\(name).spare"])
        result.addRestart(node.restart, name: name, origins: origins)
        result.add(
            "ports",
            node.ports.isEmpty ? "none" : node.ports.map(\.name).joined(separator: ", ")
        )
        return result
    }

    private mutating func addRestart(_ policy: RestartPolicy, name: String, origins: Origins) {
        add("restart.max", "\(policy.maximumRestarts)", origins["\(name).restart.max"])
        add("restart.window", "\(policy.windowSeconds)s", origins["\(name).restart.window"])
        add(
            "restart.backoff",
            "\(policy.backoffMilliseconds)ms",
            origins["\(name).restart.backoff"]
        )
        add(
            "restart.max-backoff",
            "\(policy.maximumBackoffMilliseconds)ms",
            origins["\(name).restart.max-backoff"]
        )
    }

    /// Explains a port of the placement, or a network controller that no port uses.
    ///
    /// - Parameters:
    ///   - name: the port's name, a PCI address or a kernel interface's name.
    ///   - machine: the machine.
    ///   - resolved: what runs there.
    /// - Returns: nil when there is neither.
    public static func port(
        _ name: String,
        on machine: HostTopology,
        resolved: ResolvedPlacement
    ) -> Explanation? {
        let address = normalizedPCIAddress(name)
        let device = machine.pciDevices.first {
            $0.address == address || $0.interfaces.contains(name)
        }
        let node = resolved.placement.nodes.first { node in
            node.ports.contains { isMeant($0, by: name, device: device) }
        }
        guard let node,
            let port = node.ports.first(where: { isMeant($0, by: name, device: device) })
        else {
            guard let device else { return nil }
            var result = Explanation(subject: "port \(name)")
            result.addDevice(device)
            result.add("used by", "no port of Causeway")
            return result
        }
        var result = Explanation(subject: "port \(port.name)")
        result.addPort(port, of: node, origins: resolved.origins)
        if port.kind == .pci, let device = machine.pciDevice(port.device) {
            result.addDevice(device)
        }
        return result
    }

    private static func isMeant(_ port: PortPlacement, by name: String, device: PCIDevice?) -> Bool
    {
        port.name == name || (port.kind == .pci && port.device == device?.address)
    }

    private mutating func addPort(_ port: PortPlacement, of node: NodePlacement, origins: Origins) {
        let path = "port.\(port.name)"
        add("node", "\(node.number)")
        add("interface index", "\(port.interfaceIndex)")
        add(port.kind.rawValue, port.device, origins["\(path).\(port.kind.rawValue)"])
        add("rx-queues", "\(port.rxQueues)", origins["\(path).rx-queues"])
        for (lane, cpu) in node.lanes.enumerated() {
            let queues = (0..<port.rxQueues).filter { $0 % node.lanes.count == lane }
            guard !queues.isEmpty else { continue }
            add("  lane \(lane), CPU \(cpu)", "queues \(list(queues))")
        }
        add("tx-queues", "\(port.txQueues)", origins["\(path).tx-queues"])
        add("rx-descriptors", "\(port.rxDescriptors)", origins["\(path).rx-descriptors"])
        add("tx-descriptors", "\(port.txDescriptors)", origins["\(path).tx-descriptors"])
        add("mtu", "\(port.mtu)", origins["\(path).mtu"])
        add("mac", port.mac ?? "its own", origins["\(path).mac"] ?? .default)
        for (key, value) in port.options.sorted(by: { $0.key < $1.key }) {
            add("option \(key)", value, origins["\(path).options"] ?? origins["\(path).pcap"])
        }
    }

    private mutating func addDevice(_ device: PCIDevice) {
        add("device", "\(device.address) \(MachineDescription.line(for: device))", .discovered)
        add(
            "device's NUMA node",
            device.numaNode < 0 ? "unknown" : "\(device.numaNode)",
            .discovered
        )
    }
}
