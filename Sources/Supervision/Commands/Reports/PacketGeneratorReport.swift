internal import ControlProtocol

/// `show packet-generator`: the streams of each NUMA node.
struct PacketGeneratorReport: CommandResult {
    /// A NUMA node.
    struct Node: Encodable, Sendable {
        var numaNode: Int
        /// In the order in which they were made.
        var streams: [Stream]
        /// Why its worker says nothing.
        var error: String?
    }

    /// A stream.
    struct Stream: Encodable, Sendable {
        var name: String
        /// `disabled`, `enabled`, or `done` with all that it was to make.
        var state: String
        /// Made since it was last enabled.
        var packets: UInt64
        /// 0: no end.
        var limit: UInt64
        /// Packets a second; 0: as many as go.
        var rate: UInt64
        var minimumBytes: Int
        var maximumBytes: Int
        var sizesAreRandom: Bool
        /// The graph node that gets the packets.
        var node: String
        /// On which they count as received; empty: on none.
        var interface: String
        /// By which they leave at once; empty: the graph says so.
        var txInterface: String
        var lane: Int
        var maxframe: Int
        /// Packets that it replays, and their bytes; 0: it makes them.
        var replayedPackets: Int
        var replayedBytes: Int
        /// What differs from packet to packet.
        var fields: [String]
        /// The first packet as it starts, in hexadecimal digits.
        var packet: String

        init(_ status: PacketGeneratorStatus, _ interfaces: [Int: String]) {
            let stream = status.stream
            name = stream.name
            state = !status.isEnabled ? "disabled" : status.isDone ? "done" : "enabled"
            packets = status.made
            limit = stream.limit
            rate = stream.packetsPerSecond
            minimumBytes = Int(stream.minimumBytes)
            maximumBytes = Int(stream.maximumBytes)
            sizesAreRandom = stream.sizesAreRandom
            node = stream.graphNode
            interface = interfaces[Int(stream.interface)] ?? ""
            txInterface = interfaces[Int(stream.txInterface)] ?? ""
            lane = Int(stream.lane)
            maxframe = Int(stream.framePackets)
            replayedPackets = Int(status.replayedPackets)
            replayedBytes = Int(status.replayedBytes)
            fields = stream.fields.map(\.text)
            packet = stream.template.map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
        }

        fileprivate var sizes: String {
            minimumBytes == maximumBytes
                ? "\(minimumBytes)"
                : "\(minimumBytes)\(sizesAreRandom ? "+" : "-")\(maximumBytes)"
        }

        fileprivate var way: String {
            txInterface.isEmpty ? "\(interface) -> \(node)" : "-> \(txInterface)"
        }

        /// What is told with `verbose` beside the table.
        fileprivate var details: String {
            var lines = fields
            if replayedPackets > 0 {
                lines.append("replays \(replayedPackets) packets, \(replayedBytes) bytes")
            }
            if !packet.isEmpty { lines.append("packet \(packet)") }
            return "\(name):\n" + lines.map { "  \($0)\n" }.joined()
        }
    }

    var nodes: [Node]
    private var isVerbose: Bool

    init(nodes: [Node], isVerbose: Bool) {
        self.nodes = nodes
        self.isVerbose = isVerbose
    }

    private enum CodingKeys: String, CodingKey { case nodes }

    var text: String { nodes.map(text).joined() }

    private func text(_ node: Node) -> String {
        let head = "NUMA node \(node.numaNode)"
        if let error = node.error { return "\(head): \(error)\n" }
        guard !node.streams.isEmpty else { return "\(head): no streams\n" }
        var table = TextTable([
            .init("stream", 12, .left), .init("state", 8, .left), .init("packets", 10),
            .init("limit", 10), .init("rate", 10), .init("size", 9), .init("maxframe", 8),
            .init("lane", 4), .init("way", 0, .left),
        ])
        for stream in node.streams {
            table.add([
                stream.name, stream.state, "\(stream.packets)",
                stream.limit == 0 ? "none" : "\(stream.limit)",
                stream.rate == 0 ? "none" : "\(stream.rate)", stream.sizes, "\(stream.maxframe)",
                "\(stream.lane)", stream.way,
            ])
        }
        let details = isVerbose ? node.streams.map(\.details).joined() : ""
        return "\(head)\n" + table.text + details
    }
}

/// `packet-generator new` with `pcap`.
struct ReplayReport: CommandResult {
    var packets: Int
    var bytes: Int
    /// Packets of which the file has a part only.
    var cutPackets: Int

    var text: String {
        "\(packets) packets, \(bytes) bytes"
            + (cutPackets > 0 ? "; of \(cutPackets) the file has a part only\n" : "\n")
    }
}
