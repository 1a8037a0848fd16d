/// A command to the packet generator of a worker.
public enum PacketGeneratorCommand: Hashable, Sendable {
    /// Makes a stream, which stays off until it is enabled.
    case create(PacketGeneratorStream)
    /// Gives a stream packets to replay, behind those that it has; together at most
    /// `appendBytes` bytes.
    case append(name: String, packets: [[UInt8]])
    /// Stops a stream and forgets it.
    case delete(name: String)
    /// Lets a stream run or stops it; an empty name means every stream.
    case enable(name: String, isEnabled: Bool)
    /// Changes a stream, which goes on where it is.
    case configure(name: String, PacketGeneratorChange)
    /// Answered with a line of `PacketGeneratorStatus` for each stream from a place in their order
    /// on, as many as go into an answer.
    case show(from: UInt16)

    /// The most bytes of an `append`, each packet with two of its own, so that it is one message.
    public static let appendBytes = 61_440
}

/// A stream of made-up or replayed packets.
public struct PacketGeneratorStream: Hashable, Sendable {
    /// The stream's name, unique on its node; at most 63 bytes.
    public var name: String
    /// The graph node that gets the packets: `ethernet-input`, `ip4-input` or `interface-output`.
    public var graphNode: String
    /// The interface that they count as received on; 0: none.
    public var interface: UInt16
    /// The interface by which they leave, for `interface-output`; else 0.
    public var txInterface: UInt16
    /// Packets in all; 0: no end.
    public var limit: UInt64
    /// Packets a second; 0: as many as go.
    public var packetsPerSecond: UInt64
    /// Bytes of the smallest packet; sizes go up by one from packet to packet, and start again.
    public var minimumBytes: UInt16
    /// Bytes of the largest packet; equal to `minimumBytes` if all are of one size.
    public var maximumBytes: UInt16
    /// Whether sizes are drawn at random rather than counted up.
    public var sizesAreRandom: Bool
    /// The most packets a frame, 1...256.
    public var framePackets: UInt16
    /// The lane that generates.
    public var lane: UInt16
    /// The first packet as it starts; padded with an incrementing byte pattern to its size.
    ///
    /// Lengths and checksums that are right in it are right in every packet.
    public var template: [UInt8]
    /// What differs from packet to packet; at most `PacketGeneratorField.mostFields`.
    public var fields: [PacketGeneratorField]
    /// Whether it replays packets, which `append` brings, instead of making them.
    public var isReplay: Bool

    /// Makes a stream; without more said, minimum-size packets without end, as fast as they go.
    public init(
        name: String,
        graphNode: String = "ethernet-input",
        interface: UInt16 = 0,
        txInterface: UInt16 = 0,
        limit: UInt64 = 0,
        packetsPerSecond: UInt64 = 0,
        minimumBytes: UInt16 = 64,
        maximumBytes: UInt16 = 64,
        sizesAreRandom: Bool = false,
        framePackets: UInt16 = 256,
        lane: UInt16 = 0,
        template: [UInt8] = [],
        fields: [PacketGeneratorField] = [],
        isReplay: Bool = false
    ) {
        self.name = name
        self.graphNode = graphNode
        self.interface = interface
        self.txInterface = txInterface
        self.limit = limit
        self.packetsPerSecond = packetsPerSecond
        self.minimumBytes = minimumBytes
        self.maximumBytes = maximumBytes
        self.sizesAreRandom = sizesAreRandom
        self.framePackets = framePackets
        self.lane = lane
        self.template = template
        self.fields = fields
        self.isReplay = isReplay
    }

    /// The most packets that a stream replays.
    public static let mostReplayed = 65_536
    /// The most bytes of them.
    public static let mostReplayedBytes = 16 << 20
}

/// A field of a stream's packets that differs from packet to packet.
public struct PacketGeneratorField: Hashable, Sendable {
    /// Where its most significant bit is, in bits from the packet's start.
    public var bitOffset: UInt32
    /// How long it is in bits, 1...64.
    public var bits: UInt8
    /// The lowest value.
    public var first: UInt64
    /// The highest value, which the field has room for.
    public var last: UInt64
    /// Whether values are drawn at random rather than counted up.
    public var isRandom: Bool
    /// What operators read.
    public var text: String

    /// The most fields of a stream.
    public static let mostFields = 32

    /// Makes a field of its parts.
    public init(
        bitOffset: UInt32,
        bits: UInt8,
        first: UInt64,
        last: UInt64,
        isRandom: Bool = false,
        text: String = ""
    ) {
        self.bitOffset = bitOffset
        self.bits = bits
        self.first = first
        self.last = last
        self.isRandom = isRandom
        self.text = text
    }
}

