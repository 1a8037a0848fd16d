internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

extension CommandTable {
    /// `pcap dispatch trace ...`.
    static let dispatchTraceCommands: [Command] = [
        Command(
            .words("pcap dispatch trace", help: "packets at each graph node for Wireshark")
                + .options([
                    .word("on", "begin"), .word("off", "end it and write the file"),
                    .word("status", "what is captured now"),
                    .option("max", .integer(1...1_000_000), "packets, each at each node (1000)"),
                    .option("file", .word("NAME"), "a file in the runtime directory"),
                    .sequence([
                        .word("buffer-trace", "trace packets of an input node as well"),
                        .value(
                            "input",
                            .word("INPUT-NODE"),
                            "the graph node that takes packets in"
                        ),
                        .value("count", .integer(1...1_000_000), "packets of each lane"),
                    ]),
                ]),
            "Captures each packet before each call of a graph node, or ends that and writes a pcapng file."
        ) { input, session throws(CommandFailure) in
            let words = ["on", "off", "status"].filter { input.has($0) }
            guard words.count == 1 else {
                throw .refused("say one of on, off and status")
            }
            if words == ["status"] { return await captureStatus(session) }
            if words == ["off"] {
                try await refuseOther(of: true, session)
                return try await endCapture(file: input.text("file"), session)
            }
            // Who traces nothing captures nothing either: a wrong name changes nothing.
            if let name = input.text("input"), let count = input.integer("count") {
                try await refuseIfCapturing(session)
                _ = try await traceFurther(packets: count, of: name, session)
            }
            return try await startCapture(
                .dispatch,
                interface: nil,
                maximum: input.integer("max") ?? 1000,
                file: input.text("file"),
                session
            )
        }
    ]

    private static func refuseIfCapturing(
        _ session: CommandSession
    ) async throws(CommandFailure) {
        guard await !lives(session, nil).contains(where: isCapturing) else {
            throw .refused("packets are being captured; \(await ending(session)) ends that")
        }
    }

    /// The command that ends what is being captured.
    static func ending(_ session: CommandSession) async -> String {
        await capturesCalls(session) ? "pcap dispatch trace off" : "pcap trace off"
    }

    /// Refuses to end a capture by the command for the other kind.
    ///
    /// - Parameters:
    ///   - dispatch: whether the command is that for packets at each graph node.
    ///   - session: where it runs.
    /// - Throws: `CommandFailure` with the command that ends it.
    static func refuseOther(
        of dispatch: Bool,
        _ session: CommandSession
    ) async throws(CommandFailure) {
        let isCapturing = await lives(session, nil).contains(where: isCapturing)
        guard isCapturing, await capturesCalls(session) != dispatch else { return }
        throw .refused("something else is being captured; \(await ending(session)) ends it")
    }

    private static func capturesCalls(_ session: CommandSession) async -> Bool {
        await lives(session, nil).contains {
            $0.buffer.load(TraceBuffer.Word.captures) == CaptureSet.dispatch.rawValue
        }
    }

    /// What is traced of the packets that are captured; nothing if they are not captured at each node.
    static func capturedPaths(
        _ capturing: [TracedLife],
        _ session: CommandSession,
        _ view: DataplaneView
    ) async -> CapturedPaths {
        guard await capturesCalls(session) else { return CapturedPaths() }
        let readings = await lives(session, nil).map { TraceReading($0) }
        return CapturedPaths(readings, await traceForm(session, view, maximum: 0))
    }
}
