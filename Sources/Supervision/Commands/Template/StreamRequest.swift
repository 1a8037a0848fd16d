internal import CausewayConfiguration
internal import ControlProtocol

/// What there is that streams can name.
struct StreamSurroundings: Sendable {
    /// An interface.
    struct Interface: Sendable {
        var name: String
        /// Its `sw_if_index`.
        var index: UInt16
        /// Its NUMA node.
        var node: Int
    }

    var interfaces: [Interface]
    /// By NUMA node, how many lanes it has.
    var lanes: [Int: Int]

    init(interfaces: [Interface], lanes: [Int: Int]) {
        self.interfaces = interfaces
        self.lanes = lanes
    }

    init(_ view: DataplaneView) {
        interfaces = view.interfaces.map {
            Interface(name: $0.name, index: $0.index, node: Int($0.node))
        }
        lanes = Dictionary(
            view.placement.nodes.map { ($0.number, $0.lanes.count) },
            uniquingKeysWith: { first, _ in first }
        )
    }
}

/// What the words of `packet-generator new` ask for.
struct StreamRequest {
    private(set) var stream: PacketGeneratorStream
    /// The NUMA node whose worker makes it.
    let node: Int
    /// What it replays.
    private(set) var packets: [[UInt8]] = []
    private(set) var cutPackets = 0

    /// Where packets can start, besides `INTERFACE-output`.
    private static let inputNodes = ["ethernet-input", "ip4-input"]

    /// Takes the arguments that the command's form keeps.
    ///
    /// - Throws: `CommandFailure` for what is lacking or does not go together.
    init(_ input: CommandInput, _ view: StreamSurroundings) throws(CommandFailure) {
        let words = TemplateWords(input.captures)
        func named(_ name: String?) -> StreamSurroundings.Interface? {
            name.flatMap { name in view.interfaces.first { $0.name == name } }
        }
        let target = try Self.target(input, words, view)
        let output = named(target.output)
        guard let name = input.text("name") else { throw Self.lacking("name STREAM") }
        guard name.utf8.count <= 63 else {
            throw .refused(
                "the name of a stream has at most 63 bytes",
                position: words.value("name")?.offset
            )
        }
        let record = named(input.text("interface"))
        guard let home = record ?? output else { throw Self.lacking("interface INTERFACE") }
        node = input.integer("numa") ?? home.node
        let lane = try Self.lane(input, words, of: node, in: view)
        stream = PacketGeneratorStream(
            name: name,
            graphNode: output == nil ? target.node : "interface-output",
            interface: record?.index ?? 0,
            txInterface: output?.index ?? 0,
            limit: UInt64(input.integer("limit") ?? 0),
            packetsPerSecond: UInt64(input.integer("rate") ?? 0),
            framePackets: UInt16(input.integer("maxframe") ?? 256),
            lane: lane
        )
        if let path = input.text("pcap") {
            if let place = words.place("data") {
                throw .refused("data and pcap: a stream has either", position: place)
            }
            if let place = words.place("size") {
                throw .refused("replayed packets have their own sizes", position: place)
            }
            try replay(path, input, words)
        } else {
            if let place = words.place("loop") {
                throw .refused("loop goes with pcap; limit ends other streams", position: place)
            }
            guard input.has("data") else { throw Self.lacking("data { ... } or pcap /FILE") }
            try make(words)
        }
    }

    private static func lacking(_ what: String) -> CommandFailure {
        .refused("packet-generator new lacks \(what)")
    }

