import CDPDK
import ControlProtocol
import Coordination
import Forwarding
import LinuxSystem
import PacketBuffers
import PacketGraph
import Testing

@testable import PacketNodes

/// What the capture nodes of a router have seen.
final class Capture {
    var packets: [(node: String, packet: Packet, rxInterface: UInt16, flowHash: UInt32)] = []
    /// Of each packet: the fields that the graph writes.
    var metadata: [[UInt64]] = []
}

/// Ends packets as a transmit node would and keeps their bytes.
struct CaptureOutput: Node {
    typealias Next = NoExit
    static let name = "capture"
    let capture: Capture
    let own: String
    let pool: MbufPool

    mutating func process(_ frame: borrowing Frame<Next>) {
        for index in 0..<frame.count {
            let mbuf = frame.mbufs[index]
            let bytes = UnsafeRawBufferPointer(start: mbuf.data, count: mbuf.length)
            capture.packets.append((own, Packet(Array(bytes)), mbuf.rxInterface, mbuf.flowHash))
            capture.metadata.append([
                UInt64(mbuf.txInterface), UInt64(mbuf.adjacency), UInt64(mbuf.l3Offset),
                UInt64(mbuf.flags), UInt64(mbuf.pointer.pointee.pkt_len), UInt64(mbuf.headroom),
            ])
        }
        pool.give(frame.mbufs, count: frame.count)
    }
}

/// Packets that have arrived and nobody has taken.
final class Arriving {
    var mbufs: [Mbuf] = []
}

/// Takes in what has arrived, as a port's input node does.
struct ArrivalInput: InputNode {
    enum Next: UInt16, Exit {
        case ethernetInput
        var target: String { "ethernet-input" }
    }

    static let name = "dpdk-input"
    let arriving: Arriving

    mutating func poll(_ output: Output<Next>) -> Int {
        defer { arriving.mbufs = [] }
        output.emit(arriving.mbufs, count: arriving.mbufs.count, to: .ethernetInput)
        return arriving.mbufs.count
    }
}

/// A lane with its graph, its tables and a FIB: interfaces 1...7 on 10.0.N.1/24, neighbours
/// 10.0.N.9.
final class TestRouter {
    static let hertz: UInt64 = 1_000_000_000
    /// One pool for all tests: they run one after the other, on the main actor.
    private static let shared: MbufPool? =
        PlainEAL.start() == nil
        ? MbufPool.create(name: "nodes", buffers: 4095, dataBytes: 2048, socket: -1) : nil

    let pool: MbufPool
    let block: LaneBlock
    let context: UnsafeMutablePointer<LaneContext>
    let graph: LaneGraph
    let description: GraphDescription
    let feed = GeneratorFeed()
    let capture = Capture()
    let fib: Fib
    let heap: NodeHeap
    /// Buffers that were free at the start.
    let buffers: Int
    let outputNodes: UnsafeMutablePointer<UInt16>
    var interfaces: [InterfaceEntry]
    var addresses: [AddressEntry] = []
    var adjacencies: [AdjacencyEntry] = []
    var pathLists: [[UInt32]] = []
    var generation: UInt64 = 0
    var epoch: UInt64 = 1
    private var published: [UnsafeMutableRawPointer] = []

    /// What the tables have, by index.
    enum Index {
        static let local: UInt32 = 1
        static let drop: UInt32 = 2
        static let prohibited: UInt32 = 3
        static let unreachable: UInt32 = 4
        /// Glean, rewrite (to .9) and arp (for .77) of interface N are at these plus N.
        static let glean: UInt32 = 10
        static let rewrite: UInt32 = 20
        static let arp: UInt32 = 30
    }

