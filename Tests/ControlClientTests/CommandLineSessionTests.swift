import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import Logging
import Routing
import Supervision
import Synchronization
import Testing

@testable import ControlClient

@Suite struct CommandLineSessionTests {
    /// Runs `body` with a session on a server of its own.
    private func withSession(
        isJSON: Bool = false,
        isInteractive: Bool = false,
        _ body: @Sendable @escaping (CommandLineSession, RecordingTerminal) async throws -> Void
    ) async throws {
        var template = Array("/tmp/causeway-ctl-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
        defer { rmdir(folder) }
        let path = folder + "/api.sock"
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let server = ControlServer(
            dataplane: EmptyDataplane(),
            socketPath: path,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let terminal = RecordingTerminal(isInteractive: isInteractive)
        let session = CommandLineSession(
            client: ControlClient(socketPath: path),
            terminal: terminal,
            isJSON: isJSON,
            folder: folder
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run { start.finish() } }
            for await _ in started {}
            try await body(session, terminal)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func tellsByItsStatusHowACommandWent() async throws {
        try await withSession { session, terminal in
            #expect(await session.run("show version") == .done)
            #expect(terminal.output.hasPrefix("causeway v"))
            #expect(await session.run("show nothing") == .usage)
            #expect(await session.run("set interface state tap0 up") == .refused)
            #expect(await session.run("") == .done)
        }
        #expect(CommandLineSession.Status.allCases.map(\.rawValue) == [0, 1, 2, 3])
    }

    @Test func pointsAtTheWordThatIsWrong() async throws {
        try await withSession { session, terminal in
            _ = await session.run("show ip fibb")
            #expect(
                terminal.complaints == """
                    causewayctl: unknown word "fibb" after "show ip"; did you mean "fib"?
                      show ip fibb
                              ^
                      expected: fib, neighbors

                    """
            )
            #expect(terminal.output == "")
        }
    }

    @Test func printsJSONOnOneLine() async throws {
        try await withSession(isJSON: true) { session, terminal in
            #expect(await session.run("show log") == .done)
            #expect(terminal.output == "{\"log\":[\"one\"]}\n")
            #expect(await session.run("set interface state tap0 up") == .refused)
            #expect(terminal.output.hasSuffix("\"ok\":false}\n"))
        }
    }

    @Test func namesTheSocketThatNobodyAnswersOn() async throws {
        let terminal = RecordingTerminal(isInteractive: false)
        let session = CommandLineSession(
            client: ControlClient(socketPath: "/tmp/causeway-no-such.sock"),
            terminal: terminal,
            isJSON: false,
            folder: "/"
        )
        #expect(await session.run("show version") == .unreachable)
        #expect(
            terminal.complaints == """
                causewayctl: cannot reach the supervisor at /tmp/causeway-no-such.sock: there is no such \
                socket; is causeway running? -s SOCKET or CAUSEWAY_SOCKET names another socket

                """
        )
        let long = CommandLineSession(
            client: ControlClient(socketPath: "/" + String(repeating: "x", count: 200)),
            terminal: terminal,
            isJSON: false,
            folder: "/"
        )
        #expect(await long.run("show version") == .unreachable)
    }

    @Test func makesFileNamesAbsolute() {
        func absolute(_ line: String) -> String {
            CommandLineSession.absolute(line, in: "/srv/me")
        }
        #expect(absolute("exec routes.txt") == "exec /srv/me/routes.txt")
        #expect(absolute("exec ../routes") == "exec /srv/me/../routes")
        #expect(absolute("exe routes") == "exe /srv/me/routes")
        #expect(absolute("exec \"my routes\"") == "exec \"/srv/me/my routes\"")
        #expect(absolute("exec /etc/routes") == "exec /etc/routes")
        #expect(absolute("exec ?") == "exec ?")
        #expect(absolute("show version") == "show version")
        #expect(absolute("apply t.yaml --check") == "apply /srv/me/t.yaml --check")
        #expect(absolute("apply --check") == "apply --check")
        #expect(absolute("upgrade node 1 --with bin/n") == "upgrade node 1 --with /srv/me/bin/n")
        #expect(absolute("upgrade all --with \"b n\"") == "upgrade all --with \"/srv/me/b n\"")
        #expect(absolute("upgrade all --with /b/n") == "upgrade all --with /b/n")
        #expect(absolute("upgrade all --with") == "upgrade all --with")
        #expect(CommandLineSession.absolute("exec x", in: "/") == "exec /x")
    }

    @Test func runsAFileFromTheFolderOfTheClient() async throws {
        try await withSession { session, terminal in
            #expect(await session.run("exec missing") == .refused)
            #expect(terminal.complaints.contains("cannot read /tmp/causeway-ctl-"))
        }
    }

    @Test func watchesLanes() async throws {
        try await withSession { session, terminal in
            #expect(await session.watch("sh lanes", every: 0.01, rounds: 2) == .done)
            let tables = terminal.output.split(separator: "\n")
            #expect(tables.count == 4)
            #expect(
                tables[0].split(separator: " ") == [
                    "Node", "Lane", "CPU", "Packets/s", "Vectors/Frame", "Clocks/Packet",
                    "Handoffs/s", "Drops/s", "State",
                ]
            )
            #expect(tables[1].split(separator: " ").last == "down")
            #expect(!terminal.output.contains("\u{1B}"))
        }
        try await withSession(isInteractive: true) { session, terminal in
            _ = await session.watch("show lanes", every: 0.01, rounds: 1)
            _ = await session.watch("show version", every: 0.01, rounds: 1)
            #expect(terminal.output.contains("\u{1B}[Hcauseway v"))
        }
    }

