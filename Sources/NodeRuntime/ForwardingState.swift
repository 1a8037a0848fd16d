internal import CLinux
internal import ControlProtocol
internal import Coordination
internal import Forwarding
internal import LinuxSystem
internal import PacketNodes

#if canImport(Glibc)
    internal import Glibc
#endif

/// Why a change could not be applied.
struct ApplyError: Error, CustomStringConvertible {
    let description: String
}

/// The control lane's picture of what the worker forwards by, and its publication to the lanes.
///
/// Order within an entry, so that no lane ever follows a leaf to something it cannot see: first a
/// generation with the new adjacencies is published and every lane has picked it up, then routes
/// are written, then what was taken out goes with a last generation; memory is freed after every
/// lane has passed the top of its loop since.
final class ForwardingState {
    private let heap: NodeHeap
    private let fib: Fib
    private let lanes: [LaneBlock]
    private let wakers: [LaneWaker]
    /// Whether lanes run, and so have to be waited for.
    var lanesRun = false
    /// Where lanes look for the newest generation.
    let published: UnsafeMutablePointer<UInt>
    private var interfaces: [UInt16: InterfaceRecord] = [:]
    private var adjacencies: [AdjacencyRecord?] = [AdjacencyRecord(kind: .unreachable)]
    private var pathLists: [[UInt32]?] = []
    private var removals: [ForwardingChange] = []
    private var isDirty = true
    private var resolvedNeighbour = false
    private var neighbourEpoch: UInt64 = 0
    private(set) var generation: UInt64 = 0
    private var current: (memory: UnsafeMutableRawPointer, byteCount: Int)?
    /// The global lane numbers of each node's lanes, by node number.
    private let lanesOfNode: [UInt8: [UInt16]]
    /// The features on each interface, a bit each.
    private var features: [UInt16: UInt64] = [:]
    /// Take what the journal has of them; nil: there are none yet.
    var plugins: PluginSet?
    private let laneLimitMicroseconds = 5_000_000

    init(
        heap: NodeHeap,
        fib: Fib,
        lanes: [LaneBlock],
        wakers: [LaneWaker],
        lanesOfNode: [UInt8: [UInt16]]
    ) throws(ApplyError) {
        self.heap = heap
        self.fib = fib
        self.lanes = lanes
        self.wakers = wakers
        self.lanesOfNode = lanesOfNode
        published = .allocate(capacity: 8)
        published.initialize(repeating: 0, count: 8)
        try publish()
    }

    /// The tables as published last.
    var tables: UnsafePointer<ForwardingTables> {
        guard let tables = UnsafePointer<ForwardingTables>(bitPattern: published.pointee) else {
            preconditionFailure("tables are published before anyone asks for them")
        }
        return tables
    }

    /// Applies part of an entry.
    func apply(_ changes: [ForwardingChange]) throws(ApplyError) {
        for change in changes { try apply(change) }
    }

    /// Ends an entry: everything of it is in force for every lane when this returns.
    func finishEntry() throws(ApplyError) {
        let hadRemovals = !removals.isEmpty
        for removal in removals { remove(removal) }
        removals = []
        if resolvedNeighbour {
            neighbourEpoch += 1
            resolvedNeighbour = false
            isDirty = true
        }
        do throws(StartError) { try plugins?.commit() } catch {
            throw ApplyError(description: error.description)
        }
        if isDirty { try publish() }
        if hadRemovals || fib.retiredCount > 0 { reclaim() }
    }

    private func apply(_ change: ForwardingChange) throws(ApplyError) {
        switch change {
        case .interface(let record):
            interfaces[record.index] = record
            isDirty = true
        case .adjacency(let index, let record):
            guard index < Leaf.isPathListBit else {
                throw ApplyError(description: "adjacency \(index)")
            }
            while adjacencies.count <= Int(index) { adjacencies.append(nil) }
            adjacencies[Int(index)] = record
            if record.kind == .rewrite { resolvedNeighbour = true }
            isDirty = true
        case .pathList(let index, let buckets):
            guard index < Leaf.isPathListBit, (1...PathList.maximumBuckets).contains(buckets.count),
                buckets.count & (buckets.count - 1) == 0
            else { throw ApplyError(description: "path list \(index)") }
            while pathLists.count <= Int(index) { pathLists.append(nil) }
            pathLists[Int(index)] = buckets
            isDirty = true
        case .adjacencyRemoved, .pathListRemoved: removals.append(change)
        case .routes(let routes): try add(routes)
        case .plugin(let setting):
            do throws(StartError) { try plugins?.set(setting) } catch {
                throw ApplyError(description: error.description)
            }
        case .routesRemoved(let routes):
            if isDirty { try publish() }
            for route in routes {
                fib.remove(
                    prefix: route.prefix,
                    length: Int(route.length),
                    coverLength: Int(route.coverLength),
                    coverLeaf: route.coverLeaf.rawValue
                )
            }
        }
    }

