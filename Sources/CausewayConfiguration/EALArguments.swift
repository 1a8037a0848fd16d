public import HostTopology

/// The command line with which DPDK starts in a keeper or a worker; nothing else is added to it.
public struct EALArguments: Hashable, Sendable {
    /// The name of this Causeway among others on the machine; part of every DPDK file prefix.
    public var instance: String
    /// Where hugetlbfs is mounted, by the bytes of its pages.
    public var hugepageFolders: [Int: String]
    /// The widest vectors that DPDK may use, in bits; nil: its choice.
    public var maximumSIMDBits: Int?

    /// Where hugetlbfs is expected when the machine does not tell.
    public static let usualHugepageFolder = "/dev/hugepages"

    /// Arguments for processes that all use one hugetlbfs, whatever the size of its pages.
    public init(instance: String = "causeway", hugepageFolder: String) {
        self.instance = instance
        hugepageFolders = [2 << 20: hugepageFolder, 1 << 30: hugepageFolder]
    }

    /// Arguments for processes on `machine`, with the hugetlbfs that it has mounted for each page size.
    public init(instance: String = "causeway", machine: HostTopology) {
        self.instance = instance
        hugepageFolders = Dictionary(
            machine.hugepageMounts.map { ($0.pageBytes, $0.path) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// The folder that a node's hugepage files belong in.
    public func hugepageFolder(of node: NodePlacement) -> String {
        hugepageFolders[node.hugepageBytes] ?? Self.usualHugepageFolder
    }

    /// Where DPDK maps the memory of node 0, away from what a process maps by itself.
    public static let firstBaseAddress = 0x2000_0000_0000
    /// Address space of each node, 256 GiB, so that a process may attach to several.
    public static let addressSpacePerNode = 0x40_0000_0000

    /// The prefix of a node's DPDK files.
    public func filePrefix(of node: NodePlacement) -> String { "\(instance)-n\(node.number)" }

    /// Where DPDK maps the memory of `node`.
    public static func baseAddress(of node: NodePlacement) -> Int {
        firstBaseAddress + node.number * addressSpacePerNode
    }

    /// The lcore id of the control lane in an incarnation of a worker; lane `i` has this id plus `1 + i`.
    ///
    /// Even and odd lives share no id, so that a worker and its successor can be attached at the same time.
    ///
    /// - Parameter incarnation: the number of the worker's life, from 0.
    /// - Returns: 1 or 65.
    public static func firstLcore(incarnation: Int) -> Int { incarnation % 2 == 0 ? 1 : 65 }

    /// The arguments of a node's keeper, without the program's name.
    public func keeper(of node: NodePlacement) -> [String] {
        let memory = (0...node.realNode).map { $0 == node.realNode ? "\(node.ealMegabytes)" : "0" }
            .joined(separator: ",")
        return ["--proc-type=primary"] + shared(by: node) + [
            "--lcores", "0@\(node.controlCPU)",
            "--socket-mem=\(memory)", "--socket-limit=\(memory)",
        ] + devices(of: node) + virtualDevices(of: node)
    }

    /// The arguments of a node's worker, without the program's name.
    ///
    /// - Parameters:
    ///   - node: the worker's node.
    ///   - incarnation: the number of the worker's life, from 0.
    /// - Returns: what to pass to `rte_eal_init` after the program's name.
    public func worker(of node: NodePlacement, incarnation: Int) -> [String] {
        let first = Self.firstLcore(incarnation: incarnation)
        let lanes = node.lanes.enumerated().map { "\(first + 1 + $0)@\($1)" }
        let lcores = (["\(first)@\(node.controlCPU)"] + lanes).joined(separator: ",")
        // Virtual devices are not repeated: a secondary asks the primary for them.
        return ["--proc-type=secondary"] + shared(by: node) + ["--lcores", lcores]
            + devices(of: node)
    }

    private func shared(by node: NodePlacement) -> [String] {
        [
            "--file-prefix=\(filePrefix(of: node))",
            "--huge-dir", hugepageFolder(of: node),
            "--base-virtaddr=0x\(String(Self.baseAddress(of: node), radix: 16))",
            "--no-telemetry",
        ] + (maximumSIMDBits.map { ["--force-max-simd-bitwidth=\($0)"] } ?? [])
    }

    /// The node's PCI devices and no other.
    private func devices(of node: NodePlacement) -> [String] {
        let ports = node.ports.filter { $0.kind == .pci }
        guard !ports.isEmpty else { return ["--no-pci"] }
        return ports.flatMap { ["-a", $0.device + driverOptions($0.options)] }
    }

    private func virtualDevices(of node: NodePlacement) -> [String] {
        node.ports.compactMap { port -> String? in
            switch port.kind {
            case .pci, .tap: nil
            case .null:
                "net_null_\(port.name)"
                    + driverOptions(["size": "64", "no-rx": "1"].merging(port.options) { $1 })
            case .pcap: "net_pcap_\(port.name),\(port.captureArguments)"
            case .vdev: port.device + driverOptions(port.options)
            }
        }.map { "--vdev=\($0)" }
    }

    private func driverOptions(_ options: [String: String]) -> String {
        options.sorted { $0.key < $1.key }.map { ",\($0.key)=\($0.value)" }.joined()
    }
}

extension PortPlacement {
    /// Bytes of a `pcap` port's arguments that DPDK's driver keeps for secondary processes: a worker is one, and
    /// would open what is left of a name that was cut off.
    static let maximumCaptureArguments = 63

    /// The arguments of a `pcap` port's driver: `rx` is read by the one receive queue; each transmit queue writes a
    /// file of its own, the first one to `tx` itself, queue `q` to `tx.q`.
    var captureArguments: String {
        var options = options
        let rx = options.removeValue(forKey: "rx").map { ["rx_pcap=\($0)"] } ?? []
        let tx = options.removeValue(forKey: "tx")
        let written = (0..<txQueues).map { queue -> String in
            guard let tx else { return "tx_pcap=/dev/null" }
            return queue == 0 ? "tx_pcap=\(tx)" : "tx_pcap=\(tx).\(queue)"
        }
        let others = options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return (rx + written + others).joined(separator: ",")
    }
}
