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

    /// What has an index.
    var indexed: [ForwardingChange] {
        interfaces.values.map { .interface($0) }
            + adjacencies.map { .adjacency(index: $0.key, $0.value) }
            + pathLists.map { .pathList(index: $0.key, buckets: $0.value) }
    }

    private func key(_ prefix: UInt32, _ length: UInt8) -> UInt64 {
        UInt64(prefix) << 8 | UInt64(length)
    }

    /// What a leaf leads to; an index by itself means nothing.
    private func value(of leaf: Leaf) -> UInt64 {
        guard leaf.rawValue & Leaf.isPathListBit != 0 else {
            return adjacencies[leaf.rawValue].map { value(of: $0) } ?? 1
        }
        let buckets = pathLists[leaf.rawValue & ~Leaf.isPathListBit] ?? []
        return buckets.reduce(2) { $0 &* 31 &+ (adjacencies[$1].map { value(of: $0) } ?? 1) }
    }

    private func value(of record: AdjacencyRecord) -> UInt64 {
        record.destination.bits &* 7 &+ UInt64(record.nextHop) << 16
            &+ UInt64(record.interface) << 8 &+ UInt64(record.kind.rawValue)
    }

    /// The same for the same tables, whatever way they came about.
    var digest: String {
        let up = interfaces.values.filter(\.isUp).map(\.name).sorted().joined(separator: ",")
        let neighbours = adjacencies.values.filter { $0.kind == .rewrite }.count
        var sum: UInt64 = 0
        for (key, leaf) in routes { sum &+= (key &* 0x9E37_79B9_7F4A_7C15) ^ value(of: leaf) }
        for record in adjacencies.values { sum &+= value(of: record) &* 0xD6E8_FEB8_6659_FD93 }
        return "up=\(up) neighbours=\(neighbours) routes=\(routes.count) sum=\(sum)"
    }
}
