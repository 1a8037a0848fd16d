import CLinux
import ControlProtocol
import Coordination
import Forwarding
import Foundation
import LinuxSystem
import PacketNodes
import TestSupport
import Testing

@testable import NodeRuntime

/// Tables that are published again and again while lanes read them; what is freed is poisoned at once.
@Suite(.serialized) struct GenerationTests {
    @Test(arguments: [61, 62] as [UInt64])
    func noLaneSeesAFreedOrHalfBuiltTable(seed: UInt64) throws {
        let world = try TableWorld(lanes: 2)
        world.forwarding.lanesRun = true
        let readers = world.start(looksUpRoutes: true)
        var random = SeededNumbers(seed: seed)
        var version: UInt32 = 0
        while version < 400 || readers.contains(where: { $0.generations < 100 }) {
            version += 1
            try world.publish(version, adjacencies: Int.random(in: 8...120, using: &random))
            try #require(version < 20_000, "lanes get no CPU")
        }
        world.end(readers)
        for reader in readers {
            #expect(reader.faults.isEmpty, "seed \(seed): \(reader.faults.prefix(3))")
            #expect(reader.routesSeen > 0)
        }
    }

    /// Without the wait for lanes the same readers must find something, or they would prove nothing.
    @Test func aLaneThatIsNotWaitedForIsCaught() throws {
        let world = try TableWorld(lanes: 2)
        world.forwarding.lanesRun = false
        let readers = world.start(looksUpRoutes: false)
        let end = ContinuousClock.now + .seconds(30)
        var version: UInt32 = 0
        while ContinuousClock.now < end, readers.allSatisfy({ $0.faults.isEmpty }) {
            version += 1
            try world.publish(version, adjacencies: 8 + Int(version) * 37 % 113, hasRoutes: false)
        }
        world.end(readers)
        #expect(readers.contains { !$0.faults.isEmpty })
    }
}

/// A worker's tables and the blocks of its lanes, without ports and packets.
private final class TableWorld {
    let heap: NodeHeap
    let fib: Fib
    let forwarding: ForwardingState
    private let segment: WorkerSegment
    private let laneCount: Int
    private var adjacencyCount = 0

    static let interfaces = 1...8
    /// Adjacencies that are always there, and of the version of the rest of the generation.
    static let constant = 1...8

    init(lanes: Int) throws {
        let path = "/dev/shm/causeway-generations-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        defer { unlink(path) }
        segment = try WorkerSegment.create(path: path, node: 0, incarnation: 1, lanes: lanes)
        laneCount = lanes
        heap = try NodeHeap(byteCount: 96 << 20, hugepageBytes: nil, numaNode: nil)
        heap.poisonsFreed = true
        fib = try Fib(heap: heap)
        let segment = segment
        forwarding = try ForwardingState(
            heap: heap,
            fib: fib,
            lanes: (0..<lanes).map { segment.lane($0) },
            wakers: [],
            lanesOfNode: [0: [0, 1]]
        )
        try publish(0, adjacencies: 20)
    }

    /// Applies an entry: all records are of one version, adjacencies and their routes come and go.
    func publish(_ version: UInt32, adjacencies count: Int, hasRoutes: Bool = true) throws {
        var changes = Self.interfaces.map {
            ForwardingChange.interface(Self.interface($0, version))
        }
        for index in 1...count {
            let hop = version << 8 | UInt32(index)
            changes.append(
                .adjacency(
                    index: UInt32(index),
                    AdjacencyRecord(
                        kind: .rewrite,
                        interface: 1,
                        nextHop: hop,
                        destination: MACAddress(bits: UInt64(hop))
                    )
                )
            )
        }
        changes += (0..<4).map {
            .pathList(index: UInt32($0), buckets: Self.constant.map { UInt32($0) })
        }
        let (added, gone) = (
            Array(adjacencyCount..<max(adjacencyCount, count)),
            Array(count..<max(adjacencyCount, count))
        )
        if hasRoutes {
            changes.append(.routes(added.flatMap { Self.routes(UInt32($0 + 1)) }))
            let routes = gone.flatMap { Self.routes(UInt32($0 + 1)) }.map {
                RemovedRoute(
                    prefix: $0.prefix,
                    length: $0.length,
                    coverLength: 0,
                    coverLeaf: Leaf(rawValue: 0)
                )
            }
            changes.append(.routesRemoved(routes.filter { $0.length > 24 }))
            changes.append(.routesRemoved(routes.filter { $0.length <= 24 }))
        }
        changes += gone.map { .adjacencyRemoved(index: UInt32($0 + 1)) }
        adjacencyCount = count
        try forwarding.apply(changes)
        try forwarding.finishEntry()
    }

