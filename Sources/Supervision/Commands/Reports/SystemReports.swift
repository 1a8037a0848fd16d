internal import CausewayConfiguration
internal import Coordination
internal import HostTopology

/// `show version`: the build and its age.
struct VersionReport: CommandResult {
    var name = "causeway"
    var version: String
    /// Seconds since the supervisor started.
    var uptimeSeconds: Double
    /// The builds of the packet side that run.
    var nodes: [Node]

    /// What a NUMA node's worker is.
    struct Node: Encodable, Sendable {
        var numaNode: Int
        /// nil: none runs.
        var worker: ProgramStatus?
        var keeper: ProgramStatus?
    }

    init(version: String, _ view: DataplaneView) {
        self.version = version
        uptimeSeconds = view.uptimeSeconds
        nodes = view.nodes.map {
            Node(numaNode: $0.number, worker: $0.workerProgram, keeper: $0.keeperProgram)
        }
    }

    var text: String {
        let lines = nodes.compactMap { node in
            node.worker.map { "NUMA node \(node.numaNode): \($0.path) v\($0.build)\n" }
        }
        return "\(name) v\(version), up \(Figure.fixed(uptimeSeconds, digits: 1)) s\n"
            + lines.joined()
    }
}

/// `show buffers`: the pools.
struct BuffersReport: CommandResult {
    /// A NUMA node's pool.
    struct Pool: Encodable, Sendable {
        var name: String
        var numaNode: Int
        /// Bytes of packet data in a buffer.
        var dataBytes: Int
        /// Buffers in all, as the worker found the pool; 0 before its first life.
        var total: UInt64
        /// Buffers in the pool and its caches, and those in frames and descriptors.
        var available: UInt64?
        var used: UInt64?
        /// How often a lane could not have a buffer, or a frame.
        var bufferFailures: UInt64
        var frameFailures: UInt64
        /// Packets that wait for a neighbour's address.
        var held: UInt64
        /// Where the buffers are; nil: nobody has looked yet.
        var account: Account?
    }

    /// Where the buffers of a pool are: `total` = `free` + `nicRx` + `nicTx` + `lanes` + `missing`, exactly
    /// while no packet moves.
    struct Account: Encodable, Sendable {
        var free: UInt64
        /// In the ports' receive queues, and at least in their transmit queues.
        var nicRx: UInt64
        var nicTx: UInt64
        /// At hand for input, held for neighbours, on their way between lanes.
        var lanes: UInt64
        /// Those that nobody has; below 0: those that are there twice.
        var missing: Int
        /// How often they were counted while nothing moved, and seconds since 1970 of the last time.
        var audits: UInt64
        var lastAudit: UInt64
    }

    var pools: [Pool]

    init(_ readings: [NodeReading]) {
        pools = readings.map { reading in
            let total = reading.status.segment?.load(.poolTotal) ?? 0
            let available: UInt64? = reading.poolAvailable
            return Pool(
                name: "node-\(reading.placement.number)",
                numaNode: reading.placement.number,
                dataBytes: reading.placement.bufferDataBytes,
                total: total,
                available: available,
                used: available.map { total > $0 ? total - $0 : 0 },
                bufferFailures: reading.sum(.bufferFailures),
                frameFailures: reading.sum(.frameFailures),
                held: reading.lanes.reduce(0) { $0 &+ $1[.held] },
                account: available.flatMap { reading.status.segment?.bufferAccount(free: $0) }
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("Pool Name", 12, .left), .init("NUMA", 4), .init("Data Size", 9),
            .init("Total", 8), .init("Avail", 8), .init("Used", 8), .init("Failures", 8),
            .init("Held", 6),
        ])
        for pool in pools {
            table.add([
                pool.name, String(pool.numaNode), String(pool.dataBytes), String(pool.total),
                pool.available.map { String($0) } ?? "-", pool.used.map { String($0) } ?? "-",
                String(pool.bufferFailures &+ pool.frameFailures), String(pool.held),
            ])
        }
        return table.text + pools.map(Self.text).joined()
    }

    /// A line for each place where buffers are, and the difference.
    private static func text(of pool: Pool) -> String {
        guard let account = pool.account else { return "" }
        var table = TextTable([.init(pool.name, 24, .left), .init("Buffers", 9)])
        let difference =
            account.audits == 0
            ? "not counted yet" : account.missing < 0 ? "there twice" : "missing"
        for (place, count) in [
            ("pool", Int(clamping: pool.total)), ("free", Int(clamping: account.free)),
            ("NIC rx", Int(clamping: account.nicRx)), ("NIC tx", Int(clamping: account.nicTx)),
            ("lanes", Int(clamping: account.lanes)), (difference, abs(account.missing)),
        ] { table.add([place, String(count)]) }
        return "\n" + table.text
    }
}

