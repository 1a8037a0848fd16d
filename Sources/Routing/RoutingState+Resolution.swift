internal import ControlProtocol

/// How deep a route may lead to a route that leads to a route.
private let maximumDepth = 8
/// How many path sets one resolution may visit: ECMP over ECMP multiplies.
private let maximumVisits = 4096

extension RoutingState {
    /// What a worker forwards a prefix by; nil: nothing.
    func leaf(_ prefix: UInt32, _ length: Int) -> Leaf? {
        let own = connected.value(prefix, length)
        if own != 0 { return Leaf(adjacency: own) }
        let set = statics.value(prefix, length)
        if set != 0, let leaf = paths.sets[Int(set) - 1].leaf { return leaf }
        let host = length == 32 ? hosts.value(prefix, 32) : 0
        return host == 0 ? nil : Leaf(adjacency: host)
    }

    /// The longest forwarded prefix shorter than `length` that covers `prefix`.
    func cover(of prefix: UInt32, below length: Int) -> (length: Int, leaf: Leaf)? {
        var candidates =
            (statics.lengths | connected.lengths) & ((1 << UInt64(length)) &- 1)
        while candidates != 0 {
            let shorter = 63 - candidates.leadingZeroBitCount
            if let leaf = leaf(prefix & IPv4Address.mask(length: shorter), shorter) {
                return (shorter, leaf)
            }
            candidates &= ~(1 << UInt64(shorter))
        }
        return nil
    }

    /// Where a next hop leads as things stand.
    ///
    /// Without an interface it follows the longest prefix of the table, whether that resolves or not: so
    /// the outcome never depends on the order of changes.
    func resolve(_ key: HopKey) -> Resolution {
        if key.interface != 0 {
            guard let record = interfaces[key.interface], record.isUp, !record.addresses.isEmpty
            else { return .unresolved }
            return .adjacency(
                key.nextHop == 0
                    ? AdjacencyKey(kind: .glean, interface: key.interface)
                    : AdjacencyKey(
                        kind: .nextHop,
                        interface: key.interface,
                        nextHop: key.nextHop
                    )
            )
        }
        var lengths = statics.lengths | connected.lengths | hosts.lengths
        while lengths != 0 {
            let length = 63 - lengths.leadingZeroBitCount
            lengths &= ~(1 << UInt64(length))
            let prefix = key.nextHop & IPv4Address.mask(length: length)
            let own = connected.value(prefix, length)
            if own != 0 {
                let owner = adjacencies.entries[Int(own)].key
                guard owner.kind == .glean else { return .unresolved }
                return .adjacency(
                    AdjacencyKey(
                        kind: .nextHop,
                        interface: owner.interface,
                        nextHop: key.nextHop
                    )
                )
            }
            let set = statics.value(prefix, length)
            if set != 0 { return .recursive(pathSet: Int(set) - 1) }
            let host = length == 32 ? hosts.value(prefix, 32) : 0
            if host != 0 { return .adjacency(adjacencies.entries[Int(host)].key) }
        }
        return .unresolved
    }

    /// Resolves a path set again and moves its leaf.
    mutating func refresh(_ id: Int) {
        var visits = 0
        var stack: [Int] = []
        let shares = flatten(id, stack: &stack, visits: &visits)
        var ordered = shares.sorted { $0.key < $1.key }
        if ordered.count > PathList.maximumBuckets {
            ordered = Array(
                ordered.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                    .prefix(PathList.maximumBuckets)
            )
        }
        let held = paths.sets[id].adjacencies
        var indices: [UInt32] = []
        for share in ordered {
            let record = record(for: share.key)
            indices.append(adjacencies.acquire(share.key, record))
        }
        paths.sets[id].adjacencies = indices
        paths.sets[id].leaf = leaf(of: id, indices: indices, weights: ordered.map(\.value))
        for index in held { adjacencies.release(index) }
    }

    /// A single path leads to its adjacency; several keep a path list as long as one of them is resolved, so
    /// that a path that comes or goes changes the list and none of the routes.
    private mutating func leaf(of id: Int, indices: [UInt32], weights: [Double]) -> Leaf? {
        let list = paths.sets[id].pathList
        guard let first = indices.first else {
            if let list { pathLists.release(list) }
            paths.sets[id].pathList = nil
            return nil
        }
        var isGroup = indices.count > 1 || list != nil
        if case .hops(let hops) = paths.sets[id].members, hops.count > 1 { isGroup = true }
        guard isGroup else { return Leaf(adjacency: first) }
        var buckets: [UInt32] = [first, first]
        if indices.count > 1 {
            let counts = PathBuckets.counts(weights: weights)
            buckets = zip(indices, counts).flatMap { Array(repeating: $0, count: $1) }
        }
        let index = list ?? pathLists.make()
        paths.sets[id].pathList = index
        pathLists.set(index, to: buckets)
        return Leaf(pathList: index)
    }

    /// The adjacencies that a path set leads to, each with its share.
    private func flatten(
        _ id: Int,
        stack: inout [Int],
        visits: inout Int
    ) -> [AdjacencyKey: Double] {
        visits += 1
        guard visits <= maximumVisits, stack.count < maximumDepth, !stack.contains(id) else {
            return [:]
        }
        guard case .hops(let members) = paths.sets[id].members else {
            guard case .special(let kind) = paths.sets[id].members else { return [:] }
            return [AdjacencyKey(kind: kind): 1]
        }
        stack.append(id)
        defer { stack.removeLast() }
        var shares: [AdjacencyKey: Double] = [:]
        for member in members {
            let weight = Double(member.weight)
            switch paths.hops[member.hop].resolution {
            case .unresolved: break
            case .adjacency(let key): shares[key, default: 0] += weight
            case .recursive(let via):
                let inner = flatten(via, stack: &stack, visits: &visits)
                let total = inner.values.reduce(0, +)
                for (key, share) in inner { shares[key, default: 0] += weight * share / total }
            }
        }
        return shares
    }

    /// What workers are told of an adjacency.
    func record(for key: AdjacencyKey) -> AdjacencyRecord {
        switch key.kind {
        case .drop: AdjacencyRecord(kind: .drop)
        case .local: AdjacencyRecord(kind: .local)
        case .unreachable: AdjacencyRecord(kind: .unreachable)
        case .prohibited: AdjacencyRecord(kind: .prohibited)
        case .glean: AdjacencyRecord(kind: .glean, interface: key.interface)
        case .nextHop:
            if let entry = neighbours[
                NeighbourKey(interface: key.interface, address: key.nextHop)
            ] {
                AdjacencyRecord(
                    kind: .rewrite,
                    interface: key.interface,
                    nextHop: key.nextHop,
                    destination: entry.mac
                )
            } else {
                AdjacencyRecord(kind: .arp, interface: key.interface, nextHop: key.nextHop)
            }
        }
    }
}
