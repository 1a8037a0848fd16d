public import Coordination
public import PacketBuffers

/// Why a graph cannot be built.
public enum GraphError: Error, Hashable, Sendable, CustomStringConvertible {
    case duplicateNode(name: String)
    case unknownTarget(node: String, exit: String, target: String)
    case tooManyNodes(limit: Int)
    case tooManyErrors(limit: Int)
    case noDropNode

    /// The text for the operator.
    public var description: String {
        switch self {
        case .duplicateNode(let name): "graph node \(name) is registered twice"
        case .unknownTarget(let node, let exit, let target):
            "exit \(exit) of graph node \(node) leads to \(target), which is not in the graph"
        case .tooManyNodes(let limit): "more than \(limit) graph nodes"
        case .tooManyErrors(let limit): "more than \(limit) drop reasons"
        case .noDropNode: "the graph has no node error-drop"
        }
    }
}

/// The graph's description: which nodes there are, their exits and reasons. Immutable once built.
///
/// Nodes have the same indices on every lane and, because they are added in the same order, in every worker of
/// one build and configuration.
public struct GraphDescription: Sendable {
    /// A node's entry.
    public struct Entry: Sendable {
        /// The name.
        public var name: String
        /// The targets.
        public var targets: [String]
        /// The exits.
        public var exits: [String]
        /// The errors.
        public var errors: [String]
        /// Those of `errors` that are no drops.
        public var informational: [String]
        /// The error base.
        public var errorBase: Int
        /// The is input.
        public var isInput: Bool
    }

    /// The entries.
    public private(set) var entries: [Entry] = []

    /// An empty graph.
    public init() {}

    /// Adds a node and gives its index.
    mutating func add(
        name: String,
        targets: [String],
        exits: [String],
        errors: [String],
        informational: [String],
        isInput: Bool
    ) throws(GraphError) {
        guard !entries.contains(where: { $0.name == name }) else {
            throw .duplicateNode(name: name)
        }
        let base = entries.last.map { $0.errorBase + $0.errors.count } ?? 0
        guard entries.count < WorkerSegment.maximumNodes else {
            throw .tooManyNodes(limit: WorkerSegment.maximumNodes)
        }
        guard base + errors.count <= WorkerSegment.maximumErrors else {
            throw .tooManyErrors(limit: WorkerSegment.maximumErrors)
        }
        entries.append(
            Entry(
                name: name,
                targets: targets,
                exits: exits,
                errors: errors,
                informational: informational,
                errorBase: base,
                isInput: isInput
            )
        )
    }

    /// The index of a node by name.
    public func index(of name: String) -> Int? { entries.firstIndex { $0.name == name } }

    /// The graph index of every exit's target, node by node.
    ///
    /// - Throws: `GraphError.unknownTarget` for an exit that leads nowhere.
    public func wiring() throws(GraphError) -> [[UInt16]] {
        var result: [[UInt16]] = []
        for entry in entries {
            var row: [UInt16] = []
            for (exit, target) in zip(entry.exits, entry.targets) {
                guard let index = index(of: target) else {
                    throw .unknownTarget(node: entry.name, exit: exit, target: target)
                }
                row.append(UInt16(index))
            }
            result.append(row)
        }
        return result
    }

    /// The tables for the worker's segment.
    public var names: (nodes: [WorkerSegment.NodeName], errors: [WorkerSegment.ErrorName]) {
        let nodes = entries.map {
            WorkerSegment.NodeName(
                name: $0.name,
                errorBase: $0.errorBase,
                errorCount: $0.errors.count
            )
        }
        let errors = entries.enumerated().flatMap { index, entry in
            entry.errors.map {
                WorkerSegment.ErrorName(
                    node: index,
                    reason: $0,
                    isInformation: entry.informational.contains($0)
                )
            }
        }
        return (nodes, errors)
    }
}

/// A lane's graph: collects the nodes, then becomes the lane's dispatcher.
public struct GraphBuilder {
    /// What has been added.
    public private(set) var description = GraphDescription()
    private var stages: [Stage] = []