    private static func interface(_ index: Int, _ version: UInt32) -> InterfaceRecord {
        let bits = version << 8 | UInt32(index)
        return InterfaceRecord(
            index: UInt16(index),
            name: "i\(index)",
            node: 0,
            isUp: true,
            mac: MACAddress(bits: UInt64(bits)),
            mtu: UInt16(1000 + version % 1000),
            addresses: (0..<addressCount(index, version)).map { _ in
                InterfaceAddress(address: bits, prefixLength: 24)
            }
        )
    }

    static func addressCount(_ index: Int, _ version: UInt32) -> Int {
        1 + (index + Int(version)) % 3
    }

    /// A /24 and a part of another, so that there are blocks to free.
    private static func routes(_ index: UInt32) -> [Route] {
        let leaf = Leaf(adjacency: index)
        return [
            Route(prefix: 0x0A00_0000 | index << 8, length: 24, leaf: leaf),
            Route(prefix: 0x0A01_0010 | index << 8, length: 28, leaf: leaf),
        ]
    }

    /// Starts a thread for each lane.
    func start(looksUpRoutes: Bool) -> [TableReader] {
        (0..<laneCount).map { lane in
            let reader = TableReader(
                block: segment.lane(lane),
                published: forwarding.published,
                fib: looksUpRoutes ? fib.reader : nil,
                memory: UInt(bitPattern: heap.base)..<UInt(bitPattern: heap.base)
                    + UInt(heap.totalBytes),
                seed: UInt64(lane) + 1
            )
            reader.start()
            return reader
        }
    }

    func end(_ readers: [TableReader]) {
        for reader in readers { reader.end() }
    }
}

/// A lane's thread that takes generations as `LaneLoop` does, and looks at all of each.
private final class TableReader: @unchecked Sendable {
    private let block: LaneBlock
    private let published: UnsafeMutablePointer<UInt>
    private let fib: FibReader?
    private let memory: Range<UInt>
    private var random: SeededNumbers
    private let lock = NSLock()
    private var isEnding = false
    private var seen: (faults: [String], generations: Int, routes: Int) = ([], 0, 0)
    private let hasEnded = DispatchSemaphore(value: 0)

    init(
        block: LaneBlock,
        published: UnsafeMutablePointer<UInt>,
        fib: FibReader?,
        memory: Range<UInt>,
        seed: UInt64
    ) {
        self.block = block
        self.published = published
        self.fib = fib
        self.memory = memory
        random = SeededNumbers(seed: seed)
    }

    var faults: [String] { lock.withLock { seen.faults } }
    var generations: Int { lock.withLock { seen.generations } }
    var routesSeen: Int { lock.withLock { seen.routes } }

    func start() {
        Thread { [self] in
            while !lock.withLock({ isEnding }) { turn() }
            // A lane that has ended is in nobody's way.
            CLinux_store_release64(block.pointer(.asleep), 1)
            hasEnded.signal()
        }.start()
    }

    func end() {
        lock.withLock { isEnding = true }
        hasEnded.wait()
    }

    /// A turn of the loop: newest tables, what is done with them, now and then a sleep.
    private func turn() {
        block.pointer(.loops).pointee &+= 1
        let newest = LaneLoop.newestTables(published, block)
        guard let tables = newest.tables else { return }
        var fault = check(tables)
        // The lane may lose its CPU in the middle of a frame.
        if fault == nil, Int.random(in: 0..<8, using: &random) == 0 {
            sched_yield()
            fault = check(tables)
        }
        lock.withLock {
            if newest.isNew { seen.generations += 1 }
            if let fault { seen.faults.append("generation \(block.load(.generation)): \(fault)") }
        }
        guard Int.random(in: 0..<16, using: &random) == 0 else { return }
        // As LaneLoop.sleep does.
        CLinux_store_release64(block.pointer(.asleep), 1)
        usleep(UInt32.random(in: 0...200, using: &random))
        CLinux_store_release64(block.pointer(.asleep), 0)
        CLinux_full_fence()
    }

