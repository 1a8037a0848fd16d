import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import Routing
import Supervision
import Synchronization

/// Records what commands ask for; its counters lie in real segments.
final class FakeDataplane: Dataplane {
    struct Recorded {
        var changes: [ConfigurationChange] = []
        var generator: [(node: Int, command: PacketGeneratorCommand)] = []
        var cleared: [ClearedCounters] = []
        var logging: [LoggingChange] = []
        var routing = RoutingState()
        var refuse: @Sendable (ConfigurationChange) -> String? = { _ in nil }
        var refuseGenerator: @Sendable (Int) -> String? = { _ in nil }
        var baseline = CounterBaseline()
        /// How long a change takes.
        var delay = Duration.zero
        var ports: [PortStatus] = []
        var clock: ClockStatus?
        var eventChanges: [(change: EventLogChange, node: Int?)] = []
        var refuseEvents: String?
        var saved: [String: [UInt8]] = [:]
        var deadLives: [DeadLife] = []
        var canary = CanaryStatus()
        var traced: [TracedLife] = []
        /// What workers answer, by topic.
        var answers: [String: String] = [:]
        var log = ["level=info message=\"started\""]
    }

    let recorded = Mutex(Recorded())
    let history = CommandHistory()
    let tracing = TraceSettings()
    let api = ApiState()
    let placement: Placement
    let segments: [WorkerSegment]
    let interfaces: [InterfaceRecord]

    init() throws {
        placement = Placement(
            housekeeping: [0],
            nodes: [
                Self.node(0, lanes: [1, 2], port: Self.port("tap0", 1)),
                Self.node(1, lanes: [3], port: Self.port("tap1", 2)),
            ]
        )
        interfaces = [
            InterfaceRecord(
                index: 1,
                name: "tap0",
                node: 0,
                isUp: true,
                mac: MACAddress(bits: 0x02FE_0000_0001),
                addresses: [InterfaceAddress(address: 0x0A00_0001, prefixLength: 24)]
            ),
            InterfaceRecord(
                index: 2,
                name: "tap1",
                node: 1,
                mac: MACAddress(bits: 0x02FE_0000_0002),
                mtu: 9000
            ),
        ]
        segments = try [(0, 2), (1, 1)].map { node, lanes in
            try Self.segment(node: node, lanes: lanes)
        }
        let path = Self.freshPath()
        defer { unlink(path) }
        log = try EventLog.create(path: path, node: 0, incarnation: 1, writers: 3, events: 4096)
        events.record(in: log, pid: 100)
    }

