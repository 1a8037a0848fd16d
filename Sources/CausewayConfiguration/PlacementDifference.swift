internal import Coordination

/// What changes between two placements, and what of it needs a restart.
public struct PlacementDifference: Hashable, Sendable, Encodable {
    /// What happens to a node.
    public enum Action: String, Hashable, Sendable, Codable, Comparable {
        /// Nothing.
        case keep
        /// New values count from now on; nothing restarts.
        case adjust
        /// The worker is replaced; its keeper and the ports stay.
        case restartWorker = "restart-worker"
        /// Keeper and worker are stopped and started: the ports go down.
        case restartNode = "restart-node"
        /// The node was not there before.
        case start
        /// The node is no longer there.
        case stop

        /// Later cases win over earlier ones.
        public static func < (left: Action, right: Action) -> Bool { left.weight < right.weight }

        private var weight: Int {
            switch self {
            case .keep: 0
            case .adjust: 1
            case .restartWorker: 2
            case .restartNode: 3
            case .start: 4
            case .stop: 5
            }
        }
    }

    /// What happens to one node, and why.
    public struct Node: Hashable, Sendable, Encodable {
        /// The node's number.
        public var number: Int
        /// The gravest that its changes need.
        public var action: Action
        /// One line a change.
        public var reasons: [String]
    }

    /// All nodes of both placements, by number.
    public var nodes: [Node]
    /// What changes for the supervisor, which never restarts.
    public var supervisor: [String]

    /// Whether any node restarts, starts or stops.
    public var disturbsPackets: Bool { nodes.contains { $0.action > .adjust } }

    /// Compares two placements.
    ///
    /// - Parameters:
    ///   - old: what runs.
    ///   - new: what is wanted.
    public init(from old: Placement, to new: Placement) {
        let numbers = Set(old.nodes.map(\.number) + new.nodes.map(\.number)).sorted()
        nodes = numbers.map { number in
            let before = old.nodes.first { $0.number == number }
            let after = new.nodes.first { $0.number == number }
            switch (before, after) {
            case (let before?, let after?):
                var changes = NodeChanges(from: before, to: after)
                changes.compareRings(before: (before, old), after: (after, new))
                changes.compareTargets(before: old, after: new, except: number)
                return Node(number: number, action: changes.action, reasons: changes.reasons)
            case (nil, _): return Node(number: number, action: .start, reasons: ["new"])
            default: return Node(number: number, action: .stop, reasons: ["no longer placed"])
            }
        }
        supervisor =
            old.housekeeping == new.housekeeping
            ? [] : ["housekeeping: \(list(old.housekeeping)) -> \(list(new.housekeeping))"]
    }

    /// The difference for reading.
    public var text: String {
        var lines = nodes.flatMap { node -> [String] in
            ["node \(node.number): \(node.action.rawValue)"] + node.reasons.map { "  \($0)" }
        }
        lines += supervisor.isEmpty ? [] : ["supervisor: adjust"] + supervisor.map { "  \($0)" }
        lines.append(disturbsPackets ? "" : "no node restarts")
        return lines.filter { !$0.isEmpty }.joined(separator: "\n") + "\n"
    }
}

/// The changes of one node.
private struct NodeChanges {
    var action = PlacementDifference.Action.keep
    var reasons: [String] = []

    init(from old: NodePlacement, to new: NodePlacement) {
        compare("NUMA node", old.realNode, new.realNode, .restartNode)
        compare("control-cpu", old.controlCPU, new.controlCPU, .restartNode)
        compare("hugepage-size", bytes(old.hugepageBytes), bytes(new.hugepageBytes), .restartNode)
        compare("eal-memory", "\(old.ealMegabytes)M", "\(new.ealMegabytes)M", .restartNode)
        compare("buffers", old.poolBuffers, new.poolBuffers, .restartNode)
        compare("buffer-data", old.bufferDataBytes, new.bufferDataBytes, .restartNode)
        comparePorts(old.ports, new.ports)
        compare("lanes", list(old.lanes), list(new.lanes), .restartWorker)
        compare("heap", bytes(old.heapBytes), bytes(new.heapBytes), .restartWorker)
        compare("spare", old.hasSpare ? "yes" : "no", new.hasSpare ? "yes" : "no", .adjust)
        compare("restart", text(old.restart), text(new.restart), .adjust)
    }

    private mutating func compare<Value: Equatable>(
        _ name: String,
        _ old: Value,
        _ new: Value,
        _ needed: PlacementDifference.Action
    ) {
        guard old != new else { return }
        note("\(name): \(old) -> \(new)", needed)
    }

    private mutating func note(_ reason: String, _ needed: PlacementDifference.Action) {
        action = max(action, needed)
        reasons.append(reason)
    }

    private mutating func comparePorts(_ old: [PortPlacement], _ new: [PortPlacement]) {
        for port in old where !new.contains(where: { $0.name == port.name }) {
            note("port \(port.name): taken out", .restartNode)
        }
        for port in new {
            guard let before = old.first(where: { $0.name == port.name }) else {
                note("port \(port.name): new", .restartNode)
                continue
            }
            guard before != port else { continue }
            let parts = zip(parts(of: before), parts(of: port)).filter { $0.1 != $1.1 }
                .map { "\($0.0) \($0.1) -> \($1.1)" }
            note("port \(port.name): \(parts.joined(separator: ", "))", .restartNode)
        }
    }

    private func parts(of port: PortPlacement) -> [(String, String)] {
        [
            ("index", "\(port.interfaceIndex)"), ("kind", port.kind.rawValue),
            ("device", port.device), ("rx-queues", "\(port.rxQueues)"),
            ("tx-queues", "\(port.txQueues)"), ("rx-descriptors", "\(port.rxDescriptors)"),
            ("tx-descriptors", "\(port.txDescriptors)"), ("mtu", "\(port.mtu)"),
            ("mac", port.mac ?? "its own"),
            (
                "options",
                port.options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                    .joined(separator: ",")
            ),
        ]
    }

    /// Rings into the node.
    mutating func compareRings(
        before: (node: NodePlacement, placement: Placement),
        after: (node: NodePlacement, placement: Placement)
    ) {
        let old = before.placement.rings(into: before.node)
        let new = after.placement.rings(into: after.node)
        compare("handoff-ring", old.cells, new.cells, .restartWorker)
        guard
            before.placement.ringSources(of: before.node)
                != after.placement.ringSources(of: after.node)
        else { return }
        note("rings into it: \(old.ringCount) -> \(new.ringCount)", .restartWorker)
    }

    /// Rings that the node produces into, which it maps anew when their layout changes.
    mutating func compareTargets(before: Placement, after: Placement, except number: Int) {
        for target in after.nodes where target.number != number {
            guard let old = before.nodes.first(where: { $0.number == target.number }) else {
                note("rings to node \(target.number): new", .restartWorker)
                continue
            }
            guard
                before.rings(into: old) != after.rings(into: target)
                    || before.ringSources(of: old) != after.ringSources(of: target)
            else { continue }
            note("rings to node \(target.number): laid out anew", .restartWorker)
        }
    }

    private func bytes(_ count: Int) -> String { ByteCount.format(count) }

    private func text(_ policy: RestartPolicy) -> String {
        "max \(policy.maximumRestarts) in \(policy.windowSeconds)s, backoff "
            + "\(policy.backoffMilliseconds)ms to \(policy.maximumBackoffMilliseconds)ms"
    }
}
