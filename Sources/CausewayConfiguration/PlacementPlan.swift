internal import Coordination
public import HostTopology

/// What would be started for a placement: processes, hugepages and rings; nothing is.
public struct PlacementPlan: Hashable, Sendable, Encodable {
    /// One process.
    public struct Process: Hashable, Sendable, Encodable {
        /// What a process is there for.
        public enum Role: String, Hashable, Sendable, Codable {
            case supervisor
            case keeper
            case worker
            case spare
        }

        /// What it is there for.
        public var role: Role
        /// The number of its node; nil for the supervisor.
        public var node: Int?
        /// The CPUs it runs on; for a worker the control lane's first, then a lane each.
        public var cpus: [Int]
        /// The operating system's number of the node that its memory is bound to; nil: not bound.
        public var memoryNode: Int?
        /// DPDK's arguments in the first incarnation; empty for the supervisor.
        public var arguments: [String]
    }

    /// The rings into one node.
    public struct Rings: Hashable, Sendable, Encodable {
        /// The consuming node's number.
        public var node: Int
        /// How many rings.
        public var count: Int
        /// Bytes of each.
        public var ringBytes: Int
        /// Bytes of their file, in whole pages.
        public var fileBytes: Int
    }

    /// Hugepages of one size on one NUMA node of the machine.
    public struct Total: Hashable, Sendable, Encodable {
        /// The operating system's number of the node.
        public var realNode: Int
        /// Bytes of a page.
        public var pageBytes: Int
        /// Pages that the placement takes.
        public var pages: Int
        /// Pages that are free; nil when the machine does not tell.
        public var free: Int?
    }

    /// In the order in which they start.
    public var processes: [Process]
    /// By node and purpose.
    public var hugepages: [HugepageDemand]
    /// One entry a node, in the placement's order.
    public var rings: [Rings]
    /// By NUMA node and page size.
    public var totals: [Total]

    /// Plans a placement.
    ///
    /// - Parameters:
    ///   - placement: what runs where.
    ///   - machine: the machine that it is for.
    ///   - arguments: how DPDK is started.
    public init(of placement: Placement, on machine: HostTopology, arguments: EALArguments) {
        processes =
            [Process(role: .supervisor, cpus: placement.housekeeping, arguments: [])]
            + placement.nodes.map {
                Process(
                    role: .keeper,
                    node: $0.number,
                    cpus: [$0.controlCPU],
                    memoryNode: $0.hardwareNode,
                    arguments: arguments.keeper(of: $0)
                )
            }
            + placement.nodes.flatMap { Self.workers(of: $0, arguments: arguments) }
        hugepages = HugepageDemand.all(of: placement)
        rings = placement.nodes.map { node in
            let layout = placement.rings(into: node)
            return Rings(
                node: node.number,
                count: layout.ringCount,
                ringBytes: layout.ringBytes,
                fileBytes: layout.fileBytes(pageBytes: node.hugepageBytes)
            )
        }
        totals = Self.totals(of: hugepages, on: machine)
    }

    private static func workers(of node: NodePlacement, arguments: EALArguments) -> [Process] {
        let worker = Process(
            role: .worker,
            node: node.number,
            cpus: [node.controlCPU] + node.lanes,
            memoryNode: node.hardwareNode,
            arguments: arguments.worker(of: node, incarnation: 0)
        )
        guard node.hasSpare else { return [worker] }
        var spare = worker
        spare.role = .spare
        spare.cpus = [node.controlCPU]
        spare.arguments = arguments.worker(of: node, incarnation: 1)
        return [worker, spare]
    }

    private static func totals(
        of demands: [HugepageDemand],
        on machine: HostTopology
    ) -> [Total] {
        let groups = Dictionary(grouping: demands) { [$0.realNode, $0.pageBytes] }
        return groups.map { key, demands in
            Total(
                realNode: key[0],
                pageBytes: key[1],
                pages: demands.reduce(0) { $0 + $1.pages },
                free: machine.numaNode(key[0])?.hugepages(of: key[1])?.free
            )
        }.sorted { ($0.realNode, $0.pageBytes) < ($1.realNode, $1.pageBytes) }
    }
}

extension PlacementPlan {
    /// The plan for reading.
    public var text: String { processText + hugepageText + ringText }

    private var processText: String {
        var text = "processes\n"
        for process in processes {
            var table = TextTable(indentation: 2)
            let node = process.node.map { " n\($0)" } ?? ""
            table.append("\(process.role.rawValue)\(node)", "CPUs \(cpuText(of: process))")
            text += table.text
            guard process.role != .supervisor else { continue }
            text += "    memory "
            text += process.memoryNode.map { "bound to NUMA node \($0)\n" } ?? "not bound\n"
            text += "    " + process.arguments.joined(separator: " ") + "\n"
        }
        return text
    }

    private func cpuText(of process: Process) -> String {
        guard process.role == .worker, let control = process.cpus.first else {
            return list(process.cpus)
        }
        let lanes = process.cpus.dropFirst().enumerated().map { "l\($0)=\($1)" }
        return "control=\(control) \(lanes.joined(separator: " "))"
    }

    private var hugepageText: String {
        var table = TextTable(indentation: 2)
        table.append("node", "on", "purpose", "page", "pages", "bytes")
        for demand in hugepages {
            table.append(
                "n\(demand.node)",
                "NUMA \(demand.realNode)",
                demand.purpose.rawValue,
                ByteCount.format(demand.pageBytes),
                "\(demand.pages)",
                ByteCount.format(demand.bytes)
            )
        }
        for total in totals {
            let free = total.free.map { " (\($0) free)" } ?? ""
            table.append(
                "sum",
                "NUMA \(total.realNode)",
                "",
                ByteCount.format(total.pageBytes),
                "\(total.pages)\(free)",
                ByteCount.format(total.pages * total.pageBytes)
            )
        }
        return "hugepages\n" + table.text
    }

    private var ringText: String {
        var table = TextTable(indentation: 2)
        table.append("into", "rings", "bytes each", "file")
        for ring in rings {
            table.append(
                "n\(ring.node)",
                "\(ring.count)",
                "\(ring.ringBytes)",
                ByteCount.format(ring.fileBytes)
            )
        }
        return "handoff rings\n" + table.text
    }
}
