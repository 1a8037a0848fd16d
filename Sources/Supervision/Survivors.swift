internal import ControlProtocol
internal import Coordination
internal import Routing

/// Keepers and workers that an earlier supervisor left running, and that are fit to go on with.
struct Survivors: Sendable {
    /// A worker that forwards, or waits to, and what it has.
    struct Worker: Sendable {
        var process: NodeProcess
        var inheritance: NodeProcess.Inheritance
        /// Its present counters, and its event log.
        var segment: WorkerSegment
        var eventLog: EventLog
    }

    /// By NUMA node.
    var keepers: [Int: NodeProcess] = [:]
    var workers: [Int: Worker] = [:]
    /// Warm workers whose lanes do not run.
    var spares: [Int: Worker] = [:]

    var isEmpty: Bool { keepers.isEmpty && workers.isEmpty && spares.isEmpty }

    /// The numbers of the workers' last entries.
    var numbers: [UInt64] {
        workers.values.map(\.inheritance.number) + spares.values.map(\.inheritance.number)
    }

    private var tables: [ForwardingChange] {
        workers.values.flatMap(\.inheritance.tables) + spares.values.flatMap(\.inheritance.tables)
    }

    /// What workers have by index, all together.
    var used: UsedIndices {
        var used = UsedIndices()
        for change in tables {
            switch change {
            case .adjacency(let index, _): used.adjacencies.insert(index)
            case .pathList(let index, _): used.pathLists.insert(index)
            default: break
            }
        }
        return used
    }

    /// The neighbours that workers forward to.
    var neighbours: [LearnedNeighbour] {
        let records = tables.compactMap {
            change -> LearnedNeighbour? in
            guard case .adjacency(_, let record) = change, record.kind == .rewrite else {
                return nil
            }
            return LearnedNeighbour(
                interface: record.interface,
                address: IPv4Address(bits: record.nextHop),
                mac: record.destination
            )
        }
        return Set(records).sorted {
            ($0.interface, $0.address.bits, $0.mac.bits)
                < ($1.interface, $1.address.bits, $1.mac.bits)
        }
    }

    /// The interfaces as workers have them, by index.
    var interfaces: [UInt16: InterfaceRecord] {
        var records: [UInt16: InterfaceRecord] = [:]
        for case .interface(let record) in tables {
            records[record.index] = record
        }
        return records
    }
}
