/// How forwarding changes travel to a worker.
///
/// A message holds changes one after the other: a byte that says which, and its fields. Routes take
/// 8 bytes each, removed ones 9, and a run of them too long for one message goes on in the next; a
/// worker that applies messages in order needs to know nothing of that.
public enum ChangeCoding {
    /// The version of what the bytes mean.
    public static let version: UInt16 = 1
    /// The most bytes of changes in one message; with its head it fits a datagram of 64 KiB.
    public static let maximumChunkBytes = NodeMessage.maximumChangeBytes
    /// The longest interface name in bytes.
    public static let maximumNameBytes = 255
    /// The most addresses of one interface.
    public static let maximumAddresses = 1024
    /// The most receive queues of one interface with a mode of their own.
    public static let maximumQueues = 128

    enum Tag: UInt8 {
        case interface = 1
        case adjacency = 2
        case adjacencyRemoved = 3
        case pathList = 4
        case pathListRemoved = 5
        case routes = 6
        case routesRemoved = 7
        case plugin = 8
    }

    /// Writes changes into as few messages as hold them.
    ///
    /// - Parameter changes: in order.
    /// - Returns: messages of at most `maximumChunkBytes`, to be applied in order; none for no
    ///   changes.
    /// - Precondition: names and address lists are within the limits above.
    public static func encodeChunks(_ changes: [ForwardingChange]) -> [[UInt8]] {
        var encoder = ChangeEncoder()
        for change in changes {
            switch change {
            case .routes(let routes): encoder.write(routes, tag: .routes)
            case .routesRemoved(let routes): encoder.write(routes, tag: .routesRemoved)
            default: encoder.write(change)
            }
        }
        return encoder.finish()
    }

    /// Reads one message whole.
    ///
    /// - Parameter bytes: a message of `encodeChunks`, or anything.
    /// - Returns: its changes in order.
    /// - Throws: what is wrong with it.
    public static func decode(_ bytes: [UInt8]) throws(WireError) -> [ForwardingChange] {
        var reader = ChangeReader(bytes)
        var changes: [ForwardingChange] = []
        while let change = try reader.next() {
            switch change {
            case .change(let change): changes.append(change)
            case .routes(let routes): changes.append(.routes(Array(routes)))
            case .routesRemoved(let routes): changes.append(.routesRemoved(Array(routes)))
            }
        }
        return changes
    }
}

/// Fills messages.
private struct ChangeEncoder {
    private var chunks: [[UInt8]] = []
    private var chunk = WireWriter()

    mutating func finish() -> [[UInt8]] {
        if chunk.bytes.count > 0 { chunks.append(chunk.bytes) }
        return chunks
    }

    mutating func write(_ change: ForwardingChange) {
        var piece = WireWriter()
        switch change {
        case .interface(let record): piece.putInterface(record)
        case .adjacency(let index, let record):
            piece.put(ChangeCoding.Tag.adjacency.rawValue)
            piece.put(index)
            piece.put(record.kind.rawValue)
            piece.put(record.interface)
            piece.put(record.nextHop)
            piece.put(record.destination.bits)
        case .adjacencyRemoved(let index):
            piece.put(ChangeCoding.Tag.adjacencyRemoved.rawValue)
            piece.put(index)
        case .pathList(let index, let buckets):
            piece.put(ChangeCoding.Tag.pathList.rawValue)
            piece.put(index)
            piece.put(UInt32(buckets.count))
            for bucket in buckets { piece.put(bucket) }
        case .pathListRemoved(let index):
            piece.put(ChangeCoding.Tag.pathListRemoved.rawValue)
            piece.put(index)
        case .plugin(let setting):
            piece.put(ChangeCoding.Tag.plugin.rawValue)
            setting.write(to: &piece)
        case .routes, .routesRemoved:
            preconditionFailure("routes are written in runs")
        }
        precondition(
            piece.bytes.count <= ChangeCoding.maximumChunkBytes,
            "a change fits one message"
        )
        makeRoom(for: piece.bytes.count)
        chunk.put(raw: piece.bytes)
    }

    mutating func write<Element: WireRecord>(_ elements: [Element], tag: ChangeCoding.Tag) {
        var rest = elements[...]
        while !rest.isEmpty {
            makeRoom(for: 5 + Element.wireBytes)
            let room = (ChangeCoding.maximumChunkBytes - chunk.bytes.count - 5) / Element.wireBytes
            let run = rest.prefix(room)
            chunk.put(tag.rawValue)
            chunk.put(UInt32(run.count))
            withUnsafeTemporaryAllocation(
                byteCount: run.count * Element.wireBytes,
                alignment: 8
            ) { buffer in
                var offset = 0
                for element in run {
                    element.store(to: buffer, at: offset)
                    offset += Element.wireBytes
                }
                chunk.put(raw: buffer)
            }
            rest = rest.dropFirst(run.count)
        }
    }

    private mutating func makeRoom(for byteCount: Int) {
        guard chunk.bytes.count + byteCount > ChangeCoding.maximumChunkBytes else { return }
        chunks.append(chunk.bytes)
        chunk = WireWriter()
    }
}

extension WireWriter {
    fileprivate mutating func putInterface(_ record: InterfaceRecord) {
        precondition(
            record.name.utf8.count <= ChangeCoding.maximumNameBytes
                && record.addresses.count <= ChangeCoding.maximumAddresses
                && record.handoff.nodes.count <= Int(UInt8.max)
                && record.queueModes.count <= ChangeCoding.maximumQueues,
            "an interface record is within its limits"
        )
        put(ChangeCoding.Tag.interface.rawValue)
        put(record.index)
        put(record.name)
        put(record.node)
        put(record.isUp)
        put(record.isPromiscuous)
        put(record.mac.bits)
        put(record.mtu)
        put(UInt32(record.addresses.count))
        for address in record.addresses {
            put(address.address)
            put(address.prefixLength)
        }
        put(UInt8(record.handoff.nodes.count))
        put(raw: record.handoff.nodes)
        put(record.handoff.isSymmetric)
        put(record.rxMode.rawValue)
        put(UInt32(record.queueModes.count))
        for (queue, mode) in record.queueModes.sorted(by: { $0.key < $1.key }) {
            put(queue)
            put(mode.rawValue)
        }
    }
}
