internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
public import Logging

/// Starts, watches, replaces and stops the keepers and workers of a placement, and is their
/// dataplane's front.
///
/// It does not poll: processes are watched by pidfd, connections by readiness, and everything that
/// is waited for has a deadline. What a node does or fails to do touches no other node but through
/// its bit in their `peersUp`.
public actor Supervisor {
    let options: SupervisorOptions
    let logger: Logger
    let store: LogStore
    /// The last commands.
    public nonisolated let history: CommandHistory
    /// What the control API remembers.
    public nonisolated let api = ApiState()
    /// What commands have said of traces and captures.
    public nonisolated let tracing = TraceSettings()
    let runtime: RuntimeDirectory
    var files: HostFiles
    /// What runs where, or is to run.
    var placement: Placement
    /// Counts the layouts of the rings between nodes, so that no worker writes into one that another
    /// does not read.
    var ringGeneration = 0
    /// What this process records of itself.
    public nonisolated let events = SupervisorEvents()
    /// The nodes' numbers in the placement's order.
    let order: [Int]
    var nodes: [Int: NodeState] = [:]
    var locks: [FileLock] = []
    /// What each lane of the placement sleeps on, by its number among all.
    var laneWakeups: [EventDescriptor] = []
    var isStopping = false
    var stopping: Task<Void, Never>?
    var isStopped = false
    /// Whether `start` has come to its end.
    var hasStarted = false
    /// Whether this supervisor is to end alone; what runs goes on.
    var isLeaving = false
    var stopWaiters: [CheckedContinuation<Void, Never>] = []
    let started = ContinuousClock.now
    /// The time base of this process; the zero of all others is its zero.
    var clock = Supervisor.makeClock()
    var lastClockFinding: ClockKeeper.Finding?
    var clockVerification: Task<Void, Never>?
    /// Learned neighbours that wait for the next journal entry.
    var seen: [LearnedKey: MACAddress] = [:]
    var seenFlush: Task<Void, Never>?
    /// Writes the trace files of dead workers, one after the other.
    var keeping: Task<Void, Never>?
    /// Planned restarts pass one at a time.
    let restartGate = Gate()
    /// Looks for lanes that hang.
    var hangWatch: Task<Void, Never>?
    /// Why workers were killed, until their ends are dealt with.
    nonisolated let killReasons = KillReasons()
    /// Stops lanes of one node or of all for what all must see at once.
    public nonisolated let barriers: Barriers
    /// Where changes go first, the one that is there now, and those that a worker did not survive, oldest
    /// first.
    var canaryRule: CanaryRule?
    var provedChange: (change: String, since: ContinuousClock.Instant)?
    var poisonChanges: [PoisonChange] = []
    /// Changes of ports pass one at a time, so that keepers and journal see them in the same order.
    let portGate = Gate()
    lazy var journal = Journal(
        model: ForwardingModel(),
        times: options.times,
        logger: logger,
        onHung: { [weak self] process, reason in await self?.replaceHung(process, reason) },
        onPoison: { [weak self] name, number, cause in
            await self?.notePoison(name, number, cause) ?? ChangeError("\(name) \(cause)")
        },
        canary: { [weak self] change in await self?.chooseCanary(for: change) ?? .off }
    )

    /// Makes a supervisor; `start` does everything.
    ///
    /// - Parameters:
    ///   - options: what it is to run, and where.
    ///   - logger: gets one event for everything that happens to a process.
    ///   - store: what `show log` reads; the logger should write there.
    public init(options: SupervisorOptions, logger: Logger, store: LogStore) {
        self.options = options
        self.logger = logger
        self.store = store
        history = CommandHistory(capacity: options.commandHistory)
        runtime = RuntimeDirectory(path: options.runtimeDirectory)
        files = HostFiles(options: options)
        placement = options.placement
        events.feed = api.feed
        store.setListener { [feed = api.feed] line, name, level in
            if level >= .warning {
                feed.add(.alarm(level: "\(level)", source: name, line: line))
            }
        }
        barriers = Barriers(
            times: options.barrier,
            hertz: clock.hertz,
            events: events,
            logger: logger,
            onFence: { [killReasons] in killReasons.note($1, node: $0.node, life: $0.incarnation) }
        )
        order = options.placement.nodes.map(\.number)
        let settings = EventLogSettings(events: options.eventLogEvents)
        for node in options.placement.nodes {
            nodes[node.number] = NodeState(placement: node, eventSettings: settings)
        }
    }

    /// The bits of the nodes whose workers take packets by rings of a generation.
    private func peersUp(_ generation: Int) -> UInt64 {
        nodes.values.reduce(0) {
            $1.takesHandoffs && $1.ringGeneration == generation ? $0 | $1.bit : $0
        }
    }

    /// Tells every worker which others take packets.
    func publishPeers() {
        for node in nodes.values {
            let mask = peersUp(node.ringGeneration)
            if node.worker != nil { node.segment?.store(.peersUp, mask) }
            node.spare?.segment.store(.peersUp, mask)
        }
    }

    func log(
        _ level: Logger.Level,
        _ event: Logger.Message,
        node: Int? = nil,
        _ fields: [String: String] = [:]
    ) {
        var metadata = Logger.Metadata(
            uniqueKeysWithValues: fields.map { ($0.key, .string($0.value)) }
        )
        if let node { metadata["node"] = "\(node)" }
        logger.log(level: level, event, metadata: metadata)
    }

    /// Deals with what a process says or does by itself.
    func handle(_ event: NodeProcess.Event, of process: NodeProcess) async {
        // From here on all of it is the next supervisor's.
        guard !isLeaving else { return }
        let number = process.name.node
        switch event {
        case .state(let state, let detail): noteState(state, detail, process)
        case .neighbourSeen(let interface, let address, let mac):
            noteNeighbour(interface: interface, address: address, mac: mac)
        case .portStatus(let status): noteLink(status, node: number)
        case .logged(let level, let text): keepLine(text, level: level, of: process)
        case .plugins(let reports): nodes[number]?.plugins = reports
        case .connectionLost(let error):
            log(
                .error,
                "connection-lost",
                node: number,
                ["process": process.name.fileName, "reason": "\(error)"]
            )
            _ = await process.kill(times: options.times)
        case .ended(let status):
            if process.name.role == .worker { Task { await tellKeeper(number) } }
            events.ended(process.name, status)
            switch process.name.role {
            case .keeper: keeperEnded(process, status)
            case .worker where nodes[number]?.spare?.process === process:
                await spareEnded(process, status)
            case .worker: workerEnded(process, status)
            }
        }
    }

    private func noteLink(_ status: PortStatus, node number: Int) {
        let before = nodes[number]?.links.updateValue(status.isLinkUp, forKey: status.interface)
        guard before != status.isLinkUp else { return }
        api.feed.add(
            .link(
                interface: Int(status.interface),
                numaNode: number,
                isUp: status.isLinkUp,
                speedMegabits: Int(status.speedMegabits)
            )
        )
        log(
            .notice,
            status.isLinkUp ? "link-up" : "link-down",
            node: number,
            ["interface": "\(status.interface)", "speed-mbps": "\(status.speedMegabits)"]
        )
    }

    private func noteState(_ state: ProcessState, _ detail: String, _ process: NodeProcess) {
        let number = process.name.node
        events.entered(process.name, state)
        var fields = ["state": "\(state)", "pid": "\(process.pid)"]
        if !detail.isEmpty { fields["detail"] = detail }
        switch process.name.role {
        case .keeper:
            if nodes[number]?.keeper === process { nodes[number]?.keeperState = state }
            log(.info, "keeper-state", node: number, fields)
        case .worker:
            if nodes[number]?.worker === process {
                // Its lanes stand until all have come: it forwards once it is up.
                let isComing = nodes[number]?.workerPhase == .coming
                nodes[number]?.workerState = isComing && state == .forwarding ? .ready : state
            }
            if nodes[number]?.spare?.process === process { nodes[number]?.spare?.state = state }
            fields["incarnation"] = "\(process.name.incarnation)"
            log(.info, "worker-state", node: number, fields)
        }
    }
}
