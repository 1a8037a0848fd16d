internal import CausewayConfiguration
internal import ControlProtocol

extension CommandTable {
    private static let generator = Syntax.word("packet-generator", "make packets")

    /// The commands `packet-generator ...`.
    static let packetGeneratorCommands = [
        Command(
            generator + .word("new", "a stream") + .word("{") + streamOptions + .word("}"),
            "Makes a stream of packets on the NUMA node of an interface; it starts disabled.",
            run: createStream
        ),
        Command(
            generator + .word("enable-stream", "start") + .optional(streamName),
            "Starts a stream, or all."
        ) { input, session throws(CommandFailure) in
            try await session.enableStream(input.text("name") ?? "", isEnabled: true)
        },
        Command(
            generator + .word("disable-stream", "stop") + .optional(streamName),
            "Stops a stream, or all."
        ) { input, session throws(CommandFailure) in
            try await session.enableStream(input.text("name") ?? "", isEnabled: false)
        },
        Command(
            generator + .word("delete", "take a stream away") + streamName,
            "Takes a stream away."
        ) { input, session throws(CommandFailure) in
            let name = try input.required(input.text("name"), "STREAM")
            return try await session.onAnyNode(.delete(name: name))
        },
    ]

    private static let streamName = Syntax.value("name", .word("STREAM"), "the stream's name")

    private static let streamOptions = Syntax.options([
        .option("name", .word("STREAM"), "what the stream is called"),
        .option("limit", .count, "packets in all; 0: no end"),
        .option("rate", .count, "packets a second; 0: as many as go"),
        .option("size", .sizes(14...9216), "bytes of the first and last packet"),
        .option("interface", .interface, "on which they count as received"),
        .option("node", .word("INPUT-NODE"), "ethernet-input or ip4-input"),
        .option("maxframe", .integer(1...256), "the most packets a frame"),
        .option("worker", .integer(0...63), "the lane that makes them"),
        .option("numa", .numaNode, "the NUMA node; else the interface's"),
        .word("data", "the packet") + .word("{") + PacketTemplate.syntax + .word("}"),
    ])

    private static let createStream: Command.Action = { input, session throws(CommandFailure) in
        let view = await session.dataplane.view()
        guard let name = input.text("name") else { throw lacking("name STREAM") }
        guard name.utf8.count <= 63 else {
            throw .refused("the name of a stream has at most 63 bytes")
        }
        guard input.has("data") else { throw lacking("data { ... }") }
        guard let record = view.interfaces.first(where: { $0.name == input.text("interface") })
        else { throw lacking("interface INTERFACE") }
        let node = input.integer("numa") ?? Int(record.node)
        let lane = input.integer("worker") ?? 0
        let lanes = view.placement.nodes.first { $0.number == node }?.lanes.count ?? 0
        guard lane < lanes else {
            throw .refused("NUMA node \(node) has \(lanes) lanes, numbered from 0; no lane \(lane)")
        }
        let stream = try stream(
            input,
            name: name,
            interface: record.index,
            lane: UInt16(lane)
        )
        return try await session.packetGenerator(.create(stream), on: node)
    }

    private static func lacking(_ what: String) -> CommandFailure {
        .refused("packet-generator new lacks \(what)")
    }

    private static func stream(
        _ input: CommandInput,
        name: String,
        interface: UInt16,
        lane: UInt16
    ) throws(CommandFailure) -> PacketGeneratorStream {
        let graphNode = input.text("node") ?? "ethernet-input"
        guard ["ethernet-input", "ip4-input"].contains(graphNode) else {
            throw .refused(
                "packets start at ethernet-input or ip4-input, not at \"\(graphNode)\""
            )
        }
        let sizes: ClosedRange<Int>? =
            if case .sizes(let range) = input.value("size") { range } else { nil }
        let template = try PacketTemplate(input, startsAtIPv4: graphNode == "ip4-input")
        let bytes = try template.bytes(size: sizes?.lowerBound)
        let size = sizes ?? bytes.count...bytes.count
        return PacketGeneratorStream(
            name: name,
            graphNode: graphNode,
            interface: interface,
            limit: UInt64(input.integer("limit") ?? 0),
            packetsPerSecond: UInt64(input.integer("rate") ?? 0),
            minimumBytes: UInt16(size.lowerBound),
            maximumBytes: UInt16(size.upperBound),
            framePackets: UInt16(input.integer("maxframe") ?? 256),
            lane: lane,
            template: bytes,
            firstDestination: template.varied(template.destinations).lowerBound,
            lastDestination: template.varied(template.destinations).upperBound,
            firstSource: template.varied(template.sources).lowerBound,
            lastSource: template.varied(template.sources).upperBound,
            isRandom: template.isRandom
        )
    }
}

extension CommandSession {
    fileprivate func packetGenerator(
        _ command: PacketGeneratorCommand,
        on node: Int
    ) async throws(CommandFailure) -> any CommandResult {
        do {
            return TextResult(try await dataplane.packetGenerator(node: node, command))
        } catch {
            throw .refused("NUMA node \(node): \(error)")
        }
    }

    /// Does something to a stream wherever it is; refused if no node has it.
    fileprivate func onAnyNode(
        _ command: PacketGeneratorCommand
    ) async throws(CommandFailure) -> any CommandResult {
        var text = ""
        var refusals: [String] = []
        let nodes = await dataplane.view().placement.nodes.map(\.number)
        for node in nodes {
            do {
                text += try await dataplane.packetGenerator(node: node, command)
            } catch {
                refusals.append("NUMA node \(node): \(error)")
            }
        }
        guard refusals.count < nodes.count else {
            throw .refused(refusals.joined(separator: "; "))
        }
        return TextResult(text)
    }

    fileprivate func enableStream(
        _ name: String,
        isEnabled: Bool
    ) async throws(CommandFailure) -> any CommandResult {
        try await onAnyNode(.enable(name: name, isEnabled: isEnabled))
    }
}
