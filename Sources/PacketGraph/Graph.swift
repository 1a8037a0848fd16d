public import Coordination
public import PacketBuffers

/// Why a graph cannot be built.
public enum GraphError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Two nodes were added under one name.
    case duplicateNode(name: String)
    /// An exit leads to a name that no node has.
    case unknownTarget(node: String, exit: String, target: String)
    /// There are more nodes than `WorkerSegment.maximumNodes`.
    case tooManyNodes(limit: Int)
    /// The nodes have more drop reasons together than `WorkerSegment.maximumErrors`.
    case tooManyErrors(limit: Int)
    /// `error-drop`, where refused packets go, was not added.
    case noDropNode

    /// What the build put together wrongly, with the node's name.
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

/// The graph's description: which nodes there are, their exits and reasons.
///
/// Immutable once built. Nodes have the same indices on every lane and, because they are added in
/// the same order, in every worker of one build and configuration.
public struct GraphDescription: Sendable {
    /// A node's entry.
    public struct Entry: Sendable {
        /// The node's name, unique in the graph.
        public var name: String
        /// The names of the nodes that its exits lead to, in the order of the exits' numbers.
        public var targets: [String]
        /// What its exits are called in the source, in the same order.
        public var exits: [String]
        /// The texts of its drop reasons, in the order of their numbers.
        public var errors: [String]
        /// Those of `errors` that are no drops.
        public var informational: [String]
        /// The index of its first reason in the worker's table of all reasons.
        public var errorBase: Int
        /// Whether lanes poll it in every turn; no exit may lead to it then.
        public var isInput: Bool
    }

    /// The nodes in the order they were added, which is that of their indices.
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

    /// Starts a graph without nodes.
    public init() {}

    /// Adds a node.
    ///
    /// - Parameters:
    ///   - node: the lane's copy.
    ///   - name: instead of the type's name, for a type that is in the graph more than once.
    ///   - redirecting: where else this instance's exits lead, by the names of their targets.
    /// - Throws: `duplicateNode`, or that there are too many nodes or reasons.
    public mutating func add<Stage: Node>(
        _ node: Stage,
        name: String? = nil,
        redirecting: [String: String] = [:]
    ) throws(GraphError) {
        let exits = Stage.Next.self == NoExit.self ? [] : Array(Stage.Next.allCases)
        try description.add(
            name: name ?? Stage.name,
            targets: exits.map { redirecting[$0.target] ?? $0.target },
            exits: exits.map { "\($0)" },
            errors: Stage.errors,
            informational: Stage.informational,
            isInput: false
        )
        stages.append(.node(Runner<Stage>.self, place(node)))
    }

    /// Adds a node whose exits are known only now, such as a plugin's.
    ///
    /// - Parameters:
    ///   - runner: works on frames.
    ///   - state: what `runner` gets with each frame; the graph keeps it.
    ///   - name: unique in the graph.
    ///   - targets: the names of the nodes that its exits lead to, in the order of their numbers.
    ///   - errors: see `Node.errors`.
    ///   - informational: see `Node.informational`.
    /// - Throws: `duplicateNode`, or that there are too many nodes or reasons.
    public mutating func add(
        runner: any NodeRunner.Type,
        state: UnsafeMutableRawPointer,
        name: String,
        targets: [String],
        errors: [String] = [],
        informational: [String] = []
    ) throws(GraphError) {
        try description.add(
            name: name,
            targets: targets,
            exits: targets,
            errors: errors,
            informational: informational,
            isInput: false
        )
        stages.append(.node(runner, state))
    }

    /// Adds an input node; it is polled in every turn, in the order of adding.
    ///
    /// - Parameters:
    ///   - node: the lane's copy.
    ///   - name: instead of the type's name, for a type that is in the graph more than once.
    /// - Throws: `duplicateNode`, or that there are too many nodes or reasons.
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
    ///   - events: where calls are recorded while somebody traces them.
    ///   - tracing: where the lane writes what it sees of single packets; nil: it does not look at them.
    ///   - lane: the lane's number in its worker.
    /// - Returns: the lane's graph, its frames allocated.
    /// - Throws: `unknownTarget` for an exit that leads nowhere, `noDropNode`.
    public consuming func build(
        block: LaneBlock,
        pool: MbufPool,
        events: EventWriter = .none,
        tracing: TraceLane? = nil,
        lane: Int = 0
    ) throws(GraphError) -> LaneGraph {
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
        let tracer = UnsafeMutablePointer<LaneTracer>.allocate(capacity: 1)
        tracer.initialize(
            to: LaneTracer(area: tracing, lane: lane, graph: description, frameLimit: frameLimit)
        )
        let dispatcher = UnsafeMutablePointer<DispatcherState>.allocate(capacity: 1)
        dispatcher.initialize(
            to: DispatcherState(
                slots: slots,
                slotCount: stages.count,
                frameLimit: frameLimit,
                block: block,
                dropNode: UInt16(drop),
                pool: pool,
                events: events,
                tracer: tracer
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
