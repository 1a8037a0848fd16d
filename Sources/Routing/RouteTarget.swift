public import ControlProtocol

/// One way to a destination, as an operator writes it.
public struct RoutePath: Hashable, Sendable {
    /// The router to send to; nil: the destination itself is on the interface's network.
    public var nextHop: IPv4Address?
    /// The interface's name; nil: whatever interface or route leads to the next hop.
    public var interface: String?
    /// 1...255: the share of flows, relative to the other paths of the route.
    public var weight: Int

    /// Makes a path; next hop or interface must be given.
    public init(nextHop: IPv4Address?, interface: String?, weight: Int = 1) {
        self.nextHop = nextHop
        self.interface = interface
        self.weight = weight
    }
}

/// Where a static route leads.
public enum RouteTarget: Hashable, Sendable {
    /// One path, or several that share the flows by weight.
    case paths([RoutePath])
    /// Drop silently.
    case drop
    /// Drop and answer "network unreachable".
    case unreachable
    /// Drop and answer "communication administratively prohibited".
    case prohibited
    /// Take as addressed to this router.
    case local
}

extension RoutePath: CustomStringConvertible {
    /// As in `via 10.0.0.2 tap0 weight 2`.
    public var description: String {
        var words = ["via"]
        if let nextHop { words.append(nextHop.description) }
        if let interface { words.append(interface) }
        if weight != 1 { words.append("weight \(weight)") }
        return words.joined(separator: " ")
    }
}

extension RouteTarget: CustomStringConvertible {
    /// As in `via 10.0.0.2 tap0, via 10.0.1.2` or `drop`.
    public var description: String {
        switch self {
        case .paths(let paths): paths.map(\.description).joined(separator: ", ")
        case .drop: "drop"
        case .unreachable: "unreachable"
        case .prohibited: "prohibited"
        case .local: "local"
        }
    }
}

/// Who says that a prefix is there; where two do, the lower number is followed (the order is VPP's).
public enum RouteSource: UInt8, Comparable, Sendable, CaseIterable {
    /// An address of an interface that is up: its subnet, itself, the subnet's ends.
    case interface = 3
    /// The operator.
    case staticRoute = 0x81
    /// A neighbour whose Ethernet address is known.
    case neighbour = 0xD0

    /// Whether `left` is followed rather than `right`.
    public static func < (left: RouteSource, right: RouteSource) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The word that `show ip fib` uses.
    public var name: String {
        switch self {
        case .interface: "interface"
        case .staticRoute: "static"
        case .neighbour: "neighbour"
        }
    }
}

/// How much the routing table takes before it refuses.
public struct RoutingLimits: Hashable, Sendable {
    /// Static routes.
    public var routes: Int
    /// Adjacencies: distinct next hops, neighbours and interfaces together.
    public var adjacencies: Int
    /// Distinct sets of paths.
    public var pathSets: Int
    /// Neighbours.
    public var neighbours: Int

    /// The defaults are what a worker's tables are made for.
    public init(
        routes: Int = 1 << 22,
        adjacencies: Int = 1 << 16,
        pathSets: Int = 1 << 16,
        neighbours: Int = 50_000
    ) {
        self.routes = routes
        self.adjacencies = adjacencies
        self.pathSets = pathSets
        self.neighbours = neighbours
    }

    /// Adjacency indices stay below this: while a change is made, old and new ones exist side by side.
    public var adjacencyIndexBound: Int { 2 * adjacencies + IndexPool.delay }
    /// Path list indices stay below this.
    public var pathListIndexBound: Int { 2 * pathSets + IndexPool.delay }
}
