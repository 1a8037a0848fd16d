internal import CLinux
internal import ControlProtocol
internal import Coordination
internal import Forwarding
internal import LinuxSystem
internal import Logging
internal import MainLoop
internal import PacketBuffers
internal import PacketGraph
internal import PacketNodes

#if canImport(Glibc)
    internal import Glibc
#endif

/// Makes what a worker consists of, by the init functions of its registry.
final class WorkerStart {
    let configuration: WorkerConfiguration
    let registry = InitRegistry()
    private let environment: [String]
    private let wakeup: LaneWaker
    private let laneWakeups: [Int32]
    private let log: Logger
    private let attached: () -> Void

    private(set) var segment: WorkerSegment?
    private(set) var eventLog: EventLog?
    private(set) var traces: TraceBuffer?
    private(set) var pool: MbufPool?
    private(set) var heap: NodeHeap?
    private(set) var fib: Fib?
    private(set) var wiring: HandoffWiring?
    private(set) var forwarding: ForwardingState?
    private(set) var generator: PacketGenerator?
    private(set) var plugins: PluginSet?
    private(set) var lanes: [UnsafeMutablePointer<LaneState>] = []
    /// The graph, which is the same on all lanes, as the supervisor reads it.
    private(set) var graphText = ""
    private(set) var mailboxes: [ControlMailbox] = []
    private(set) var clock: WorkerClock?
    private var ports: PortWiring?
    private var contexts: [UnsafeMutablePointer<LaneContext>] = []
    private let feeds: [GeneratorFeed]

    /// Prepares the start of a worker.
    ///
    /// - Parameters:
    ///   - configuration: what the supervisor told this life of the worker.
    ///   - environment: EAL's arguments.
    ///   - wakeup: wakes the control lane when lanes have something for it.
    ///   - laneWakeups: the eventfds that lanes sleep on, of all lanes of the placement.
    ///   - log: tagged with the NUMA node.
    ///   - attached: called when EAL is up.
    init(
        configuration: WorkerConfiguration,
        environment: [String],
        wakeup: LaneWaker,
        laneWakeups: [Int32],
        log: Logger,
        attached: @escaping () -> Void
    ) {
        self.configuration = configuration
        self.environment = environment
        self.wakeup = wakeup
        self.laneWakeups = laneWakeups
        self.log = log
        self.attached = attached
        feeds = configuration.laneCPUs.map { _ in GeneratorFeed() }
        registerAttaching()
        registerTables()
        registerLanes()
    }

    /// Runs the functions.
    ///
    /// - Returns: the forwarding plane, ready but for the lanes.
    /// - Throws: what is missing, in words for the operator; the process cannot try again.
    func run() throws(StartError) -> Forwarder {
        try registry.run(.earlyConfiguration)
        try registry.run(.initialize)
        try registry.run(.lateConfiguration)
        try registry.run(.worker, lanes: configuration.laneCPUs.count)
        return try Forwarder(self)
    }

    /// What a function has made.
    func made<Part>(_ part: Part?, _ name: String) throws(StartError) -> Part {
        guard let part else { throw StartError("init function \(name) has not run") }
        return part
    }

    private func add(
        _ name: String,
        _ phase: InitRegistry.Phase = .initialize,
        after: [String] = [],
        _ body: @escaping (Int) throws -> Void
    ) {
        registry.add(OrderedStep(name, runsAfter: after), phase) { lane throws(StartError) in
            do { try body(lane) } catch { throw StartError("\(error)") }
        }
    }

    private func registerAttaching() {
        // Before anything big is allocated: all that this process touches lies on its node.
        add("numa-memory", .earlyConfiguration) { [self] _ in
            guard configuration.hardwareNode >= 0 else { return }
            try NodeBinding.bind(to: Int(configuration.hardwareNode))
        }
        add("dpdk-environment") { [self] _ in try EAL.start(environment) }
        add("worker-segment", after: ["dpdk-environment"]) { [self] _ in
            let segment = try WorkerSegment.open(path: configuration.segmentFile, writable: true)
            segment.store(.bootTime, UInt64(time(nil)))
            segment.store(.pid, UInt64(getpid()))
            segment.store(.tscHertz, EAL.hertz)
            segment.store(.startTSC, timestamp())
            self.segment = segment
        }
        add("clock", after: ["worker-segment"]) { [self] _ in
            clock = WorkerClock(
                segment: try made(segment, "worker-segment"),
                fallbackHertz: EAL.hertz
            )
        }
        add("event-log", after: ["worker-segment"]) { [self] _ in
            let log = try EventLog.open(path: configuration.eventLogFile, writable: true)
            log.setProcess(Int(getpid()))
            log.writer(0).setThread(Int(CLinux_thread_id()))
            log.populate()
            eventLog = log
            attached()
        }
        add("trace-buffer", after: ["worker-segment"]) { [self] _ in
            // A supervisor that makes none, or cannot, has a worker that does not trace.
            let path = TraceBuffer.path(besideSegment: configuration.segmentFile)
            guard SmallFile.exists(path) else { return }
            let buffer = try TraceBuffer.open(path: path, writable: true)
            buffer.setProcess(Int(getpid()))
            traces = buffer
        }
        add("packet-pool", after: ["event-log"]) { [self] _ in
            guard let pool = MbufPool.find(name: Keeper.poolName) else {
                throw DPDKError.poolMissing(name: Keeper.poolName)
            }
            self.pool = pool
            try made(segment, "worker-segment").store(.poolTotal, UInt64(pool.size))
        }
        add("ports", after: ["dpdk-environment"]) { [self] _ in
            ports = try PortWiring(configuration: configuration)
        }
    }