    /// The graph node that gets the packets, or the interface by which they leave.
    private static func target(
        _ input: CommandInput,
        _ words: TemplateWords,
        _ view: StreamSurroundings
    ) throws(CommandFailure) -> (node: String, output: String?) {
        let sent = input.text("tx-interface")
        guard let node = input.text("node") else { return ("ethernet-input", sent) }
        let place = words.value("node")?.offset
        if inputNodes.contains(node) {
            guard sent == nil else {
                throw .refused(
                    "packets for tx-interface start at its output, not at \(node)",
                    position: place
                )
            }
            return (node, nil)
        }
        if node == "interface-output", let sent { return (node, sent) }
        let interface = view.interfaces.first {
            node == $0.name || node == $0.name + "-output" || node == $0.name + "-tx"
        }
        guard let interface else {
            throw .refused(
                "packets start at ethernet-input, ip4-input or INTERFACE-output, not at \"\(node)\"",
                position: place
            )
        }
        guard sent == nil || sent == interface.name else {
            throw .refused("\(node) and tx-interface are of two interfaces", position: place)
        }
        return (node, interface.name)
    }

    private static func lane(
        _ input: CommandInput,
        _ words: TemplateWords,
        of node: Int,
        in view: StreamSurroundings
    ) throws(CommandFailure) -> UInt16 {
        let lane = input.integer("worker") ?? 0
        let lanes = view.lanes[node] ?? 0
        guard lane < lanes else {
            throw .refused(
                "NUMA node \(node) has \(lanes) lanes, numbered from 0; no lane \(lane)",
                position: words.value("worker")?.offset
            )
        }
        return UInt16(lane)
    }

    private mutating func make(_ words: TemplateWords) throws(CommandFailure) {
        let sizes = try words.range("size")
        let template = try PacketTemplate(
            words,
            startsAtNetwork: stream.graphNode == "ip4-input",
            size: sizes.map { Int($0.first) },
            place: words.value("size")?.offset
        )
        stream.template = template.bytes
        stream.fields = template.fields
        stream.minimumBytes = UInt16(template.bytes.count)
        stream.maximumBytes = sizes.map { UInt16($0.last) } ?? stream.minimumBytes
        stream.sizesAreRandom = sizes?.isRandom ?? false
    }

    // MARK: Replay

    /// The most bytes of a file: all packets, and what stands around each.
    private static let mostFileBytes = 64 << 20

    private mutating func replay(
        _ path: String,
        _ input: CommandInput,
        _ words: TemplateWords
    ) throws(CommandFailure) {
        let place = words.value("pcap")?.offset
        let bytes = try WholeFile.read(path, maximumBytes: Self.mostFileBytes, position: place)
        let file: PacketFile
        do throws(PacketFile.Fault) {
            file = try PacketFile(
                bytes,
                limits: PacketFile.Limits(
                    packets: PacketGeneratorStream.mostReplayed,
                    bytes: PacketGeneratorStream.mostReplayedBytes,
                    packetBytes: PacketTemplate.mostBytes
                )
            )
        } catch { throw .refused("\(path): \(error)", position: place) }
        let isNetwork = stream.graphNode == "ip4-input"
        guard (file.link == .network) == isNetwork else {
            throw .refused(
                isNetwork
                    ? "\(path): its packets begin with an Ethernet header: use node ethernet-input"
                    : "\(path): its packets begin with an IP header: use node ip4-input",
                position: place
            )
        }
        packets = file.packets
        cutPackets = file.cutPackets
        let sizes = packets.map { UInt16($0.count) }
        stream.isReplay = true
        stream.minimumBytes = sizes.min() ?? 1
        stream.maximumBytes = sizes.max() ?? 1
        if input.integer("limit") == nil {
            let (limit, isTooMuch) = packets.count.multipliedReportingOverflow(
                by: input.integer("loop") ?? 1
            )
            stream.limit = isTooMuch ? 0 : UInt64(limit)
        } else if let place = words.place("loop") {
            throw .refused("limit and loop: say either", position: place)
        }
    }

    /// The packets in parts that each go into one message.
    var parts: [ArraySlice<[UInt8]>] {
        var parts: [ArraySlice<[UInt8]>] = []
        var start = 0
        var bytes = 0
        for (index, packet) in packets.enumerated() {
            if bytes + packet.count + 2 > PacketGeneratorCommand.appendBytes {
                parts.append(packets[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += packet.count + 2
        }
        parts.append(packets[start...])
        return parts
    }
}