    @Test func endsAWatchThatFails() async throws {
        try await withSession { session, _ in
            #expect(await session.watch("show nothing", every: 0.01) == .usage)
        }
    }

    @Test func formatsRates() {
        let zero = LaneTotals.Lane(
            numaNode: 1,
            lane: 2,
            cpu: 3,
            state: "polling",
            incarnation: 1,
            seconds: 1,
            packetsIn: 0,
            frames: 0,
            frameVectors: 0,
            clocks: 0,
            handoffsOut: 0,
            drops: 0
        )
        var later = zero
        later.seconds = 3
        later.packetsIn = 2_000_000
        later.frames = 10_000
        later.frameVectors = 2_555_000
        later.clocks = 128_100_000
        later.drops = 3
        let line = LaneTable.text([LaneRates(from: zero, to: later)]).split(separator: "\n")[1]
        #expect(
            line.split(separator: " ")
                == ["1", "2", "3", "1000000", "255.5", "64.1", "0", "2", "polling"]
        )
        later.incarnation = 2
        #expect(LaneRates(from: zero, to: later).packetsPerSecond == 0)
    }
}

/// Keeps what a session writes.
private final class RecordingTerminal: SessionTerminal {
    let isInteractive: Bool
    private let written = Mutex((output: "", complaints: ""))

    init(isInteractive: Bool) { self.isInteractive = isInteractive }

    var output: String { written.withLock { $0.output } }
    var complaints: String { written.withLock { $0.complaints } }

    func write(_ text: String) { written.withLock { $0.output += text } }
    func complain(_ text: String) { written.withLock { $0.complaints += text } }
}

/// One interface, one lane, no worker; refuses every change.
private struct EmptyDataplane: Dataplane {
    let api = ApiState()

    func apply(_ change: ConfigurationChange) async throws(ChangeError) -> UInt64 {
        throw ChangeError("nothing can be changed here")
    }

    func view() async -> DataplaneView {
        DataplaneView(
            placement: Placement(
                housekeeping: [0],
                nodes: [
                    NodePlacement(
                        number: 0,
                        hardwareNode: nil,
                        isVirtual: true,
                        lanes: [1],
                        controlCPU: 0,
                        heapBytes: 2 << 20,
                        ealMegabytes: 2,
                        poolBuffers: 1,
                        bufferDataBytes: 2048,
                        handoffRingCells: 64,
                        ports: [],
                        hasSpare: false,
                        restart: RestartPolicy()
                    )
                ]
            ),
            nodes: [
                NodeStatus(
                    number: 0,
                    keeperPID: nil,
                    keeperState: .stopped,
                    workerPID: nil,
                    workerState: .stopped,
                    incarnation: 0,
                    restarts: 0,
                    reason: "not started",
                    changeNumber: 0,
                    segment: nil,
                    baseline: CounterBaseline()
                )
            ],
            interfaces: [
                InterfaceRecord(index: 1, name: "tap0", node: 0, mac: MACAddress(bits: 2))
            ],
            routing: RoutingState(),
            changeNumber: 0,
            uptimeSeconds: 1,
            log: ["one"]
        )
    }

    func packetGenerator(
        node: Int,
        _ command: PacketGeneratorCommand
    ) async throws(ChangeError) -> String { throw ChangeError("there is no worker") }

    func portStatuses() async -> [PortStatus] { [] }

    func setCanary(_ rule: CanaryRule?) async throws(ChangeError) {}

    func canaryStatus() async -> CanaryStatus { CanaryStatus() }

    func deadLives(node: Int) async -> [DeadLife] { [] }

    func clearDeadLives(node: Int, incarnation: UInt32?) async throws(ChangeError) -> Int { 0 }

    func clear(_ counters: ClearedCounters) async {}

    let events = SupervisorEvents()

    func eventLogs(node: Int?) async -> [EventLog] { [] }

    func changeEventLogs(_ change: EventLogChange, node: Int?) async throws(ChangeError) {
        throw ChangeError("there is no event log")
    }

    func save(_ name: String, _ bytes: [UInt8]) async throws(ChangeError) -> String {
        throw ChangeError("nothing is saved here")
    }

    let history = CommandHistory()
    let tracing = TraceSettings()

    func logging() async -> LoggingState {
        LoggingState(policy: LogPolicy(), lines: 0, capacity: 1)
    }

    func setLogging(_ change: LoggingChange) async {}
}
