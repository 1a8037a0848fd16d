/// A change as it is read from a message.
public enum WireChange {
    /// Anything but routes.
    case change(ForwardingChange)
    /// Routes to add or replace.
    case routes(WireRoutes)
    /// Routes to take out.
    case routesRemoved(WireRemovedRoutes)
}

/// Reads the changes of one message one after the other; routes are not copied out of it.
public struct ChangeReader {
    private var reader: WireReader

    /// Reads a message from its start.
    public init(_ bytes: [UInt8]) { reader = WireReader(bytes) }

    /// Reads the next change.
    ///
    /// - Returns: nil at the end of the message.
    /// - Throws: what is wrong with the message; nothing after that point can be read.
    public mutating func next() throws(WireError) -> WireChange? {
        guard reader.remaining > 0 else { return nil }
        let number = try reader.get(UInt8.self)
        guard let tag = ChangeCoding.Tag(rawValue: number) else {
            throw .invalid(field: "change", value: UInt64(number))
        }
        switch tag {
        case .interface: return .change(.interface(try reader.readInterface()))
        case .adjacency:
            let index = try reader.readIndex("adjacency")
            return .change(.adjacency(index: index, try reader.readAdjacency()))
        case .adjacencyRemoved:
            return .change(.adjacencyRemoved(index: try reader.readIndex("adjacency")))
        case .pathList:
            let index = try reader.readIndex("path list")
            return .change(.pathList(index: index, buckets: try reader.readBuckets()))
        case .pathListRemoved:
            return .change(.pathListRemoved(index: try reader.readIndex("path list")))
        case .routes:
            let (bytes, count) = try reader.readRun("routes", recordBytes: Route.wireBytes)
            let routes = WireRoutes(bytes: bytes, count: count)
            for route in routes where !route.isValid {
                throw .invalid(field: "route", value: UInt64(route.prefix))
            }
            return .routes(routes)
        case .routesRemoved:
            let (bytes, count) = try reader.readRun(
                "removed routes",
                recordBytes: RemovedRoute.wireBytes
            )
            let routes = WireRemovedRoutes(bytes: bytes, count: count)
            for route in routes where !route.isValid {
                throw .invalid(field: "removed route", value: UInt64(route.prefix))
            }
            return .routesRemoved(routes)
        case .plugin: return .change(.plugin(try PluginSetting(from: &reader)))
        }
    }
}

extension WireReader {
    /// Reads the index of an adjacency or a path list: what a leaf can name.
    fileprivate mutating func readIndex(_ field: String) throws(WireError) -> UInt32 {
        let index = try get(UInt32.self)
        guard index < Leaf.isPathListBit else {
            throw .invalid(field: field, value: UInt64(index))
        }
        return index
    }

    fileprivate mutating func readCount(
        _ field: String,
        elementBytes: Int,
        limit: Int
    ) throws(WireError) -> Int {
        let count = try get(UInt32.self)
        guard count <= limit else { throw .invalid(field: field, value: UInt64(count)) }
        guard Int(count) * elementBytes <= remaining else { throw .truncated }
        return Int(count)
    }

    fileprivate mutating func readName() throws(WireError) -> String {
        let name = try getString()
        guard name.utf8.count <= ChangeCoding.maximumNameBytes else {
            throw .invalid(field: "interface name length", value: UInt64(name.utf8.count))
        }
        return name
    }

    fileprivate mutating func readRun(
        _ field: String,
        recordBytes: Int
    ) throws(WireError) -> (ArraySlice<UInt8>, Int) {
        let count = try readCount(field, elementBytes: recordBytes, limit: Int(UInt32.max))
        return (try getRaw(count * recordBytes), count)
    }

    fileprivate mutating func readAdjacency() throws(WireError) -> AdjacencyRecord {
        let number = try get(UInt8.self)
        guard let kind = AdjacencyRecord.Kind(rawValue: number) else {
            throw .invalid(field: "adjacency kind", value: UInt64(number))
        }
        return AdjacencyRecord(
            kind: kind,
            interface: try readInterfaceIndex(),
            nextHop: try get(),
            destination: try readMAC()
        )
    }

    fileprivate mutating func readBuckets() throws(WireError) -> [UInt32] {
        let count = try readCount(
            "buckets",
            elementBytes: 4,
            limit: PathList.maximumBuckets
        )
        guard count >= 2, count & (count - 1) == 0 else {
            throw .invalid(field: "buckets", value: UInt64(count))
        }
        var buckets: [UInt32] = []
        buckets.reserveCapacity(count)
        for _ in 0..<count { buckets.append(try readIndex("bucket")) }
        return buckets
    }

    fileprivate mutating func readInterfaceIndex() throws(WireError) -> UInt16 {
        let index = try get(UInt16.self)
        guard index <= InterfaceRecord.maximumIndex else {
            throw .invalid(field: "interface", value: UInt64(index))
        }
        return index
    }

    fileprivate mutating func readMAC() throws(WireError) -> MACAddress {
        let bits = try get(UInt64.self)
        guard bits >> 48 == 0 else { throw .invalid(field: "MAC address", value: bits) }
        return MACAddress(bits: bits)
    }

    fileprivate mutating func readInterface() throws(WireError) -> InterfaceRecord {
        var record = InterfaceRecord(
            index: try readInterfaceIndex(),
            name: try readName(),
            node: try get(),
            isUp: try getBool(),
            isPromiscuous: try getBool(),
            mac: try readMAC(),
            mtu: try get()
        )
        let count = try readCount(
            "addresses",
            elementBytes: 5,
            limit: ChangeCoding.maximumAddresses
        )
        for _ in 0..<count {
            let address = InterfaceAddress(address: try get(), prefixLength: try get())
            guard address.prefixLength <= 32 else {
                throw .invalid(field: "prefix length", value: UInt64(address.prefixLength))
            }
            record.addresses.append(address)
        }
        let nodes = Int(try get(UInt8.self))
        record.handoff.nodes = Array(try getRaw(nodes))
        record.handoff.isSymmetric = try getBool()
        record.rxMode = try readRxMode()
        let queues = try readCount(
            "queues with a mode",
            elementBytes: 3,
            limit: ChangeCoding.maximumQueues
        )
        for _ in 0..<queues {
            let queue = try get(UInt16.self)
            record.queueModes[queue] = try readRxMode()
        }
        return record
    }

    private mutating func readRxMode() throws(WireError) -> RxMode {
        let number = try get(UInt8.self)
        guard let mode = RxMode(rawValue: number) else {
            throw .invalid(field: "rx mode", value: UInt64(number))
        }
        return mode
    }
}
