internal import CausewayConfiguration
internal import ControlProtocol

/// How a running dataplane gets from its placement to another one, a node at a time.
struct ApplyPlan: Sendable {
    /// What is done to a node.
    enum Way: String, Hashable, Sendable, Encodable, Comparable {
        /// Nothing.
        case keep
        /// New values count from now on.
        case adjust
        /// A planned restart of the worker.
        case planned
        /// Keeper and worker are replaced.
        case whole

        static func < (left: Way, right: Way) -> Bool { left.weight < right.weight }

        private var weight: Int {
            switch self {
            case .keep: 0
            case .adjust: 1
            case .planned: 2
            case .whole: 3
            }
        }
    }

    /// What is done to one node, and why.
    struct Step: Hashable, Sendable {
        var number: Int
        var way: Way
        var reasons: [String]
    }

    /// What runs afterwards; interfaces that stay keep their indices.
    let placement: Placement
    /// In the order in which they are done: what disturbs nobody first.
    let steps: [Step]
    /// Whether the rings between the nodes are laid out anew, so that every node is an end of one.
    let changesRings: Bool

    var isChange: Bool { steps.contains { $0.way != .keep } }

    /// Plans a change.
    ///
    /// - Parameters:
    ///   - old: what runs.
    ///   - new: what is wanted, with the indices of a start.
    /// - Throws: `ChangeError` for what needs a start of everything.
    init(from old: Placement, to new: Placement) throws(ChangeError) {
        try Self.refuse(old, new)
        let placement = new.keepingIndices(of: old)
        let lengths = old.nodes.map(\.ringForm)
        let changesRings = old.nodes.count > 1 && lengths != placement.nodes.map(\.ringForm)
        let difference = PlacementDifference(from: old, to: placement)
        let steps = difference.nodes.map { node in
            let before = old.nodes.first { $0.number == node.number }
            let after = placement.nodes.first { $0.number == node.number }
            let keepsLanes = before?.lanes.count == after?.lanes.count
            let way: Way =
                switch node.action {
                case _ where changesRings: .whole
                case .keep: .keep
                case .adjust: .adjust
                case .restartWorker: keepsLanes ? .planned : .whole
                case .restartNode, .start, .stop: .whole
                }
            return Step(
                number: node.number,
                way: way,
                reasons: node.reasons.isEmpty && way == .whole
                    ? ["rings between the nodes: laid out anew"] : node.reasons
            )
        }
        self.placement = placement
        self.changesRings = changesRings
        self.steps = steps.sorted { ($0.way, $0.number) < ($1.way, $1.number) }
    }

    /// What only a start of everything can change.
    private static func refuse(_ old: Placement, _ new: Placement) throws(ChangeError) {
        var reasons: [String] = []
        let (before, after) = (old.nodes.map(\.number), new.nodes.map(\.number))
        for number in after where !before.contains(number) {
            reasons.append("node \(number) is new")
        }
        for number in before where !after.contains(number) {
            reasons.append("node \(number) is no longer placed")
        }
        if old.housekeeping != new.housekeeping {
            reasons.append(
                "housekeeping: \(list(old.housekeeping)) -> \(list(new.housekeeping)), to which the "
                    + "supervisor binds itself at its start"
            )
        }
        for node in old.nodes where after.contains(node.number) {
            for port in node.ports {
                let place = new.nodes.first { $0.ports.contains { $0.name == port.name } }
                if place == nil { reasons.append("port \(port.name) is taken out") }
                if let place, place.number != node.number {
                    reasons.append("port \(port.name) moves to node \(place.number)")
                }
            }
        }
        guard reasons.isEmpty else {
            throw ChangeError(
                "this needs a start of everything: \(reasons.joined(separator: "; ")). Nothing was "
                    + "changed; stop Causeway and start it with that file"
            )
        }
    }

    private static func list(_ numbers: [Int]) -> String {
        numbers.map(String.init).joined(separator: ",")
    }
}

extension NodePlacement {
    /// What the rings into a node and from it depend on.
    fileprivate var ringForm: [Int] { [lanes.count, handoffRingCells, hugepageBytes] }
}

extension Placement {
    /// The same placement, whose interfaces have the indices that those of the same name have in another.
    ///
    /// Interfaces that are new get the lowest ones that are free.
    func keepingIndices(of old: Placement) -> Placement {
        let known = Dictionary(
            old.ports.map { ($0.name, $0.interfaceIndex) },
            uniquingKeysWith: { first, _ in first }
        )
        var taken = Set(known.values)
        var result = self
        for node in result.nodes.indices {
            for port in result.nodes[node].ports.indices {
                let name = result.nodes[node].ports[port].name
                let index = known[name] ?? (1...).first { !taken.contains($0) } ?? 1
                taken.insert(index)
                result.nodes[node].ports[port].interfaceIndex = index
            }
        }
        return result
    }
}
