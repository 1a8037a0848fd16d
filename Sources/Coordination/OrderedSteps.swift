/// A step with a name, and what must run before and after it.
public struct OrderedStep: Hashable, Sendable {
    /// Unique among those that are sorted together.
    public var name: String
    /// The steps that this one runs before; one that is not there is passed over.
    public var runsBefore: [String]
    /// The steps that this one runs after; one that is not there is passed over.
    public var runsAfter: [String]
    /// Steps that run one after the other, whoever they are.
    public var order: [String]

    /// Makes a step; without more said it may run at any place.
    public init(
        _ name: String,
        runsBefore: [String] = [],
        runsAfter: [String] = [],
        order: [String] = []
    ) {
        self.name = name
        self.runsBefore = runsBefore
        self.runsAfter = runsAfter
        self.order = order
    }
}

/// Steps that cannot be put into an order.
public enum StepOrderError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Each of these must run before the next, and the last before the first.
    case cycle([String])
    /// Two steps have one name.
    case duplicate(String)

    /// What contradicts what.
    public var description: String {
        switch self {
        case .cycle(let names):
            "ordering constraints form a cycle: "
                + (names + names.prefix(1)).joined(separator: " -> ")
        case .duplicate(let name): "\(name) is registered twice"
        }
    }
}

extension Array where Element == OrderedStep {
    /// An order that keeps all constraints; among steps that are free, the one that was registered first.
    ///
    /// - Returns: positions in this array, in the order to run them.
    /// - Throws: `StepOrderError`.
    public func sortedByConstraints() throws(StepOrderError) -> [Int] {
        var position: [String: Int] = [:]
        for (index, step) in enumerated() {
            guard position.updateValue(index, forKey: step.name) == nil else {
                throw .duplicate(step.name)
            }
        }
        var predecessors = [Set<Int>](repeating: [], count: count)
        for (index, step) in enumerated() {
            for name in step.runsAfter {
                if let other = position[name] { predecessors[index].insert(other) }
            }
            for name in step.runsBefore {
                if let other = position[name] { predecessors[other].insert(index) }
            }
            let chain = step.order.compactMap { position[$0] }
            for (first, second) in zip(chain, chain.dropFirst()) {
                predecessors[second].insert(first)
            }
        }
        var order: [Int] = []
        var isDone = [Bool](repeating: false, count: count)
        while order.count < count {
            let next = indices.first { index in
                !isDone[index] && predecessors[index].allSatisfy { isDone[$0] }
            }
            guard let next else { throw .cycle(cycle(predecessors, isDone)) }
            isDone[next] = true
            order.append(next)
        }
        return order
    }

    /// Walks back from a step that cannot run until one comes up again.
    private func cycle(_ predecessors: [Set<Int>], _ isDone: [Bool]) -> [String] {
        var path: [Int] = []
        var next = isDone.firstIndex(of: false)
        while let current = next {
            if let start = path.firstIndex(of: current) {
                return path[start...].reversed().map { self[$0].name }
            }
            path.append(current)
            next = predecessors[current].filter { !isDone[$0] }.min()
        }
        return path.map { self[$0].name }
    }
}