    /// Whether all entries are of one version, and all pointers lead into the heap.
    private func check(_ pointer: UnsafePointer<ForwardingTables>) -> String? {
        let tables = pointer.pointee
        guard tables.generation == block.load(.generation) else { return "is another by now" }
        guard isInHeap(tables.interfaces), isInHeap(tables.addresses), isInHeap(tables.adjacencies),
            isInHeap(tables.pathLists)
        else { return "a pointer leads nowhere" }
        guard tables.adjacencyCount > TableWorld.constant.upperBound, tables.adjacencyCount < 256,
            tables.pathListCount == 4
        else {
            // The first generation has nothing in it.
            return tables.generation == 1 ? nil : "\(tables.adjacencyCount) adjacencies"
        }
        let version = tables.adjacencies[1].nextHop >> 8
        return checkInterfaces(tables, version) ?? checkAdjacencies(tables, version)
            ?? checkPathLists(tables) ?? checkRoutes(tables)
    }

    private func isInHeap<T>(_ pointer: UnsafePointer<T>) -> Bool {
        memory.contains(UInt(bitPattern: pointer))
    }

    private func checkInterfaces(_ tables: ForwardingTables, _ version: UInt32) -> String? {
        for index in TableWorld.interfaces {
            let entry = tables.interfaces[index]
            let bits = version << 8 | UInt32(index)
            guard entry.mac == TableImage.memoryOrder(MACAddress(bits: UInt64(bits))),
                entry.mtu == UInt16(1000 + version % 1000),
                Int(entry.addressCount) == TableWorld.addressCount(index, version),
                Int(entry.addressOffset) < 64
            else { return "interface \(index): \(entry), version \(version)" }
            for place in 0..<Int(entry.addressCount) {
                let address = tables.addresses[Int(entry.addressOffset) + place].address
                guard address == bits else { return "interface \(index): address \(address)" }
            }
        }
        return nil
    }

    private func checkAdjacencies(_ tables: ForwardingTables, _ version: UInt32) -> String? {
        for index in 1..<Int(tables.adjacencyCount) {
            let entry = tables.adjacencies[index]
            if entry.kind == AdjacencyRecord.Kind.drop.rawValue,
                index > TableWorld.constant.upperBound, entry.nextHop == 0
            {
                continue
            }
            let destination = TableImage.memoryOrder(MACAddress(bits: UInt64(entry.nextHop)))
            guard entry.kind == AdjacencyRecord.Kind.rewrite.rawValue,
                Int(entry.nextHop & 0xFF) == index,
                entry.headerHead & 0xFFFF_FFFF_FFFF == destination,
                index > TableWorld.constant.upperBound || entry.nextHop >> 8 == version
            else { return "adjacency \(index): \(entry), version \(version)" }
        }
        return nil
    }

    private func checkPathLists(_ tables: ForwardingTables) -> String? {
        for index in 0..<4 {
            let entry = tables.pathLists[index]
            guard isInHeap(entry.buckets), entry.mask == 7 else { return "path list \(index)" }
            for bucket in 0..<8 where entry.buckets[bucket] != UInt32(bucket + 1) {
                return "path list \(index): bucket \(entry.buckets[bucket])"
            }
        }
        return nil
    }

    /// A leaf must lead to an adjacency that this generation has.
    private func checkRoutes(_ tables: ForwardingTables) -> String? {
        guard let fib else { return nil }
        var found = 0
        for _ in 0..<16 {
            let index = UInt32.random(in: 1...120, using: &random)
            let isPart = Bool.random(using: &random)
            let leaf = fib.lookup(0x0A00_0000 | index << 8 | (isPart ? 0x1_0010 : 0))
            if leaf == 0 { continue }
            found += 1
            guard leaf == index, leaf < tables.adjacencyCount,
                tables.adjacencies[Int(leaf)].kind == AdjacencyRecord.Kind.rewrite.rawValue
            else { return "a route to adjacency \(index) has leaf \(leaf)" }
        }
        if found > 0 { lock.withLock { seen.routes += found } }
        return nil
    }
}