    private func registerTables() {
        add("node-heap", after: ["worker-segment"]) { [self] _ in
            let node = Int(configuration.hardwareNode)
            let heap = try NodeHeap(
                byteCount: Int(configuration.heapBytes),
                hugepageBytes: Int(configuration.hugepageBytes),
                numaNode: node < 0 ? nil : node
            )
            self.heap = heap
            try made(segment, "worker-segment").store(.heapTotalBytes, UInt64(heap.totalBytes))
        }
        add("fib", after: ["node-heap"]) { [self] _ in
            let fib = try Fib(heap: made(heap, "node-heap"))
            // Lanes must not pay for the kernel's clearing of hugepages.
            fib.populate()
            self.fib = fib
        }
        add("handoff", after: ["worker-segment"]) { [self] _ in
            wiring = try HandoffWiring(
                configuration: configuration,
                wakeups: laneWakeups
            )
        }
        add("tables", after: ["fib", "handoff"]) { [self] _ in
            let segment = try made(segment, "worker-segment")
            let wiring = try made(wiring, "handoff")
            forwarding = try ForwardingState(
                heap: made(heap, "node-heap"),
                fib: made(fib, "fib"),
                lanes: configuration.laneCPUs.indices.map { segment.lane($0) },
                wakers: configuration.laneCPUs.indices.map { wiring.waker(of: $0) },
                lanesOfNode: wiring.lanesOfNode
            )
        }
        add("packet-generator", after: ["packet-pool"]) { [self] _ in
            generator = PacketGenerator(
                feeds: feeds,
                bufferBytes: try made(pool, "packet-pool").dataBytes
            )
        }
        add("plugins", after: ["tables", "ports"]) { [self] _ in
            let forwarding = try made(forwarding, "tables")
            let services = PluginServices(
                log: log,
                heap: try made(heap, "node-heap"),
                forwarding: forwarding,
                node: Int(configuration.node),
                lanes: configuration.laneCPUs.count
            )
            let plugins = PluginSet(services: services, log: log)
            try plugins.load(configuration.plugins)
            plugins.register(in: registry)
            forwarding.plugins = plugins
            self.plugins = plugins
        }
    }

    // MARK: Lanes

    private func registerLanes() {
        add("lane-context", .worker) { [self] lane in
            let wiring = try made(wiring, "handoff")
            let forwarding = try made(forwarding, "tables")
            let block = try made(segment, "worker-segment").lane(lane)
            let mailbox = ControlMailbox(waker: wakeup, block: block)
            mailboxes.append(mailbox)
            let context = UnsafeMutablePointer<LaneContext>.allocate(capacity: 1)
            context.initialize(
                to: LaneContext(
                    tables: forwarding.tables,
                    published: forwarding.published,
                    fib: try made(fib, "fib").reader,
                    block: block,
                    pool: try made(pool, "packet-pool"),
                    node: configuration.node,
                    lane: UInt16(lane),
                    globalLane: UInt16(wiring.globalLane(lane)),
                    hertz: EAL.hertz,
                    seed: seed(lane),
                    neighbours: NeighbourMailbox(mailbox)
                )
            )
            contexts.append(context)
        }
        add("lane-graph", .worker, after: ["lane-context"]) { [self] lane in
            let tracing = traces.flatMap { lane < $0.laneCount ? $0.lane(lane) : nil }
            let builder = LaneBuilder(
                configuration: configuration,
                segment: try made(segment, "worker-segment"),
                context: contexts[lane],
                ports: try made(ports, "ports"),
                handoff: try made(wiring, "handoff"),
                lane: lane,
                generator: feeds[lane],
                mailbox: mailboxes[lane],
                plugins: try made(plugins, "plugins"),
                events: try made(eventLog, "event-log").writer(1 + lane),
                tracing: tracing
            )
            let (built, text) = try builder.build()
            lanes.append(built)
            graphText = text
            guard lanes.count == configuration.laneCPUs.count else { return }
            let names = try made(segment, "worker-segment").nodeNames.map(\.name)
            try made(eventLog, "event-log").addNodeNames(names)
        }
    }

    /// What a lane's random numbers start from: the clock, or the configured number, mixed with node
    /// and lane so that no two lanes draw the same ones.
    private func seed(_ lane: Int) -> UInt64 {
        let place = UInt64(configuration.node) << 32 | UInt64(lane) + 1
        guard configuration.lanes.seed != 0 else { return timestamp() ^ place << 32 }
        return configuration.lanes.seed ^ place &* 0x9E37_79B9_7F4A_7C15
    }
}
