internal import ControlProtocol
internal import PacketNodes

/// A generation of tables before it has memory: knows its size, then writes itself into one block.
struct TableImage {
    private var interfaces: [InterfaceEntry]
    private var addresses: [AddressEntry] = []
    private var handoffLanes: [UInt16] = []
    private var queueModes: [QueueModeEntry] = []
    private let adjacencies: [AdjacencyEntry]
    private let pathLists: [[UInt32]?]

    init(
        interfaces records: [UInt16: InterfaceRecord],
        adjacencies: [AdjacencyRecord?],
        pathLists: [[UInt32]?],
        lanesOfNode: [UInt8: [UInt16]],
        features: [UInt16: UInt64] = [:]
    ) {
        interfaces = Array(repeating: InterfaceEntry(), count: ForwardingTables.interfaceLimit)
        self.pathLists = pathLists
        self.adjacencies = adjacencies.map { Self.entry($0, records) }
        for record in records.values.sorted(by: { $0.index < $1.index }) {
            let lanes = record.handoff.nodes.flatMap { lanesOfNode[$0] ?? [] }
            interfaces[Int(record.index) % ForwardingTables.interfaceLimit] = InterfaceEntry(
                mac: Self.memoryOrder(record.mac),
                mtu: record.mtu,
                flags: (record.isUp ? InterfaceEntry.up : 0)
                    | (record.isPromiscuous ? InterfaceEntry.promiscuous : 0)
                    | (record.handoff.isSymmetric ? InterfaceEntry.symmetricHandoff : 0)
                    | Self.flags(of: record.rxMode),
                addressOffset: UInt16(addresses.count),
                addressCount: UInt16(record.addresses.count),
                handoffOffset: UInt16(handoffLanes.count),
                handoffCount: UInt16(lanes.count),
                node: record.node,
                features: features[record.index] ?? 0
            )
            addresses += record.addresses.map {
                AddressEntry(
                    address: $0.address,
                    mask: IPv4Address.mask(length: Int($0.prefixLength))
                )
            }
            handoffLanes += lanes
            queueModes += record.queueModes.sorted { $0.key < $1.key }.map {
                QueueModeEntry(interface: record.index, queue: $0, flags: Self.flags(of: $1))
            }
        }
    }

    private static func flags(of mode: RxMode) -> UInt16 {
        switch mode {
        case .polling: 0
        case .interrupt: InterfaceEntry.rxInterrupt
        case .adaptive: InterfaceEntry.rxAdaptive
        }
    }

    /// A MAC address as its six bytes in memory read as a little-endian integer.
    static func memoryOrder(_ mac: MACAddress) -> UInt64 { mac.bits.byteSwapped >> 16 }

    private static func entry(
        _ record: AdjacencyRecord?,
        _ interfaces: [UInt16: InterfaceRecord]
    ) -> AdjacencyEntry {
        let record = record ?? AdjacencyRecord(kind: .drop)
        let interface = interfaces[record.interface]
        let destination = memoryOrder(record.destination)
        let source = memoryOrder(interface?.mac ?? MACAddress())
        // The header in memory: destination 0...5, source 6...11, type 0x0800 in 12...13.
        let head = destination | source << 48
        let tail = source | UInt64(0x0008) << 48
        return AdjacencyEntry(
            headerHead: head,
            headerTail: tail,
            nextHop: record.nextHop,
            txInterface: record.interface,
            mtu: interface?.mtu ?? 0,
            exit: IPv4Lookup.exit(for: record.kind.rawValue),
            kind: record.kind.rawValue
        )
    }

    private static func aligned(_ bytes: Int) -> Int { (bytes + 63) & ~63 }

    private var interfacesOffset: Int { Self.aligned(MemoryLayout<ForwardingTables>.stride) }
    private var addressesOffset: Int {
        interfacesOffset + Self.aligned(interfaces.count * MemoryLayout<InterfaceEntry>.stride)
    }
    private var lanesOffset: Int {
        addressesOffset + Self.aligned(addresses.count * MemoryLayout<AddressEntry>.stride)
    }
    private var queueModesOffset: Int { lanesOffset + Self.aligned(handoffLanes.count * 2) }
    private var adjacenciesOffset: Int {
        queueModesOffset + Self.aligned(queueModes.count * MemoryLayout<QueueModeEntry>.stride)
    }
    private var pathListsOffset: Int {
        adjacenciesOffset + Self.aligned(adjacencies.count * MemoryLayout<AdjacencyEntry>.stride)
    }
    private var bucketsOffset: Int {
        pathListsOffset + Self.aligned(pathLists.count * MemoryLayout<PathListEntry>.stride)
    }

    /// The size of the block.
    var byteCount: Int { bucketsOffset + pathLists.reduce(4) { $0 + ($1?.count ?? 0) * 4 } }

    /// Fills a block of `byteCount` bytes.
    func write(to memory: UnsafeMutableRawPointer, generation: UInt64, neighbourEpoch: UInt64) {
        func place<Element>(_ list: [Element], at offset: Int) -> UnsafeMutablePointer<Element> {
            let target = (memory + offset).bindMemory(
                to: Element.self,
                capacity: max(1, list.count)
            )
            target.initialize(from: list, count: list.count)
            return target
        }
        var buckets = (memory + bucketsOffset).bindMemory(to: UInt32.self, capacity: 1)
        // Bucket 0 of an absent list is the adjacency without a route.
        buckets.initialize(to: AdjacencyRecord.noRouteIndex)
        let none = PathListEntry(buckets: buckets, mask: 0)
        buckets += 1
        var lists: [PathListEntry] = []
        for list in pathLists {
            guard let list else {
                lists.append(none)
                continue
            }
            buckets.initialize(from: list, count: list.count)
            lists.append(PathListEntry(buckets: buckets, mask: UInt32(list.count - 1)))
            buckets += list.count
        }
        memory.bindMemory(to: ForwardingTables.self, capacity: 1).initialize(
            to: ForwardingTables(
                generation: generation,
                neighbourEpoch: neighbourEpoch,
                interfaces: place(interfaces, at: interfacesOffset),
                addresses: place(addresses, at: addressesOffset),
                adjacencies: place(adjacencies, at: adjacenciesOffset),
                adjacencyCount: UInt32(adjacencies.count),
                pathLists: place(lists, at: pathListsOffset),
                pathListCount: UInt32(lists.count),
                handoffLanes: place(handoffLanes, at: lanesOffset),
                queueModes: place(queueModes, at: queueModesOffset),
                queueModeCount: UInt32(queueModes.count)
            )
        )
    }
}
