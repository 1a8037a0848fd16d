internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import SystemPackage

extension CommandTable {
    private static let captureKinds: [(word: String, what: CaptureSet, help: String)] = [
        ("rx", .rx, "packets as they come in"), ("tx", .tx, "packets as they leave"),
        ("drop", .drop, "packets that are dropped, with the reason"),
    ]

    /// `pcap trace ...`.
    static let captureCommands: [Command] = [
        Command(
            .words("pcap trace", help: "packets of interfaces for Wireshark")
                + .options(
                    captureKinds.map { .word($0.word, $0.help) } + [
                        .option("max", .integer(1...1_000_000), "packets (100)"),
                        .sequence([
                            .word("intfc", "of which interface"),
                            .choice([
                                .word("any", "all interfaces"),
                                .value("intfc", .interface, "only this one"),
                            ]),
                        ]),
                        .option("file", .word("NAME"), "a file in the runtime directory"),
                        .word("status", "what is captured now"),
                        .word("off", "end it and write the file"),
                    ]
                ),
            "Captures packets of interfaces, or ends that and writes a pcapng file."
        ) { input, session throws(CommandFailure) in
            if input.has("off") {
                try await refuseOther(of: false, session)
                return try await endCapture(file: input.text("file"), session)
            }
            if input.has("status") { return await captureStatus(session) }
            let captures = CaptureSet(captureKinds.filter { input.has($0.word) }.map(\.what))
            guard !captures.isEmpty else {
                throw .refused("say what to capture: rx, tx or drop; or status, or off")
            }
            return try await startCapture(
                captures,
                interface: input.text("intfc"),
                maximum: input.integer("max") ?? 100,
                file: input.text("file"),
                session
            )
        }
    ]

    static func isCapturing(_ life: TracedLife) -> Bool {
        life.buffer.load(TraceBuffer.Word.captures) != 0
    }

    /// Lets all workers capture packets.
    ///
    /// - Parameters:
    ///   - captures: which.
    ///   - interfaceName: of which interface; nil: all.
    ///   - maximum: how many at most.
    ///   - file: where they will be written; nil: a name made of what is captured.
    ///   - session: where the command runs.
    /// - Returns: nothing to say.
    /// - Throws: `CommandFailure` if nobody can capture, or somebody does.
    static func startCapture(
        _ captures: CaptureSet,
        interface interfaceName: String?,
        maximum: Int,
        file: String?,
        _ session: CommandSession
    ) async throws(CommandFailure) -> any CommandResult {
        if let name = file, !TraceFileName.isPlain(name) {
            throw .refused(TraceFileName.refusal(of: name))
        }
        let all = await lives(session, nil)
        let alive = all.filter { !$0.isOver && $0.buffer.isAttached }
        guard !alive.isEmpty else {
            throw .refused("no worker runs that can capture; show nodes says what runs")
        }
        guard !all.contains(where: isCapturing) else {
            throw .refused("packets are being captured; \(await ending(session)) ends that")
        }
        let view = await session.dataplane.view()
        let interface = view.interfaces.first { $0.name == interfaceName }
        let longest = view.placement.nodes.map(\.bufferDataBytes).max() ?? 2048
        for life in alive {
            try reserve(life) { () throws(Errno) in
                try life.buffer.reserve(
                    path: life.path,
                    records: false,
                    captureBytes: maximum * (longest + 64)
                )
            }
        }
        session.dataplane.tracing.captureFile = file
        for life in alive {
            life.buffer.startCapture(
                captures,
                interface: Int(interface?.index ?? 0),
                packets: maximum
            )
        }
        return DoneResult()
    }

    /// Ends what is being captured, and writes it.
    ///
    /// - Parameters:
    ///   - file: the file's name; nil: the one that was named at the start.
    ///   - session: where the command runs.
    ///   - only: refused if something else is captured.
    /// - Returns: what was written where.
    /// - Throws: `CommandFailure` if nothing is captured, or the file cannot be written.
    static func endCapture(
        file: String?,
        _ session: CommandSession,
        only: (what: CaptureSet, interface: String)? = nil
    ) async throws(CommandFailure) -> any CommandResult {
        let capturing = await lives(session, nil).filter(isCapturing)
        guard !capturing.isEmpty else { throw .refused("no packets are being captured") }
        let name = file ?? captureFile(of: capturing, session)
        guard TraceFileName.isPlain(name) else { throw .refused(TraceFileName.refusal(of: name)) }
        let view = await session.dataplane.view()
        if let only {
            let buffer = capturing[0].buffer
            let index = view.interfaces.first { $0.name == only.interface }?.index ?? 0
            guard buffer.load(.captures) == only.what.rawValue,
                buffer.load(.captureInterface) == UInt64(index)
            else {
                throw .refused(
                    "what is being captured is not what \(only.interface) sends; pcap trace status "
                        + "says what it is, \(await ending(session)) ends it"
                )
            }
        }
        let limit = Int(clamping: capturing[0].buffer.load(.capturePackets))
        let names = interfaceNames(view)
        let capture = Capture(
            capturing,
            interfaces: names,
            clock: await clock(of: session),
            limit: limit,
            paths: await capturedPaths(capturing, session, view)
        )
        var path = ""
        if !capture.packets.isEmpty {
            let file = PcapngFile(application: "causeway \(Build.version)", capture.packets)
            do throws(ChangeError) {
                path = try await session.dataplane.save(name, file.bytes)
            } catch { throw .refused(error) }
        }
        for life in capturing { life.buffer.stopCapture() }
        session.dataplane.tracing.captureFile = nil
        return CaptureWritten(file: path, packets: capture.packets.count, lost: capture.lost)
    }

    static func captureStatus(_ session: CommandSession) async -> any CommandResult {
        let capturing = await lives(session, nil).filter(isCapturing)
        guard let first = capturing.first?.buffer else {
            return CaptureStatus(
                isOn: false,
                captures: [],
                interface: "",
                packets: 0,
                maximum: 0,
                lost: 0,
                file: ""
            )
        }
        let view = await session.dataplane.view()
        let counts = capturing.map { $0.buffer.captureCounts }
        let maximum = Int(clamping: first.load(.capturePackets))
        return CaptureStatus(
            isOn: true,
            captures: words(of: first),
            interface: interfaceNames(view)[Int(clamping: first.load(.captureInterface))] ?? "",
            packets: min(maximum, counts.reduce(0) { $0 + $1.packets }),
            maximum: maximum,
            lost: counts.reduce(0) { $0 + $1.lost },
            file: captureFile(of: capturing, session)
        )
    }

    private static func words(of buffer: TraceBuffer) -> [String] {
        let captures = CaptureSet(rawValue: buffer.load(.captures))
        if captures == .dispatch { return ["dispatch"] }
        return captureKinds.filter { captures.contains($0.what) }.map(\.word)
    }

    /// The file that was named, or one named after what is captured.
    private static func captureFile(of lives: [TracedLife], _ session: CommandSession) -> String {
        session.dataplane.tracing.captureFile
            ?? (lives.first.map { words(of: $0.buffer).joined() } ?? "") + ".pcapng"
    }

    /// Names of interfaces by `sw_if_index`; 0, which stands for all, has none.
    static func interfaceNames(_ view: DataplaneView) -> [Int: String] {
        Dictionary(
            view.interfaces.filter { $0.index != 0 }.map { (Int($0.index), $0.name) },
            uniquingKeysWith: { first, _ in first }
        )
    }
}
