internal import ControlProtocol

/// A next hop as configured: address, interface (0: any) or both.
struct HopKey: Hashable, Comparable, Sendable {
    /// 0: the destination itself is on the interface's network.
    var nextHop: UInt32
    /// 0: whatever leads to the next hop.
    var interface: UInt16

    static func < (left: HopKey, right: HopKey) -> Bool {
        (left.nextHop, left.interface) < (right.nextHop, right.interface)
    }
}

/// Where a next hop leads at present.
enum Resolution: Hashable, Sendable {
    case unresolved
    case adjacency(AdjacencyKey)
    /// Wherever the static routes with this path set lead.
    case recursive(pathSet: Int)
}

/// A next hop and who uses it.
struct Hop: Sendable {
    var key: HopKey
    var resolution = Resolution.unresolved
    /// Path sets that have it.
    var users: [Int] = []
}

/// A member of a path set.
struct WeightedHop: Hashable, Sendable {
    var hop: Int
    var weight: Int
}

/// Where static routes lead: shared by all routes with the same paths, be it one or a million.
struct PathSet: Sendable {
    enum Members: Hashable, Sendable {
        case special(AdjacencyKey.Kind)
        /// In the order of their keys.
        case hops([WeightedHop])
    }

    var members: Members
    /// Static routes that lead here.
    var routeCount = 0
    /// What routes get; nil: no path is resolved, and the routes are not forwarded.
    var leaf: Leaf?
    /// The leaf before the change that is being made.
    var previousLeaf: Leaf?
    /// One user of each adjacency that the paths lead to.
    var adjacencies: [UInt32] = []
    var pathList: UInt32?
    var isLive = true
    /// Whether routes led here before the change that is being made.
    var isNew = true
}

/// What a path set is made of, without numbers that may be given to others.
enum PathSetRecipe: Sendable {
    case special(AdjacencyKey.Kind)
    case paths([(key: HopKey, weight: Int)])
}

/// The next hops and path sets of all static routes, each kept once.
struct PathSetTable: Sendable {
    var sets: [PathSet] = []
    var hops: [Hop] = []
    private var setIDs: [PathSet.Members: Int] = [:]
    private var hopIDs: [HopKey: Int] = [:]
    private var freeSets: [Int] = []
    private var freeHops: [Int] = []
    /// Path sets that may have no routes; looked at when the change is finished.
    private var idle: [Int] = []
    /// Next hops without an interface, by address: what a route may lead to.
    private(set) var searched: [(address: UInt32, hop: Int)] = []
    /// Next hops and path sets that were made in the change that is being made.
    private(set) var newHops: [Int] = []
    private(set) var newSets: [Int] = []

    var hopCount: Int { hopIDs.count }
    var setCount: Int { setIDs.count }

    func hasHop(_ key: HopKey) -> Bool { hopIDs[key] != nil }

    /// What a path set is made of, good after it is gone.
    func recipe(of id: Int) -> PathSetRecipe {
        switch sets[id].members {
        case .special(let kind): .special(kind)
        case .hops(let members): .paths(members.map { (hops[$0.hop].key, $0.weight) })
        }
    }

    /// The path set of a recipe; made if there is none.
    mutating func intern(recipe: PathSetRecipe) -> Int {
        switch recipe {
        case .special(let kind): intern(.special(kind))
        case .paths(let list): intern(list)
        }
    }

    /// The path set of these hops; made if there is none.
    mutating func intern(_ paths: [(key: HopKey, weight: Int)]) -> Int {
        let members = paths.sorted { $0.key < $1.key }
            .map { WeightedHop(hop: internHop($0.key), weight: $0.weight) }
        return intern(.hops(members))
    }

    mutating func intern(_ members: PathSet.Members) -> Int {
        if let id = setIDs[members] { return id }
        let id = freeSets.popLast() ?? sets.count
        if id == sets.count {
            sets.append(PathSet(members: members))
        } else {
            sets[id] = PathSet(members: members)
        }
        setIDs[members] = id
        newSets.append(id)
        idle.append(id)
        if case .hops(let list) = members {
            for member in list { hops[member.hop].users.append(id) }
        }
        return id
    }

    private mutating func internHop(_ key: HopKey) -> Int {
        if let id = hopIDs[key] { return id }
        let id = freeHops.popLast() ?? hops.count
        if id == hops.count { hops.append(Hop(key: key)) } else { hops[id] = Hop(key: key) }
        hopIDs[key] = id
        newHops.append(id)
        if key.interface == 0 {
            searched.insert((key.nextHop, id), at: firstSearched(from: key.nextHop))
        }
        return id
    }

    mutating func addRoute(to set: Int) { sets[set].routeCount += 1 }

    mutating func removeRoute(from set: Int) {
        sets[set].routeCount -= 1
        if sets[set].routeCount == 0 { idle.append(set) }
    }

    /// Next hops without an interface whose address is in a range.
    func searchedHops(in range: ClosedRange<UInt32>) -> ArraySlice<(address: UInt32, hop: Int)> {
        let start = firstSearched(from: range.lowerBound)
        var end = start
        while end < searched.count, searched[end].address <= range.upperBound { end += 1 }
        return searched[start..<end]
    }

    private func firstSearched(from address: UInt32) -> Int {
        var low = 0
        var high = searched.count
        while low < high {
            let middle = (low + high) / 2
            if searched[middle].address < address { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Ends a change: path sets without routes go.
    ///
    /// - Parameter drop: gives up what a path set holds.
    mutating func finish(_ drop: (PathSet) -> Void) {
        for id in idle where sets[id].isLive && sets[id].routeCount == 0 {
            drop(sets[id])
            sets[id].isLive = false
            setIDs[sets[id].members] = nil
            freeSets.append(id)
            guard case .hops(let list) = sets[id].members else { continue }
            for member in list { release(hop: member.hop, from: id) }
        }
        for id in newSets { sets[id].isNew = false }
        idle.removeAll(keepingCapacity: true)
        newSets.removeAll(keepingCapacity: true)
        newHops.removeAll(keepingCapacity: true)
    }

    private mutating func release(hop: Int, from set: Int) {
        if let index = hops[hop].users.firstIndex(of: set) {
            hops[hop].users.swapAt(index, hops[hop].users.count - 1)
            hops[hop].users.removeLast()
        }
        guard hops[hop].users.isEmpty else { return }
        let key = hops[hop].key
        hopIDs[key] = nil
        freeHops.append(hop)
        hops[hop].resolution = .unresolved
        if let index = searched.firstIndex(where: { $0.hop == hop }) { searched.remove(at: index) }
    }
}