    private func add(_ routes: [Route]) throws(ApplyError) {
        if isDirty { try publish() }
        do throws(ForwardingError) {
            try fib.insert(
                contentsOf: routes.lazy.map {
                    FibRoute(prefix: $0.prefix, length: $0.length, leaf: $0.leaf.rawValue)
                }
            )
        } catch { throw ApplyError(description: "\(error)") }
    }

    private func remove(_ removal: ForwardingChange) {
        switch removal {
        case .adjacencyRemoved(let index) where Int(index) < adjacencies.count && index != 0:
            adjacencies[Int(index)] = nil
            while adjacencies.last == .some(nil) { adjacencies.removeLast() }
        case .pathListRemoved(let index) where Int(index) < pathLists.count:
            pathLists[Int(index)] = nil
            while pathLists.last == .some(nil) { pathLists.removeLast() }
        default: break
        }
        isDirty = true
    }

    /// Builds a generation and waits until every lane works with it; the one before is freed then.
    private func publish() throws(ApplyError) {
        let image = TableImage(
            interfaces: interfaces,
            adjacencies: adjacencies,
            pathLists: pathLists,
            lanesOfNode: lanesOfNode,
            features: features
        )
        guard let memory = heap.allocate(byteCount: image.byteCount, alignment: 64) else {
            throw ApplyError(
                description: "the worker's heap of \(heap.totalBytes >> 20) MiB is full "
                    + "(\(heap.usedBytes >> 20) MiB used): raise `heap` in the topology file"
            )
        }
        generation += 1
        image.write(to: memory, generation: generation, neighbourEpoch: neighbourEpoch)
        let address = UInt(bitPattern: memory)
        published.withMemoryRebound(to: UInt64.self, capacity: 1) {
            CLinux_store_release64($0, UInt64(address))
        }
        CLinux_full_fence()
        // Packets may wait for what has changed.
        if lanesRun { for waker in wakers { waker.wake() } }
        isDirty = false
        let old = current
        current = (memory, image.byteCount)
        waitForLanes { $0.load(.generation) >= self.generation }
        if let old { heap.deallocate(old.memory, byteCount: old.byteCount) }
    }

    /// The number of an interface; nil: there is none of that name.
    func interfaceIndex(named name: String) -> UInt16? {
        interfaces.values.first { $0.name == name }?.index
    }

    /// Puts a feature on an interface, or takes it off; in force with the next generation.
    ///
    /// - Returns: false if there is no such interface.
    func setFeature(_ bit: Int, on interface: UInt16, _ isOn: Bool) -> Bool {
        guard interfaces[interface] != nil else { return false }
        let mask = UInt64(1) << UInt64(bit)
        let old = features[interface] ?? 0
        features[interface] = isOn ? old | mask : old & ~mask
        if features[interface] != old { isDirty = true }
        return true
    }

    /// Returns when every lane has begun a new turn, or sleeps.
    func waitForQuietLanes() {
        let turns = lanes.map { $0.load(.loops) }
        for (lane, turn) in zip(lanes, turns) {
            waitForLane(lane) { $0.load(.loops) > turn + 1 }
        }
    }

    /// Frees what the lookup structure has let go of, once no lane can still be reading it.
    private func reclaim() {
        let mark = fib.retiredMark()
        waitForQuietLanes()
        fib.reclaim(upTo: mark)
    }

    private func waitForLanes(_ condition: (LaneBlock) -> Bool) {
        for lane in lanes { waitForLane(lane, condition) }
    }

    /// Waits for a lane; one that sleeps has no table in its hands, and looks at the generation
    /// when it wakes.
    ///
    /// A lane that does not turn for five seconds is hung: its supervisor will see that, and what
    /// it could still read stays allocated.
    private func waitForLane(_ lane: LaneBlock, _ condition: (LaneBlock) -> Bool) {
        guard lanesRun else { return }
        var waited = 0
        while !condition(lane) && lane.load(.asleep) == 0 && waited < laneLimitMicroseconds {
            if waited < 100 { CLinux_pause() } else { usleep(10) }
            waited += waited < 100 ? 1 : 10
        }
    }

    /// What the journal gave an index: interfaces, adjacencies, path lists.
    var indexed: [ForwardingChange] {
        let links = interfaces.values.sorted { $0.index < $1.index }
            .map { ForwardingChange.interface($0) }
        let hops = adjacencies.enumerated().dropFirst().compactMap { index, record in
            record.map { ForwardingChange.adjacency(index: UInt32(index), $0) }
        }
        let groups = pathLists.enumerated().compactMap { index, buckets in
            buckets.map { ForwardingChange.pathList(index: UInt32(index), buckets: $0) }
        }
        return links + hops + groups
    }

    /// The record of an interface.
    func interface(_ index: UInt16) -> InterfaceRecord? { interfaces[index] }
}
