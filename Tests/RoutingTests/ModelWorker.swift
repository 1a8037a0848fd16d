import ControlProtocol

/// What a worker makes of the changes that it is told, at its plainest; it notes what it should not
/// have been told.
struct ModelWorker {
    struct Prefix: Hashable {
        var bits: UInt32
        var length: UInt8
    }

    private(set) var interfaces: [UInt16: InterfaceRecord] = [:]
    private(set) var adjacencies: [UInt32: AdjacencyRecord] = [:]
    private(set) var pathLists: [UInt32: [UInt32]] = [:]
    private(set) var routes: [Prefix: Leaf] = [:]
    private(set) var problems: [String] = []
    /// Addresses that are followed as the forwarding table would: by the length of what was written
    /// last.
    let probes: [UInt32]
    private(set) var answers: [(leaf: Leaf, length: UInt8)]

    init(probes: [UInt32] = []) {
        self.probes = probes
        answers = Array(repeating: (.noRoute, 0), count: probes.count)
    }

    mutating func apply(_ changes: [ForwardingChange]) {
        for change in changes {
            switch change {
            case .interface(let record): interfaces[record.index] = record
            case .adjacency(let index, let record):
                if index == 0 { problems.append("adjacency 0 was set") }
                adjacencies[index] = record
            case .adjacencyRemoved(let index):
                if adjacencies.removeValue(forKey: index) == nil {
                    problems.append("adjacency \(index) removed, but not there")
                }
            case .pathList(let index, let buckets):
                if !(2...64).contains(buckets.count) || buckets.count & (buckets.count - 1) != 0 {
                    problems.append("path list of \(buckets.count) buckets")
                }
                pathLists[index] = buckets
            case .pathListRemoved(let index):
                if pathLists.removeValue(forKey: index) == nil {
                    problems.append("path list \(index) removed, but not there")
                }
            case .routes(let list): list.forEach { insert($0) }
            case .routesRemoved(let list): list.forEach { remove($0) }
            case .plugin: break
            }
        }
        checkReferences()
    }

    private mutating func insert(_ route: Route) {
        if !exists(route.leaf) { problems.append("route \(route) leads nowhere") }
        routes[Prefix(bits: route.prefix, length: route.length)] = route.leaf
        let mask = IPv4Address.mask(length: Int(route.length))
        for index in probes.indices
        where probes[index] & mask == route.prefix && answers[index].length <= route.length {
            answers[index] = (route.leaf, route.length)
        }
    }

    private mutating func remove(_ route: RemovedRoute) {
        if routes.removeValue(forKey: Prefix(bits: route.prefix, length: route.length)) == nil {
            problems.append("\(route) removed, but not there")
        }
        let mask = IPv4Address.mask(length: Int(route.length))
        for index in probes.indices
        where probes[index] & mask == route.prefix && answers[index].length == route.length {
            answers[index] = (route.coverLeaf, route.coverLength)
        }
    }

    private func exists(_ leaf: Leaf) -> Bool {
        leaf.rawValue & Leaf.isPathListBit == 0
            ? adjacencies[leaf.rawValue] != nil
            : pathLists[leaf.rawValue & ~Leaf.isPathListBit] != nil
    }

    /// At the end of an entry nothing leads to what is gone.
    private mutating func checkReferences() {
        for (prefix, leaf) in routes where !exists(leaf) {
            problems.append("route \(prefix) leads to \(leaf), which is gone")
        }
        for (index, buckets) in pathLists {
            for bucket in buckets where adjacencies[bucket] == nil {
                problems.append("path list \(index) has adjacency \(bucket), which is gone")
            }
        }
    }

    /// The adjacencies that a packet to `probes[index]` may take, with their buckets; empty: no
    /// route.
    func forwarding(_ index: Int) -> [AdjacencyRecord: Int] {
        records(of: answers[index].leaf)
    }

    func records(of leaf: Leaf) -> [AdjacencyRecord: Int] {
        if leaf == .noRoute { return [:] }
        guard leaf.rawValue & Leaf.isPathListBit != 0 else {
            return adjacencies[leaf.rawValue].map { [$0: 1] } ?? [:]
        }
        var counts: [AdjacencyRecord: Int] = [:]
        for bucket in pathLists[leaf.rawValue & ~Leaf.isPathListBit] ?? [] {
            if let record = adjacencies[bucket] { counts[record, default: 0] += 1 }
        }
        return counts
    }

    /// Whether every prefix leads to the same adjacencies in both, under whatever numbers.
    func forwardsLike(_ other: ModelWorker) -> Bool {
        guard routes.count == other.routes.count, interfaces == other.interfaces else {
            return false
        }
        return routes.allSatisfy { prefix, leaf in
            guard let theirs = other.routes[prefix] else { return false }
            return shares(records(of: leaf)) == shares(other.records(of: theirs))
        }
    }

    private func shares(_ counts: [AdjacencyRecord: Int]) -> [AdjacencyRecord: Double] {
        let total = Double(counts.values.reduce(0, +))
        return counts.mapValues { Double($0) / total }
    }
}
