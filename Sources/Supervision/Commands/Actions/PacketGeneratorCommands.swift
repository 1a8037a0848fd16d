internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

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
            generator + .word("configure", "change a stream") + streamName + changes,
            "Changes a stream, which goes on where it is."
        ) { input, session throws(CommandFailure) in
            let change = PacketGeneratorChange(
                limit: input.integer("limit").map { UInt64($0) },
                packetsPerSecond: input.integer("rate").map { UInt64($0) },
                framePackets: input.integer("maxframe").map { UInt16($0) }
            )
            guard change != PacketGeneratorChange() else {
                throw .refused("say what to change: limit, rate or maxframe")
            }
            let name = try input.required(input.text("name"), "STREAM")
            return try await session.onAnyNode(.configure(name: name, change))
        },
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
        Command(
            generator + .word("capture", "what an interface sends")
                + .value("interface", .interface, "which")
                + .choice([
                    .word("pcap", "into a file") + .value("file", .word("NAME"), "a bare name")
                        + .optional(.option("count", .integer(1...1_000_000), "packets (1000)")),
                    .word("disable", "end it and write the file"),
                ]),
            "Captures what an interface sends, or ends that and writes a pcapng file."
        ) { input, session throws(CommandFailure) in
            let interface = try input.required(input.text("interface"), "INTERFACE")
            guard !input.has("disable") else {
                return try await endCapture(file: nil, session, only: (.tx, interface))
            }
            return try await startCapture(
                .tx,
                interface: interface,
                maximum: input.integer("count") ?? 1000,
                file: input.text("file"),
                session
            )
        },
    ]

    private static let streamName = Syntax.value("name", .word("STREAM"), "the stream's name")

    private static let changes = Syntax.options([
        .option("limit", .count, "packets in all; 0: no end"),
        .option("rate", .count, "packets a second; 0: as many as go"),
        .option("maxframe", .integer(1...256), "the most packets a frame"),
    ])

    private static let streamOptions = Syntax.options([
        .option("name", .word("STREAM"), "what the stream is called"),
        .option("limit", .count, "packets in all; 0: no end"),
        .option("rate", .count, "packets a second; 0: as many as go"),
        .option("size", .sizes(14...9216), "bytes of the first and last packet"),
        .option("interface", .interface, "on which they count as received"),
        .option("tx-interface", .interface, "by which they leave at once"),
        .option("node", .word("INPUT-NODE"), "ethernet-input, ip4-input or INTERFACE-output"),
        .option("maxframe", .integer(1...256), "the most packets a frame"),
        .option("worker", .integer(0...63), "the lane that makes them"),
        .option("numa", .numaNode, "the NUMA node; else the interface's"),
        .option("pcap", .path, "a file whose packets are replayed"),
        .option("loop", .count, "how often; 0: without end"),
        .word("data", "the packet") + .word("{") + PacketTemplate.syntax + .word("}"),
    ])

    private static let createStream: Command.Action = { input, session throws(CommandFailure) in
        let request = try StreamRequest(
            input,
            StreamSurroundings(await session.dataplane.view())
        )
        guard !request.stream.isReplay else { return try await replay(request, session) }
        return try await session.packetGenerator(.create(request.stream), on: request.node)
    }

    /// Makes a stream and gives it its packets; all of it or nothing.
    private static func replay(
        _ request: StreamRequest,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        let name = request.stream.name
        _ = try await session.packetGenerator(.create(request.stream), on: request.node)
        do throws(CommandFailure) {
            for part in request.parts {
                _ = try await session.packetGenerator(
                    .append(name: name, packets: Array(part)),
                    on: request.node
                )
            }
        } catch {
            _ = try? await session.packetGenerator(.delete(name: name), on: request.node)
            throw error
        }
        return ReplayReport(
            packets: request.packets.count,
            bytes: request.packets.reduce(0) { $0 + $1.count },
            cutPackets: request.cutPackets
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