    /// Makes a router.
    ///
    /// - Parameters:
    ///   - tracing: where its lane writes what it sees of single packets; it then has an input node
    ///     `dpdk-input`, which takes in what is in `arriving`, and transmit nodes of workers' names.
    ///   - arriving: packets that have arrived.
    /// - Throws: what the pool, the heap or the graph lacks.
    @MainActor
    init(tracing: TraceLane? = nil, arriving: Arriving = Arriving()) throws {
        pool = try #require(Self.shared, "\(PlainEAL.start() ?? "no pool")")
        buffers = pool.available
        let memory = UnsafeMutableRawPointer.allocate(byteCount: LaneBlock.byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: LaneBlock.byteCount)
        block = LaneBlock(plainMemory: memory)
        heap = try NodeHeap(byteCount: 80 << 20, hugepageBytes: nil, numaNode: nil)
        fib = try Fib(heap: heap)
        interfaces = Array(repeating: InterfaceEntry(), count: ForwardingTables.interfaceLimit)
        let word = UnsafeMutablePointer<UInt>.allocate(capacity: 1)
        word.initialize(to: 0)
        let empty = UnsafeMutablePointer<ForwardingTables>.allocate(capacity: 1)
        context = .allocate(capacity: 1)
        context.initialize(
            to: LaneContext(
                tables: empty,
                published: word,
                fib: fib.reader,
                block: block,
                pool: pool,
                node: 0,
                lane: 0,
                globalLane: 0,
                hertz: Self.hertz,
                seed: 1,
                neighbours: NeighbourMailbox()
            )
        )
        context.pointee.now = 1_000_000_000_000
        outputNodes = .allocate(capacity: ForwardingTables.interfaceLimit)
        outputNodes.initialize(
            repeating: InterfaceOutput.noNode,
            count: ForwardingTables.interfaceLimit
        )
        var builder = GraphBuilder()
        try ProtocolNodes.add(
            to: &builder,
            context: context,
            outputNodes: outputNodes,
            generator: feed
        )
        let transmitters = (1...7).map { tracing == nil ? "tx-\($0)" : "port\($0)-tx" }
        for name in ["worker-handoff"] + transmitters {
            try builder.add(CaptureOutput(capture: capture, own: name, pool: pool), name: name)
        }
        if tracing != nil { try builder.addInput(ArrivalInput(arriving: arriving)) }
        description = builder.description
        graph = try builder.build(block: block, pool: pool, tracing: tracing)
        for index in 1...7 {
            let node = try #require(description.index(of: transmitters[index - 1]))
            outputNodes[index] = UInt16(node)
        }
        empty.deallocate()
        try fillTables()
        publish()
    }

    deinit { for memory in published { memory.deallocate() } }

    private func fillTables() throws {
        typealias Kind = AdjacencyRecord.Kind
        adjacencies = Array(repeating: Self.entry(.drop), count: 40)
        adjacencies[0] = IPv4Lookup.noRoute
        adjacencies[Int(Index.local)] = Self.entry(.local)
        adjacencies[Int(Index.prohibited)] = Self.entry(.prohibited)
        adjacencies[Int(Index.unreachable)] = Self.entry(.unreachable)
        for number in UInt16(1)...7 {
            let net = address(10, 0, UInt8(number), 0)
            addresses.append(AddressEntry(address: net + 1, mask: 0xFFFF_FF00))
            let mtu: UInt16 = number == 4 ? 576 : 1500
            interfaces[Int(number)] = InterfaceEntry(
                mac: Self.memory(Packet.mac(UInt8(number))),
                mtu: mtu,
                flags: number == 3 ? 0 : InterfaceEntry.up,
                addressOffset: number - 1,
                addressCount: number == 5 ? 0 : 1
            )
            let index = UInt32(number)
            adjacencies[Int(Index.glean + index)] = Self.entry(.glean, number, mtu: mtu)
            adjacencies[Int(Index.arp + index)] = Self.entry(.arp, number, net + 77, mtu: mtu)
            adjacencies[Int(Index.rewrite + index)] = Self.rewrite(
                interface: number,
                nextHop: net + 9,
                mac: Packet.mac(UInt8(number) << 4 | 9),
                mtu: mtu
            )
            try fib.insert(prefix: net, length: 24, leaf: Index.glean + index)
            try fib.insert(prefix: net + 1, length: 32, leaf: Index.local)
            try fib.insert(prefix: net + 9, length: 32, leaf: Index.rewrite + index)
            try fib.insert(prefix: net + 77, length: 32, leaf: Index.arp + index)
        }
        try fib.insert(prefix: address(20, 0, 0, 0), length: 8, leaf: Index.rewrite + 2)
        try fib.insert(prefix: address(21, 0, 0, 0), length: 8, leaf: Index.rewrite + 3)
        try fib.insert(prefix: address(24, 0, 0, 0), length: 8, leaf: Index.rewrite + 4)
        try fib.insert(prefix: address(30, 0, 0, 0), length: 8, leaf: Leaf(pathList: 0).rawValue)
        try fib.insert(prefix: address(40, 0, 0, 0), length: 8, leaf: Index.drop)
        try fib.insert(prefix: address(41, 0, 0, 0), length: 8, leaf: Index.prohibited)
        try fib.insert(prefix: address(42, 0, 0, 0), length: 8, leaf: Index.unreachable)
        try fib.insert(prefix: address(50, 0, 0, 0), length: 8, leaf: Index.arp + 2)
        pathLists = [[Index.rewrite + 2, Index.rewrite + 4, Index.rewrite + 2, Index.rewrite + 4]]
    }

