import CBench
import CDPDK
import ControlProtocol
import Coordination
import Forwarding
import LinuxSystem
import PacketBuffers
import PacketGraph
import PacketNodes

/// Two interfaces, one next hop and host routes to it: for the graph and for the C loop.
final class ForwardingWorld {
    static let rxInterface: UInt16 = 1
    static let txInterface: UInt16 = 2
    private static let adjacencyIndex: UInt32 = 1
    /// MAC addresses, the first byte on the wire in the low bits.
    fileprivate static let rxMAC: UInt64 = 0x0100_0000_0002
    private static let txMAC: UInt64 = 0x0200_0000_0002
    private static let nextHopMAC: UInt64 = 0x0300_0000_0002
    private static let mtu: UInt16 = 1500

    let packet = PacketTemplate()
    private let heap: NodeHeap
    private let fib: Fib
    private let interfaces: UnsafeMutablePointer<InterfaceEntry>
    private let adjacencies: UnsafeMutablePointer<AdjacencyEntry>
    private let tables: UnsafeMutablePointer<ForwardingTables>
    private let published: UnsafeMutablePointer<UInt>

    init(routes: Routes) throws {
        (heap, fib) = try routes.makeFib(leaf: Self.adjacencyIndex)
        interfaces = .allocate(capacity: ForwardingTables.interfaceLimit)
        interfaces.initialize(repeating: InterfaceEntry(), count: ForwardingTables.interfaceLimit)
        for (index, mac) in [(Self.rxInterface, Self.rxMAC), (Self.txInterface, Self.txMAC)] {
            interfaces[Int(index)] = InterfaceEntry(
                mac: mac,
                mtu: Self.mtu,
                flags: InterfaceEntry.up,
                addressCount: 1
            )
        }
        // Interfaces without one drop IPv4.
        let address = UnsafeMutablePointer<AddressEntry>.allocate(capacity: 1)
        address.initialize(to: AddressEntry(address: 0xC000_0201, mask: 0xFFFF_FF00))
        adjacencies = .allocate(capacity: 2)
        adjacencies.initialize(to: IPv4Lookup.noRoute)
        let kind = AdjacencyRecord.Kind.rewrite.rawValue
        (adjacencies + 1).initialize(
            to: AdjacencyEntry(
                headerHead: Self.head,
                headerTail: Self.tail,
                txInterface: Self.txInterface,
                mtu: Self.mtu,
                exit: IPv4Lookup.exit(for: kind),
                kind: kind
            )
        )
        tables = .allocate(capacity: 1)
        tables.initialize(
            to: ForwardingTables(
                generation: 1,
                neighbourEpoch: 0,
                interfaces: interfaces,
                addresses: .init(address),
                adjacencies: adjacencies,
                adjacencyCount: 2,
                pathLists: .init(UnsafeMutablePointer<PathListEntry>.allocate(capacity: 1)),
                pathListCount: 0,
                handoffLanes: .init(UnsafeMutablePointer<UInt16>.allocate(capacity: 1)),
                queueModes: .init(UnsafeMutablePointer<QueueModeEntry>.allocate(capacity: 1)),
                queueModeCount: 0
            )
        )
        published = .allocate(capacity: 1)
        published.initialize(to: UInt(bitPattern: tables))
    }

    /// Bytes 0...7 of the next hop's Ethernet header, as they lie in memory.
    private static let head = nextHopMAC | (txMAC & 0xFFFF) << 48
    /// Bytes 6...13: source and type.
    private static let tail = txMAC | 0x0008 << 48

    /// Makes a lane's context.
    func makeContext(block: LaneBlock, pool: MbufPool) -> UnsafeMutablePointer<LaneContext> {
        let context = UnsafeMutablePointer<LaneContext>.allocate(capacity: 1)
        context.initialize(
            to: LaneContext(
                tables: tables,
                published: published,
                fib: fib.reader,
                block: block,
                pool: pool,
                node: 0,
                lane: 0,
                globalLane: 0,
                hertz: EAL.hertz,
                seed: 1,
                neighbours: NeighbourMailbox()
            )
        )
        context.pointee.now = timestamp()
        return context
    }

    /// Makes the same tables for the C loop.
    func makeReference(routes: Routes, pool: MbufPool) throws -> CBench_forward {
        let interfaces = UnsafeMutablePointer<CBench_interface>.allocate(capacity: 256)
        interfaces.initialize(repeating: CBench_interface(), count: 256)
        interfaces[Int(Self.rxInterface)] = CBench_interface(
            mac: Self.rxMAC,
            mtu: Self.mtu,
            is_up: 1,
            padding: 0
        )
        let adjacencies = UnsafeMutablePointer<CBench_adjacency>.allocate(capacity: 2)
        adjacencies.initialize(repeating: CBench_adjacency(), count: 2)
        adjacencies[1].head = Self.head
        adjacencies[1].tail = Self.tail
        adjacencies[1].tx_interface = Self.txInterface
        adjacencies[1].mtu = Self.mtu
        adjacencies[1].is_rewrite = 1
        var reference = CBench_forward()
        reference.dir = try routes.makeReference(leaf: Self.adjacencyIndex)
        reference.interfaces = UnsafePointer(interfaces)
        reference.adjacencies = UnsafePointer(adjacencies)
        reference.adjacency_count = 2
        reference.pool = pool.raw
        return reference
    }
}

/// A 64-byte UDP packet.
struct PacketTemplate {
    static let byteCount = 64
    private let bytes: SIMD64<UInt8>
    /// The sum of the header's words without destination and checksum.
    private let sum: UInt32

    init() {
        var frame = SIMD64<UInt8>()
        let mac = ForwardingWorld.rxMAC
        for index in 0..<6 { frame[index] = UInt8(truncatingIfNeeded: mac >> UInt64(8 * index)) }
        for (index, byte) in [UInt8](arrayLiteral: 0x02, 0, 0, 0, 0, 0x09, 0x08, 0x00).enumerated()
        {
            frame[6 + index] = byte
        }
        let header: [UInt8] = [
            0x45, 0, 0, 50, 0x12, 0x34, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 0, 0, 0, 0,
            0x04, 0xD2, 0x16, 0x2E, 0, 30, 0, 0,
        ]
        for (index, byte) in header.enumerated() { frame[14 + index] = byte }
        bytes = frame
        var sum: UInt32 = 0
        for index in stride(from: 0, to: 20, by: 2) {
            sum += UInt32(header[index]) << 8 | UInt32(header[index + 1])
        }
        self.sum = sum
    }

    /// Writes the packet into a buffer, as received by `ForwardingWorld.rxInterface`.
    @inline(__always)
    func write(to mbuf: Mbuf, destination: UInt32) {
        let data = mbuf.data
        data.storeBytes(of: bytes, as: SIMD64<UInt8>.self)
        data.storeBytes(of: destination.bigEndian, toByteOffset: 30, as: UInt32.self)
        var sum = sum &+ destination &>> 16 &+ destination & 0xFFFF
        sum = sum & 0xFFFF &+ sum &>> 16
        sum = sum & 0xFFFF &+ sum &>> 16
        let checksum = ~UInt16(truncatingIfNeeded: sum)
        data.storeBytes(of: checksum.bigEndian, toByteOffset: 24, as: UInt16.self)
        mbuf.enterGraph(rxInterface: ForwardingWorld.rxInterface)
        mbuf.setLength(Self.byteCount)
    }

    /// The packet as it stands in a buffer.
    func bytes(of mbuf: Mbuf) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: mbuf.data, count: mbuf.length))
    }
}