extension WorkerSegment {
    /// What the worker last wrote of its pool.
    fileprivate func bufferAccount(free: UInt64) -> BuffersReport.Account {
        BuffersReport.Account(
            free: free,
            nicRx: load(.poolReceive),
            nicTx: load(.poolTransmit),
            lanes: load(.poolLanes),
            missing: Int(clamping: load(.poolMissing)) - Int(clamping: load(.poolSurplus)),
            audits: load(.poolAudits),
            lastAudit: load(.poolAuditTime)
        )
    }
}

extension NodeReading {
    /// Buffers in the pool, as the worker last counted them; nil: it has not looked yet.
    fileprivate var poolAvailable: UInt64? {
        guard let segment = status.segment, segment.load(.poolTotal) > 0 else { return nil }
        return segment.load(.poolAvailable)
    }

    fileprivate func sum(_ word: LaneBlock.Word) -> UInt64 {
        lanes.reduce(0) { $0 &+ $1.counted(word) }
    }
}

/// `show memory`: the workers' heaps.
struct MemoryReport: CommandResult {
    /// A worker's heap.
    struct Heap: Encodable, Sendable {
        var numaNode: Int
        /// The operating system's node that it is bound to; nil: not bound.
        var hardwareNode: Int?
        var hugepageBytes: Int
        var totalBytes: UInt64
        var usedBytes: UInt64
        var freeBytes: UInt64
        /// DPDK's memory of the node: pools, descriptors, ports.
        var ealMegabytes: Int
    }

    var heaps: [Heap]

    init(_ readings: [NodeReading]) {
        heaps = readings.map { reading in
            let total =
                reading.status.segment?.load(.heapTotalBytes) ?? UInt64(reading.placement.heapBytes)
            let used = reading.status.segment?.load(.heapUsedBytes) ?? 0
            return Heap(
                numaNode: reading.placement.number,
                hardwareNode: reading.placement.hardwareNode,
                hugepageBytes: reading.placement.hugepageBytes,
                totalBytes: total,
                usedBytes: used,
                freeBytes: total > used ? total - used : 0,
                ealMegabytes: reading.placement.ealMegabytes
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("Node", 4, .left), .init("Bound to", 8), .init("Page", 8), .init("Heap", 10),
            .init("Used", 10), .init("Free", 10), .init("Used %", 7), .init("EAL", 10),
        ])
        for heap in heaps {
            let share = heap.totalBytes > 0 ? Double(heap.usedBytes) / Double(heap.totalBytes) : 0
            table.add([
                String(heap.numaNode), heap.hardwareNode.map(String.init) ?? "-",
                Figure.bytes(UInt64(heap.hugepageBytes)), Figure.bytes(heap.totalBytes),
                Figure.bytes(heap.usedBytes), Figure.bytes(heap.freeBytes),
                Figure.fixed(share * 100, digits: 1),
                Figure.bytes(UInt64(heap.ealMegabytes) << 20),
            ])
        }
        return table.text
    }
}

/// `show topology`: what runs where.
struct TopologyReport: CommandResult {
    var placement: Placement

    func encode(to encoder: any Encoder) throws { try placement.encode(to: encoder) }

    var text: String {
        var text = "housekeeping cpus: \(placement.housekeeping.commaSeparated)\n"
        for node in placement.nodes {
            let bound = node.hardwareNode.map { "memory on node \($0)" } ?? "memory not bound"
            text += "NUMA node \(node.number)\(node.isVirtual ? " (virtual)" : ""): \(bound)\n"
            text += "  lanes on cpus \(node.lanes.commaSeparated), control on \(node.controlCPU)\n"
            text += "  heap \(Figure.bytes(UInt64(clamping: node.heapBytes)))"
            text += " in pages of \(Figure.bytes(UInt64(clamping: node.hugepageBytes))),"
            text += " \(node.poolBuffers) buffers of \(node.bufferDataBytes) bytes,"
            text += " EAL \(node.ealMegabytes)M\n"
            text += "  handoff rings of \(node.handoffRingCells) cells,"
            text += " spare \(node.hasSpare ? "yes" : "no")\n"
            for port in node.ports {
                text += "  port \(port.interfaceIndex) \(port.name): \(port.kind.rawValue)"
                text += " \(port.device), rx queues \(port.rxQueues), tx queues \(port.txQueues),"
                text += " mtu \(port.mtu)\n"
            }
        }
        return text
    }
}

extension [Int] {
    fileprivate var commaSeparated: String { map { String($0) }.joined(separator: ",") }
}

/// `show log`: the last lines of the supervisor's log.
struct LogReport: CommandResult {
    /// Oldest first.
    var log: [String]

    var text: String { log.map { $0 + "\n" }.joined() }
}