    /// Six bytes as they read in memory.
    static func memory(_ mac: [UInt8]) -> UInt64 {
        mac.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func entry(
        _ kind: AdjacencyRecord.Kind,
        _ interface: UInt16 = 0,
        _ nextHop: UInt32 = 0,
        mtu: UInt16 = 0
    ) -> AdjacencyEntry {
        AdjacencyEntry(
            nextHop: nextHop,
            txInterface: interface,
            mtu: mtu,
            exit: IPv4Lookup.exit(for: kind.rawValue),
            kind: kind.rawValue
        )
    }

    static func rewrite(interface: UInt16, nextHop: UInt32, mac: [UInt8], mtu: UInt16)
        -> AdjacencyEntry
    {
        var entry = entry(.rewrite, interface, nextHop, mtu: mtu)
        let header = mac + Packet.mac(UInt8(interface)) + [8, 0]
        entry.headerHead = header[0..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        entry.headerTail = header[6..<14].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        return entry
    }

    /// Makes a generation of the tables as they are now and switches the lane to it.
    func publish() {
        func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
            let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
            copy.initialize(from: elements, count: elements.count)
            published.append(UnsafeMutableRawPointer(copy))
            return copy
        }
        generation += 1
        let lists = pathLists.map {
            PathListEntry(buckets: copy($0), mask: UInt32($0.count - 1))
        }
        let tables = copy([
            ForwardingTables(
                generation: generation,
                neighbourEpoch: epoch,
                interfaces: copy(interfaces),
                addresses: copy(addresses),
                adjacencies: copy(adjacencies),
                adjacencyCount: UInt32(adjacencies.count),
                pathLists: copy(lists),
                pathListCount: UInt32(lists.count),
                handoffLanes: copy([0, 1]),
                queueModes: copy([]),
                queueModeCount: 0
            )
        ])
        context.pointee.tables = UnsafePointer(tables)
    }

    /// A buffer with a packet as a port input node leaves it.
    func mbuf(_ packet: Packet, interface: UInt16 = 1) throws -> Mbuf {
        let mbuf = try #require(pool.take())
        mbuf.enterGraph(rxInterface: interface)
        mbuf.setLength(packet.bytes.count)
        mbuf.data.copyMemory(from: packet.bytes, byteCount: packet.bytes.count)
        return mbuf
    }

    /// Sends packets through the graph until it is empty.
    func run(_ packets: [Packet], interface: UInt16 = 1, to node: String = "ethernet-input") throws
    {
        let index = try #require(description.index(of: node))
        var mbufs: [Mbuf] = []
        for packet in packets { mbufs.append(try mbuf(packet, interface: interface)) }
        graph.append(mbufs, count: mbufs.count, to: UInt16(index))
        graph.dispatchPending()
    }

    /// One turn of the lane's loop at a later time.
    @discardableResult
    func turn(afterMilliseconds milliseconds: UInt64) -> Int {
        context.pointee.now += milliseconds * (Self.hertz / 1000)
        let count = graph.pollInputs()
        graph.dispatchPending()
        return count
    }

    /// Takes what was sent since.
    func sent() -> [(node: String, packet: Packet, rxInterface: UInt16, flowHash: UInt32)] {
        defer {
            capture.packets = []
            capture.metadata = []
        }
        return capture.packets
    }

    /// The counter of a reason of a graph node.
    func counter(_ node: String, _ reason: String) -> UInt64 {
        guard let entry = description.entries.first(where: { $0.name == node }),
            let index = entry.errors.firstIndex(of: reason)
        else {
            Issue.record("no reason \(reason) of \(node)")
            return 0
        }
        return block.errors[entry.errorBase + index]
    }

    /// Every counter that is not zero, as "node: reason".
    var counters: [String: UInt64] {
        var result: [String: UInt64] = [:]
        for entry in description.entries {
            for (index, reason) in entry.errors.enumerated() {
                let value = block.errors[entry.errorBase + index]
                if value != 0 { result["\(entry.name): \(reason)"] = value }
            }
        }
        return result
    }

    var interfaceDrops: UInt64 {
        (0..<8).reduce(0) {
            $0 + block.interface($1)[LaneBlock.InterfaceWord.drops.rawValue]
        }
    }
}
