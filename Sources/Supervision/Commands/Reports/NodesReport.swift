internal import CausewayConfiguration
internal import Coordination

/// `show nodes`: the processes of each NUMA node.
struct NodesReport: CommandResult {
    /// A NUMA node.
    struct Node: Encodable, Sendable {
        var numaNode: Int
        var keeperPID: Int32?
        var keeperState: String
        var workerPID: Int32?
        var workerState: String
        var sparePID: Int32?
        /// `none` for a node that has no spare.
        var spareState: String
        /// Counts the worker's lives, from 1.
        var incarnation: UInt32
        var restarts: Int
        /// The number of the last change that the worker acknowledged.
        var change: UInt64
        var lanes: Int
        /// Why the node is down, if it is.
        var reason: String
        /// Why the last worker that died did; empty: none has.
        var lastDeath: String
        /// The programs of the processes that run.
        var keeperProgram: ProgramStatus?
        var workerProgram: ProgramStatus?
        var spareProgram: ProgramStatus?

        /// The programs, those that are the same once.
        fileprivate var programs: String {
            let known = [
                ("keeper", keeperProgram), ("worker", workerProgram), ("spare", spareProgram),
            ].compactMap { role, program in program.map { (role, $0) } }
            guard let first = known.first?.1 else { return "" }
            if known.allSatisfy({ $0.1 == first }) {
                return "node \(numaNode): \(first.path), build \(first.build)\n"
            }
            return known.map { role, program in
                "node \(numaNode) \(role): \(program.path), build \(program.build)\n"
            }.joined()
        }
    }

    /// The number of the last change of all.
    var change: UInt64
    var uptimeSeconds: Double
    var nodes: [Node]

    init(_ view: DataplaneView) {
        change = view.changeNumber
        uptimeSeconds = view.uptimeSeconds
        func spareState(_ status: NodeStatus, _ placement: Placement) -> String {
            if status.sparePID != nil { return "\(status.spareState)" }
            let node = placement.nodes.first { $0.number == status.number }
            return node?.hasSpare == true ? "down" : "none"
        }
        nodes = view.nodes.map { status in
            Node(
                numaNode: status.number,
                keeperPID: status.keeperPID,
                keeperState: status.keeperPID == nil ? "down" : "\(status.keeperState)",
                workerPID: status.workerPID,
                workerState: status.workerPID == nil ? "down" : "\(status.workerState)",
                sparePID: status.sparePID,
                spareState: spareState(status, view.placement),
                incarnation: status.incarnation,
                restarts: status.restarts,
                change: status.changeNumber,
                lanes: view.placement.nodes.first { $0.number == status.number }?.lanes.count ?? 0,
                reason: status.reason,
                lastDeath: status.lastDeath,
                keeperProgram: status.keeperProgram,
                workerProgram: status.workerProgram,
                spareProgram: status.spareProgram
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("Node", 4, .left), .init("Keeper", 8), .init("State", 10, .left),
            .init("Worker", 8), .init("State", 10, .left), .init("Spare", 8),
            .init("State", 8, .left), .init("Life", 5), .init("Restarts", 8),
            .init("Change", 8), .init("Lanes", 5), .init("Reason", 6, .left),
        ])
        for node in nodes {
            table.add([
                String(node.numaNode), node.keeperPID.map { String($0) } ?? "-", node.keeperState,
                node.workerPID.map { String($0) } ?? "-", node.workerState,
                node.sparePID.map { String($0) } ?? "-", node.spareState,
                String(node.incarnation), String(node.restarts), String(node.change),
                String(node.lanes), node.reason,
            ])
        }
        let deaths = nodes.filter { !$0.lastDeath.isEmpty && $0.lastDeath != $0.reason }
            .map { "node \($0.numaNode), last death: \($0.lastDeath)\n" }.joined()
        return table.text + deaths + nodes.map(\.programs).joined()
            + "last change \(change), up \(Figure.fixed(uptimeSeconds, digits: 1)) s\n"
    }
}
