public import ControlProtocol

public struct RoutingError: Error, CustomStringConvertible {
    public var description: String
}

public enum RouteTarget: Hashable, Sendable {
    case drop
}

public struct RoutingState: Sendable {
    var routes: [IPv4Prefix: RouteTarget] = [:]
    public private(set) var interfaces: [UInt16: InterfaceRecord] = [:]
    public init() {}

    public mutating func set(_ interface: InterfaceRecord) -> [ForwardingChange] {
        interfaces[interface.index] = interface
        return [.interface(interface)]
    }

    public mutating func add(_ prefixes: [IPv4Prefix], _ target: RouteTarget) -> [ForwardingChange] {
        for prefix in prefixes { routes[prefix] = target }
        return [
            .routes(
                prefixes.map {
                    Route(
                        prefix: $0.address.bits, length: UInt8($0.length), leaf: Leaf(adjacency: 1))
                })
        ]
    }

    public mutating func remove(
        _ prefixes: [IPv4Prefix]
    ) throws(RoutingError) -> [ForwardingChange] {
        for prefix in prefixes where routes[prefix] == nil {
            throw RoutingError(description: "no route \(prefix)")
        }
        for prefix in prefixes { routes[prefix] = nil }
        return [
            .routesRemoved(
                prefixes.map {
                    RemovedRoute(
                        prefix: $0.address.bits, length: UInt8($0.length), coverLength: 0,
                        coverLeaf: .noRoute)
                })
        ]
    }

    public func snapshot() -> [ForwardingChange] {
        interfaces.values.sorted { $0.index < $1.index }.map { .interface($0) }
            + [
                .routes(
                    routes.keys.map {
                        Route(
                            prefix: $0.address.bits, length: UInt8($0.length),
                            leaf: Leaf(adjacency: 1))
                    })
            ]
    }

    public static func chunks(of changes: [ForwardingChange], maximumBytes: Int) -> [[UInt8]] {
        changes.flatMap { change -> [[UInt8]] in
            guard case .routes(let routes) = change else { return [[UInt8](repeating: 1, count: 100)] }
            return stride(from: 0, to: max(routes.count, 1), by: 6000).map {
                [UInt8](repeating: 2, count: (min(routes.count, $0 + 6000) - $0) * 9)
            }
        }
    }
}