    private static func freshPath() -> String {
        var template = Array("/tmp/causeway-cli-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        close(descriptor)
        let path = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
        unlink(path)
        return path
    }

    private static func segment(node: Int, lanes: Int) throws -> WorkerSegment {
        let path = freshPath()
        defer { unlink(path) }
        let segment = try WorkerSegment.create(path: path, node: node, incarnation: 1, lanes: lanes)
        segment.writeNames(
            nodes: [
                .init(name: "ethernet-input", errorBase: 0, errorCount: 1),
                .init(name: "ip4-input", errorBase: 1, errorCount: 2),
                .init(name: "ip4-lookup", errorBase: 3, errorCount: 0),
            ],
            errors: [
                .init(node: 0, reason: "unknown ethernet type"),
                .init(node: 1, reason: "ip4 ttl <= 1"),
                .init(node: 1, reason: "bad ip4 checksum"),
            ]
        )
        segment.store(.tscHertz, 1_000_000_000)
        segment.store(.startTSC, 1_000_000_000)
        segment.store(.poolTotal, 16_384)
        segment.store(.poolAvailable, 16_000)
        segment.store(.heapTotalBytes, 64 << 20)
        segment.store(.heapUsedBytes, 16 << 20)
        for lane in 0..<lanes {
            segment.lane(lane).pointer(.heartbeatTSC).pointee = 3_000_000_000
            segment.lane(lane).pointer(.threadID).pointee = UInt64(1000 + node * 10 + lane)
        }
        return segment
    }

    private static func node(_ number: Int, lanes: [Int], port: PortPlacement) -> NodePlacement {
        NodePlacement(
            number: number,
            hardwareNode: nil,
            isVirtual: true,
            lanes: lanes,
            controlCPU: 0,
            heapBytes: 64 << 20,
            ealMegabytes: 64,
            poolBuffers: 16_384,
            bufferDataBytes: 2048,
            handoffRingCells: 4096,
            ports: [port],
            hasSpare: false,
            restart: RestartPolicy()
        )
    }

    private static func port(_ name: String, _ index: Int) -> PortPlacement {
        PortPlacement(
            name: name,
            interfaceIndex: index,
            kind: .tap,
            device: "cw-\(name)",
            rxQueues: 1,
            txQueues: 1,
            rxDescriptors: 512,
            txDescriptors: 512,
            mtu: 1500,
            mac: nil,
            options: [:]
        )
    }

    /// The changes so far, in the form in which tests compare them.
    var changes: [ConfigurationChange] { recorded.withLock { $0.changes } }

    func apply(_ change: ConfigurationChange) async throws(ChangeError) -> UInt64 {
        let (refuse, delay) = recorded.withLock { ($0.refuse, $0.delay) }
        let refusal = refuse(change)
        // A change goes on, whoever waits for it.
        if delay > .zero { try? await Task.sleep(for: delay) }
        if let refusal { throw ChangeError(refusal) }
        return recorded.withLock { state in
            state.changes.append(change)
            return UInt64(state.changes.count)
        }
    }

    func view() async -> DataplaneView {
        let (routing, baseline, log) = recorded.withLock { ($0.routing, $0.baseline, $0.log) }
        let clock = recorded.withLock { $0.clock }
        let nodes = segments.enumerated().map { number, segment in
            NodeStatus(
                number: number,
                keeperPID: Int32(100 + number),
                keeperState: .ready,
                workerPID: Int32(200 + number),
                workerState: .forwarding,
                incarnation: 1,
                restarts: 0,
                reason: "",
                changeNumber: 7,
                segment: segment,
                baseline: baseline
            )
        }
        return DataplaneView(
            placement: placement,
            nodes: nodes,
            interfaces: interfaces,
            routing: routing,
            changeNumber: 7,
            uptimeSeconds: 12.5,
            log: log,
            clock: clock
        )
    }

    func ask(
        node: Int,
        topic: String,
        line: String
    ) async throws(ChangeError) -> WorkerAnswer {
        guard let text = recorded.withLock({ $0.answers[topic] }) else {
            throw ChangeError("node \(node)'s worker does not know \(topic)")
        }
        return WorkerAnswer(text: text, settings: [])
    }

    func packetGenerator(
        node: Int,
        _ command: PacketGeneratorCommand
    ) async throws(ChangeError) -> String {
        if let refusal = recorded.withLock({ $0.refuseGenerator })(node) {
            throw ChangeError(refusal)
        }
        recorded.withLock { $0.generator.append((node, command)) }
        guard command == .show(from: 0) else { return "" }
        let stream = PacketGeneratorStream(name: "x", interface: 1, limit: 7, template: [1, 0xAB])
        return PacketGeneratorStatus(stream: stream, isEnabled: true, made: 7).line
    }

    func setCanary(_ rule: CanaryRule?) async throws(ChangeError) {
        recorded.withLock { $0.canary.rule = rule }
    }

    func canaryStatus() async -> CanaryStatus { recorded.withLock { $0.canary } }

    func deadLives(node: Int) async -> [DeadLife] {
        recorded.withLock { $0.deadLives.filter { $0.node == node } }
    }

    func clearDeadLives(node: Int, incarnation: UInt32?) async throws(ChangeError) -> Int {
        recorded.withLock { recorded in
            let before = recorded.deadLives.count
            recorded.deadLives.removeAll {
                $0.node == node && (incarnation == nil || $0.incarnation == incarnation)
            }
            return before - recorded.deadLives.count
        }
    }

    func portStatuses() async -> [PortStatus] { recorded.withLock { $0.ports } }

    let events = SupervisorEvents()
    let log: EventLog

    func eventLogs(node: Int?) async -> [EventLog] { node == nil || node == 0 ? [log] : [] }

    func changeEventLogs(_ change: EventLogChange, node: Int?) async throws(ChangeError) {
        if let refusal = recorded.withLock({ $0.refuseEvents }) { throw ChangeError(refusal) }
        recorded.withLock { $0.eventChanges.append((change, node)) }
    }

    func save(_ name: String, _ bytes: [UInt8]) async throws(ChangeError) -> String {
        recorded.withLock { $0.saved[name] = bytes }
        return "/run/test/\(name)"
    }

    func tracedLives() async -> [TracedLife] { recorded.withLock { $0.traced } }

    func clear(_ counters: ClearedCounters) async {
        recorded.withLock { state in
            state.cleared.append(counters)
            state.baseline.take(counters, from: segments[0])
        }
    }

    func logging() async -> LoggingState {
        LoggingState(policy: LogPolicy(), lines: 0, capacity: 1)
    }

    func setLogging(_ change: LoggingChange) async {
        recorded.withLock { $0.logging.append(change) }
    }
}
