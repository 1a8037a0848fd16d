import ControlProtocol

/// What a worker was told to forward by, to be compared with what another was told.
struct FakeTables {
    private var interfaces: [UInt16: InterfaceRecord] = [:]
    private var adjacencies: [UInt32: AdjacencyRecord] = [:]
    private var pathLists: [UInt32: [UInt32]] = [:]
    private var routes: [UInt64: Leaf] = [:]

    mutating func apply(_ change: ForwardingChange) {
        switch change {
        case .interface(let record): interfaces[record.index] = record
        case .adjacency(let index, let record): adjacencies[index] = record
        case .adjacencyRemoved(let index): adjacencies[index] = nil
        case .pathList(let index, let buckets): pathLists[index] = buckets
        case .pathListRemoved(let index): pathLists[index] = nil
        case .routes(let new):
            for route in new { routes[key(route.prefix, route.length)] = route.leaf }
        case .routesRemoved(let old):
            for route in old { routes[key(route.prefix, route.length)] = nil }
        case .plugin: break
        }
    }

    private func key(_ prefix: UInt32, _ length: UInt8) -> UInt64 {
        UInt64(prefix) << 8 | UInt64(length)
    }

    /// The same for the same tables, whatever way they came about.
    var digest: String {
        let up = interfaces.values.filter(\.isUp).map(\.name).sorted().joined(separator: ",")
        let neighbours = adjacencies.values.filter { $0.kind == .rewrite }.count
        var sum: UInt64 = 0
        for (key, leaf) in routes { sum &+= (key &* 0x9E37_79B9_7F4A_7C15) ^ UInt64(leaf.rawValue) }
        for (index, record) in adjacencies {
            sum &+=
                UInt64(index) &* 0xD6E8_FEB8_6659_FD93 &+ record.destination.bits
                &+ UInt64(record.nextHop) << 16
        }
        return "up=\(up) neighbours=\(neighbours) routes=\(routes.count) sum=\(sum)"
    }
}