    private enum Stage {
        case node(any NodeRunner.Type, UnsafeMutableRawPointer)
        case input(any InputRunner.Type, UnsafeMutableRawPointer)
    }

    /// Makes a value of its parts.
    public init() {}

    /// Adds a node.
    ///
    /// - Parameters:
    ///   - node: the lane's copy.
    ///   - name: instead of the type's name, for a type that is in the graph more than once.
    public mutating func add<Stage: Node>(_ node: Stage, name: String? = nil) throws(GraphError) {
        let exits = Stage.Next.self == NoExit.self ? [] : Array(Stage.Next.allCases)
        try description.add(
            name: name ?? Stage.name,
            targets: exits.map(\.target),
            exits: exits.map { "\($0)" },
            errors: Stage.errors,
            informational: Stage.informational,
            isInput: false
        )
        stages.append(.node(Runner<Stage>.self, place(node)))
    }

    /// Adds an input node; it is polled in every turn, in the order of adding.
    public mutating func addInput<Stage: InputNode>(
        _ node: Stage,
        name: String? = nil
    ) throws(GraphError) {
        let exits = Array(Stage.Next.allCases)
        try description.add(
            name: name ?? Stage.name,
            targets: exits.map(\.target),
            exits: exits.map { "\($0)" },
            errors: Stage.errors,
            informational: Stage.informational,
            isInput: true
        )
        stages.append(.input(Poller<Stage>.self, place(node)))
    }

    private func place<Stage>(_ node: Stage) -> UnsafeMutableRawPointer {
        let state = UnsafeMutablePointer<Stage>.allocate(capacity: 1)
        state.initialize(to: node)
        return UnsafeMutableRawPointer(state)
    }

    /// Wires the graph.
    ///
    /// - Parameters:
    ///   - block: the lane's counters.
    ///   - pool: where packets go that find no frame.
    public consuming func build(block: LaneBlock, pool: MbufPool) throws(GraphError) -> LaneGraph {
        let wiring = try description.wiring()
        guard let drop = description.index(of: "error-drop") else { throw .noDropNode }
        let slots = UnsafeMutablePointer<NodeSlot>.allocate(capacity: stages.count)
        var inputs: [LaneGraph.Input] = []
        for (index, stage) in stages.enumerated() {
            let row = UnsafeMutablePointer<UInt16>.allocate(capacity: max(1, wiring[index].count))
            row.initialize(repeating: UInt16(drop), count: max(1, wiring[index].count))
            for (exit, target) in wiring[index].enumerated() { row[exit] = target }
            let base = UInt16(description.entries[index].errorBase)
            switch stage {
            case .node(let runner, let state):
                (slots + index).initialize(
                    to: NodeSlot(
                        runner: runner,
                        state: state,
                        wiring: row,
                        exitCount: UInt16(wiring[index].count),
                        errorBase: base,
                        openFrame: -1
                    )
                )
            case .input(let runner, let state):
                (slots + index).initialize(
                    to: NodeSlot(
                        runner: UnreachableRunner.self,
                        state: state,
                        wiring: row,
                        exitCount: 0,
                        errorBase: base,
                        openFrame: -1
                    )
                )
                inputs.append(LaneGraph.Input(runner: runner, node: UInt16(index)))
            }
        }
        let frameLimit = 256
        let dispatcher = UnsafeMutablePointer<DispatcherState>.allocate(capacity: 1)
        dispatcher.initialize(
            to: DispatcherState(
                slots: slots,
                slotCount: stages.count,
                frameLimit: frameLimit,
                block: block,
                dropNode: UInt16(drop),
                pool: pool
            )
        )
        return LaneGraph(dispatcher: dispatcher, inputs: inputs)
    }
}

/// Stands in the slot of an input node, to which no exit may lead.
private enum UnreachableRunner: NodeRunner {
    static func run(_ call: NodeCall) {
        preconditionFailure("a packet was sent to an input node")
    }
}