/// What changes of a stream; nil: nothing.
public struct PacketGeneratorChange: Hashable, Sendable {
    /// Packets in all; 0: no end.
    public var limit: UInt64?
    /// Packets a second; 0: as many as go.
    public var packetsPerSecond: UInt64?
    /// The most packets a frame, 1...256.
    public var framePackets: UInt16?

    /// Makes a change of its parts.
    public init(
        limit: UInt64? = nil,
        packetsPerSecond: UInt64? = nil,
        framePackets: UInt16? = nil
    ) {
        self.limit = limit
        self.packetsPerSecond = packetsPerSecond
        self.framePackets = framePackets
    }

    /// Makes the change.
    public func apply(to stream: inout PacketGeneratorStream) {
        if let limit { stream.limit = limit }
        if let packetsPerSecond { stream.packetsPerSecond = packetsPerSecond }
        if let framePackets { stream.framePackets = framePackets }
    }
}

extension PacketGeneratorCommand {
    func write(to writer: inout WireWriter) {
        switch self {
        case .create(let stream):
            writer.put(UInt8(0))
            stream.write(to: &writer)
        case .delete(let name):
            writer.put(UInt8(1))
            writer.put(name)
        case .enable(let name, let isEnabled):
            writer.put(UInt8(2))
            writer.put(name)
            writer.put(isEnabled)
        case .show(let first):
            writer.put(UInt8(3))
            writer.put(first)
        case .append(let name, let packets):
            writer.put(UInt8(4))
            writer.put(name)
            writer.put(packets) { writer, packet in
                writer.put(UInt16(packet.count))
                writer.put(raw: packet)
            }
        case .configure(let name, let change):
            writer.put(UInt8(5))
            writer.put(name)
            change.write(to: &writer)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try reader.get(UInt8.self) {
        case 0: self = .create(try PacketGeneratorStream(from: &reader))
        case 1: self = .delete(name: try reader.getString())
        case 2: self = .enable(name: try reader.getString(), isEnabled: try reader.getBool())
        case 3: self = .show(from: try reader.get())
        case 4:
            self = .append(
                name: try reader.getString(),
                packets: try reader.getList { reader throws(WireError) in
                    Array(try reader.getRaw(Int(try reader.get(UInt16.self))))
                }
            )
        case 5:
            self = .configure(
                name: try reader.getString(),
                try PacketGeneratorChange(from: &reader)
            )
        case let number: throw .invalid(field: "packet-generator command", value: UInt64(number))
        }
    }
}

extension PacketGeneratorStream {
    func write(to writer: inout WireWriter) {
        writer.put(name)
        writer.put(graphNode)
        writer.put(interface)
        writer.put(txInterface)
        writer.put(limit)
        writer.put(packetsPerSecond)
        for value in [minimumBytes, maximumBytes, framePackets, lane] { writer.put(value) }
        writer.put(sizesAreRandom)
        writer.put(UInt16(template.count))
        writer.put(raw: template)
        writer.put(fields) { $1.write(to: &$0) }
        writer.put(isReplay)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            name: try reader.getString(),
            graphNode: try reader.getString(),
            interface: try reader.get(),
            txInterface: try reader.get(),
            limit: try reader.get(),
            packetsPerSecond: try reader.get(),
            minimumBytes: try reader.get(),
            maximumBytes: try reader.get()
        )
        framePackets = try reader.get()
        lane = try reader.get()
        sizesAreRandom = try reader.getBool()
        template = Array(try reader.getRaw(Int(try reader.get(UInt16.self))))
        fields = try reader.getList(PacketGeneratorField.init(from:))
        isReplay = try reader.getBool()
    }
}

extension PacketGeneratorField {
    func write(to writer: inout WireWriter) {
        writer.put(bitOffset)
        writer.put(bits)
        writer.put(first)
        writer.put(last)
        writer.put(isRandom)
        writer.put(text)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            bitOffset: try reader.get(),
            bits: try reader.get(),
            first: try reader.get(),
            last: try reader.get(),
            isRandom: try reader.getBool(),
            text: try reader.getString()
        )
    }
}

extension PacketGeneratorChange {
    func write(to writer: inout WireWriter) {
        Self.put(limit, &writer)
        Self.put(packetsPerSecond, &writer)
        Self.put(framePackets, &writer)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            limit: try Self.get(&reader),
            packetsPerSecond: try Self.get(&reader),
            framePackets: try Self.get(&reader)
        )
    }

    private static func put(_ value: (some FixedWidthInteger)?, _ writer: inout WireWriter) {
        writer.put(value != nil)
        if let value { writer.put(value) }
    }

    private static func get<Value: FixedWidthInteger>(
        _ reader: inout WireReader
    ) throws(WireError) -> Value? {
        try reader.getBool() ? try reader.get(Value.self) : nil
    }
}
