public import ControlProtocol

/// The supervisor's routing table: interfaces, static routes, neighbours, and what follows from them.
///
/// Each change is checked, made whole or not at all, and answered with what workers must be told. A static route
/// names a path set that it shares with all routes of the same paths, so a million routes cost 16 MB and one
/// resolution. A route whose paths do not resolve stays here and is not forwarded; when its next hop comes
/// up, it is.
///
/// It is a value. Copies share their tables until one is changed; a copy that outlives the next change makes
/// that change copy what it touches, up to 16 MB with a million routes.
public struct RoutingState: Sendable {
    /// How much is taken.
    public let limits: RoutingLimits

    var interfaces: [UInt16: InterfaceRecord] = [:]
    var neighbours: [NeighbourKey: NeighbourEntry] = [:]
    /// Static routes: the number is the path set's, plus one.
    var statics = PrefixTable()
    /// Routes of the interfaces that are up: the number is the adjacency's.
    var connected = PrefixTable()
    /// Host routes of neighbours on connected subnets: the number is the adjacency's.
    var hosts = PrefixTable()
    var paths = PathSetTable()
    var adjacencies: AdjacencyTable
    var pathLists: PathListTable
    /// Next hops that lead to other static routes.
    var recursiveHops: Set<Int> = []
    /// Of no use but to keep the compiler from leaving out the reads in `warm`.
    var warmth: UInt64 = 0
    /// How to take the last change back.
    var undo = RoutingUndo()

    /// Makes an empty table.
    ///
    /// - Parameters:
    ///   - limits: how much is taken.
    ///   - used: what workers have from somebody else; no index of it is given out until `adoptFormerIndices()`.
    public init(limits: RoutingLimits = RoutingLimits(), avoiding used: UsedIndices = UsedIndices())
    {
        self.limits = limits
        adjacencies = AdjacencyTable(avoiding: used.adjacencies)
        pathLists = PathListTable(avoiding: used.pathLists)
    }

    /// Gives out again what `init` was told to avoid; workers have it no more.
    public mutating func adoptFormerIndices() {
        adjacencies.adoptForeign()
        pathLists.adoptForeign()
    }

    /// The number of static routes, forwarded or not.
    public var staticRouteCount: Int { statics.count }

    /// Takes out how to take the last change back, for `apply(_:)`.
    public mutating func takeUndo() -> RoutingUndo {
        defer { undo = RoutingUndo() }
        return undo
    }

    /// Sets things back to how they were before a change.
    ///
    /// If nothing was changed since, it cannot fail. The indices of adjacencies and path lists may come out
    /// differently.
    ///
    /// - Parameter undo: from `takeUndo()` after that change.
    /// - Returns: what workers must be told; one that refused the change half-way gets there too.
    /// - Throws: what a later change made impossible.
    public mutating func apply(_ undo: RoutingUndo) throws(RoutingError) -> [ForwardingChange] {
        for record in undo.interfaces {
            if let record { try check(record) }
        }
        begin()
        let sets = undo.targets.map { target -> UInt32 in
            target.map { UInt32(paths.intern(recipe: $0)) + 1 } ?? 0
        }
        var touched: [TouchedPrefix] = []
        for key in undo.neighbours.keys.sorted() {
            touched += replaceNeighbour(key, with: undo.neighbours[key] ?? nil)
        }
        var changed: [ForwardingChange] = []
        var indices: Set<UInt16> = []
        for (index, record) in zip(undo.interfaceIndices, undo.interfaces) {
            let step = replaceInterface(index, with: record)
            touched += step.touched
            changed += step.changes
            indices.insert(index)
        }
        touched += assign(
            undo.routes.map { RouteEdit($0.prefix, Int($0.length), set: sets[Int($0.target)]) }
        )
        return settle(touched, interfaces: indices, first: changed)
    }

    /// Starts a change.
    mutating func begin() { undo = RoutingUndo() }

    /// Throws away what a refused change has prepared.
    mutating func abandon() {
        finishPaths()
        _ = adjacencies.finish()
        _ = pathLists.finish()
    }

    mutating func finishPaths() {
        var released: [PathSet] = []
        paths.finish { released.append($0) }
        for set in released {
            for index in set.adjacencies { adjacencies.release(index) }
            if let list = set.pathList { pathLists.release(list) }
        }
    }
}

/// Indices that workers know.
public struct UsedIndices: Hashable, Sendable {
    /// Of adjacencies.
    public var adjacencies: Set<UInt32> = []
    /// Of path lists.
    public var pathLists: Set<UInt32> = []

    /// None.
    public init() {}

    /// Changes that take all of them from a worker.
    public var removals: [ForwardingChange] {
        pathLists.sorted().map { .pathListRemoved(index: $0) }
            + adjacencies.sorted().map { .adjacencyRemoved(index: $0) }
    }
}

/// How to take a change back: what was before, for all that it touched.
///
/// A worker that could not take a change (its heap is full) is brought back together with the others: the
/// supervisor applies this and sends every worker the result.
public struct RoutingUndo: Sendable {
    struct Route: Sendable {
        var prefix: UInt32
        var target: UInt32
        var length: UInt8
    }

    var interfaceIndices: [UInt16] = []
    var interfaces: [InterfaceRecord?] = []
    var neighbours: [NeighbourKey: NeighbourEntry?] = [:]
    /// Recipes of path sets; nil: no route.
    var targets: [PathSetRecipe?] = []
    var routes: [Route] = []

    /// Makes one that changes nothing.
    public init() {}

    /// Whether there is nothing to take back.
    public var isEmpty: Bool { interfaceIndices.isEmpty && neighbours.isEmpty && routes.isEmpty }
}

/// A prefix whose forwarding may change, and its leaf before.
struct TouchedPrefix {
    var prefix: UInt32
    var length: UInt8
    var old: Leaf?
}
