public import ControlProtocol

/// Why the routing table refuses a change, in words for the operator; nothing was changed.
public enum RoutingError: Error, Hashable, Sendable {
    case noSuchInterface(name: String)
    case noSuchInterfaceIndex(UInt16)
    case invalidInterface(name: String, reason: String)
    case invalidAddress(InterfaceAddress, reason: String)
    case addressOverlaps(InterfaceAddress, with: InterfaceAddress, interface: String)
    case addressExists(InterfaceAddress, interface: String)
    case noSuchAddress(InterfaceAddress, interface: String)
    case tooManyAddresses(interface: String, limit: Int)
    case noSuchRoute(IPv4Prefix)
    case noSuchPath(IPv4Prefix, path: String)
    case emptyTarget
    case invalidPath(path: String, reason: String)
    case tooManyPaths(count: Int, limit: Int)
    case tooManyRoutes(limit: Int)
    case tooManyAdjacencies(limit: Int)
    case tooManyPathSets(limit: Int)
    case invalidNeighbour(IPv4Address, reason: String)
    case noSuchNeighbour(IPv4Address, interface: String)
    case tooManyNeighbours(limit: Int)
}

extension RoutingError: CustomStringConvertible {
    /// What is wrong and what to change.
    public var description: String {
        switch self {
        case .noSuchInterface(let name): "there is no interface \(name); see `show interface`"
        case .noSuchInterfaceIndex(let index): "there is no interface with index \(index)"
        case .invalidInterface(let name, let reason): "interface \(name): \(reason)"
        case .invalidAddress(let address, let reason): "address \(address.text): \(reason)"
        case .addressOverlaps(let address, let other, let interface):
            "address \(address.text) overlaps with \(other.text) of interface \(interface)"
        case .addressExists(let address, let interface):
            "interface \(interface) has the address \(address.text) already"
        case .noSuchAddress(let address, let interface):
            "interface \(interface) has no address \(address.text)"
        case .tooManyAddresses(let interface, let limit):
            "interface \(interface) would have more than \(limit) addresses"
        case .noSuchRoute(let prefix): "there is no static route \(prefix)"
        case .noSuchPath(let prefix, let path): "the static route \(prefix) has no path \(path)"
        case .emptyTarget: "a route needs a path: `via` a next hop, an interface or both"
        case .invalidPath(let path, let reason): "path \(path): \(reason)"
        case .tooManyPaths(let count, let limit): "\(count) paths; a route has at most \(limit)"
        case .tooManyRoutes, .tooManyAdjacencies, .tooManyPathSets, .tooManyNeighbours: limitText
        case .invalidNeighbour(let address, let reason): "neighbour \(address): \(reason)"
        case .noSuchNeighbour(let address, let interface):
            "interface \(interface) has no neighbour \(address)"
        }
    }

    private var limitText: String {
        switch self {
        case .tooManyRoutes(let limit): "more than \(limit) static routes; take some out first"
        case .tooManyAdjacencies(let limit):
            "more than \(limit) next hops and neighbours; take some out first"
        case .tooManyPathSets(let limit):
            "more than \(limit) different sets of paths; take some out first"
        case .tooManyNeighbours(let limit): "more than \(limit) neighbours; take some out first"
        default: ""
        }
    }
}

extension InterfaceAddress {
    /// `a.b.c.d/len`.
    var text: String { "\(IPv4Address(bits: address))/\(prefixLength)" }

    /// The subnet that the address is in.
    var subnet: IPv4Prefix {
        IPv4Prefix(address: IPv4Address(bits: address), length: Int(prefixLength))
    }
}
