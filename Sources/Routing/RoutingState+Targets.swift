internal import ControlProtocol

extension RoutingState {
    /// The path set of a target; made if there is none.
    mutating func pathSet(for target: RouteTarget) throws(RoutingError) -> Int {
        switch target {
        case .paths(let list): return try pathSet(try list.map(checked))
        case .drop: return paths.intern(.special(.drop))
        case .unreachable: return paths.intern(.special(.unreachable))
        case .prohibited: return paths.intern(.special(.prohibited))
        case .local: return paths.intern(.special(.local))
        }
    }

    /// The path set that has the paths of another and more; of a path that is in both the weight is new.
    mutating func pathSet(_ id: Int, adding target: RouteTarget) throws(RoutingError) -> Int {
        guard case .paths(let list) = target, case .hops(let members) = paths.sets[id].members
        else { return try pathSet(for: target) }
        return try pathSet(keys(of: members) + (try list.map(checked)))
    }

    /// The path set that has the paths of another and fewer; nil if none is left.
    mutating func pathSet(
        _ id: Int,
        removing target: RouteTarget,
        of prefix: IPv4Prefix
    ) throws(RoutingError) -> Int? {
        guard case .paths(let list) = target, case .hops(let members) = paths.sets[id].members
        else {
            guard self.target(of: id) == target else {
                throw .noSuchPath(prefix, path: target.description)
            }
            return nil
        }
        var rest = keys(of: members)
        for path in list {
            let key = try key(of: path)
            guard let index = rest.firstIndex(where: { $0.key == key }) else {
                throw .noSuchPath(prefix, path: path.description)
            }
            rest.remove(at: index)
        }
        return rest.isEmpty ? nil : try pathSet(rest)
    }

    /// The target of a path set, as an operator would write it.
    func target(of id: Int) -> RouteTarget {
        switch paths.sets[id].members {
        case .special(.unreachable): .unreachable
        case .special(.prohibited): .prohibited
        case .special(.local): .local
        case .special: .drop
        case .hops(let members):
            .paths(
                members.map { member in
                    let key = paths.hops[member.hop].key
                    return RoutePath(
                        nextHop: key.nextHop == 0 ? nil : IPv4Address(bits: key.nextHop),
                        interface: key.interface == 0 ? nil : interfaces[key.interface]?.name,
                        weight: member.weight
                    )
                }
            )
        }
    }

    private func keys(of members: [WeightedHop]) -> [(key: HopKey, weight: Int)] {
        members.map { (paths.hops[$0.hop].key, $0.weight) }
    }

    private mutating func pathSet(
        _ list: [(key: HopKey, weight: Int)]
    ) throws(RoutingError) -> Int {
        var weights: [HopKey: Int] = [:]
        for path in list { weights[path.key] = path.weight }
        guard !weights.isEmpty else { throw .emptyTarget }
        guard weights.count <= PathList.maximumBuckets else {
            throw .tooManyPaths(count: weights.count, limit: PathList.maximumBuckets)
        }
        let newHops = weights.keys.count { !paths.hasHop($0) }
        try checkAdjacencies(adding: newHops)
        let id = paths.intern(weights.map { ($0.key, $0.value) })
        guard paths.setCount <= limits.pathSets else {
            throw .tooManyPathSets(limit: limits.pathSets)
        }
        return id
    }

    /// Every next hop, neighbour and interface may need an adjacency, and each special target one.
    func checkAdjacencies(adding count: Int) throws(RoutingError) {
        let specials = 4
        let needed = paths.hopCount + neighbours.count + interfaces.count + specials + count
        guard needed <= limits.adjacencies else {
            throw .tooManyAdjacencies(limit: limits.adjacencies)
        }
    }

    private func key(of path: RoutePath) throws(RoutingError) -> HopKey {
        var key = HopKey(nextHop: path.nextHop?.bits ?? 0, interface: 0)
        if let name = path.interface { key.interface = try interfaceIndex(named: name) }
        return key
    }

    private func checked(_ path: RoutePath) throws(RoutingError) -> (key: HopKey, weight: Int) {
        let key = try key(of: path)
        guard (1...255).contains(path.weight) else {
            throw .invalidPath(path: path.description, reason: "the weight must be 1 to 255")
        }
        guard let nextHop = path.nextHop else {
            guard key.interface != 0 else { throw .emptyTarget }
            return (key, path.weight)
        }
        if let reason = nextHop.reasonAgainstUse {
            throw .invalidPath(path: path.description, reason: reason)
        }
        for record in interfaces.values
        where record.addresses.contains(where: { $0.address == nextHop.bits }) {
            throw .invalidPath(
                path: path.description,
                reason: "\(nextHop) is this router's own address on \(record.name)"
            )
        }
        return (key, path.weight)
    }
}

extension IPv4Address {
    /// Why this cannot be the address of one host; nil if it can.
    var reasonAgainstUse: String? {
        switch bits >> 24 {
        case 0: "\(self) is in 0.0.0.0/8, which names no host"
        case 127: "\(self) is a loopback address"
        case 224...239: "\(self) is a multicast address"
        case 240...: "\(self) is in 240.0.0.0/4, which names no host"
        default: nil
        }
    }
}
