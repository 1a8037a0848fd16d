internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

extension Supervisor {
    /// Starts everything in order; returns when every worker forwards.
    ///
    /// - Throws: `SupervisionError`; everything already started has been stopped then and nothing
    ///   is left.
    public func start() async throws(SupervisionError) {
        try takeLocks()
        let opened: OpenedJournal?
        do throws(SupervisionError) {
            opened = try openJournal()
        } catch {
            releaseDirectory()
            throw error
        }
        if let opened, let survivors = await findSurvivors(isJournalled: true) {
            return try await goOn(with: survivors, opened)
        }
        if opened == nil { _ = await findSurvivors(isJournalled: false) }
        removeLeftovers()
        if let opened { _ = await restore(opened, beside: Survivors()) }
        startClock()
        startHangWatch()
        do throws(SupervisionError) {
            let preflight = Preflight(files: files, runtime: runtime)
            if let busy = preflight.busyCPUs().first {
                throw SupervisionError.cpusBusy(
                    instance: busy.instance,
                    list: "\(CPUSet(busy.cpus))"
                )
            }
            try preflight.check()
            try describePlacement()
            try files.createRings()
            try makeLaneWakeups()
            try makeEventLog()
            try await eachNode { supervisor, number throws(StepFailure) in
                try await supervisor.startKeeper(number)
            }
            try await eachNode { supervisor, number throws(StepFailure) in
                try await supervisor.startWorker(number)
            }
        } catch {
            await stop()
            throw error
        }
        hasStarted = true
        log(.notice, "forwarding", ["nodes": order.map { "\($0)" }.joined(separator: ",")])
    }

    /// Starts with what an earlier supervisor left running.
    private func goOn(
        with survivors: Survivors,
        _ opened: OpenedJournal
    ) async throws(SupervisionError) {
        do throws(SupervisionError) {
            try await takeOver(survivors, opened)
        } catch {
            await stop()
            throw error
        }
        startClock()
        startHangWatch()
        hasStarted = true
        log(.notice, "forwarding", ["nodes": order.map { "\($0)" }.joined(separator: ",")])
    }

    private func takeLocks() throws(SupervisionError) {
        let lanes = CPUSet(options.placement.nodes.flatMap(\.lanes))
        let owner = "pid=\(getpid()) lanes=\(lanes) runtime=\(runtime.path)"
        do throws(Errno) {
            try SmallFile.makeDirectory(runtime.path)
        } catch { throw .file(path: runtime.path, error) }
        for path in [runtime.lockFile, files.lockFile] {
            do throws(FileLockError) {
                locks.append(try FileLock.take(path: path, content: owner))
            } catch {
                locks.removeAll()
                switch error {
                case .held(let path, let content):
                    throw .alreadyRunning(what: path, owner: content)
                case .system(let path, let errno): throw .file(path: path, errno)
                }
            }
        }
        do throws(Errno) {
            try SmallFile.write(runtime.path + "/instance", options.instance)
        } catch { throw .file(path: runtime.path, error) }
    }

    /// Does something for all nodes at once; the first failure ends the others' processes.
    private func eachNode(
        _ body: @escaping @Sendable (Supervisor, Int) async throws(StepFailure) -> Void
    ) async throws(SupervisionError) {
        let failure = await withTaskGroup(of: StepFailure?.self) { group in
            for number in order {
                group.addTask {
                    do throws(StepFailure) {
                        try await body(self, number)
                        return nil
                    } catch { return error }
                }
            }
            var first: StepFailure?
            for await case let failure? in group where first == nil {
                first = failure
                killAll()
            }
            return first
        }
        if let failure { throw .step(failure.description) }
    }

    /// Starts a node's keeper and waits until it is ready and its ports are known.
    func startKeeper(_ number: Int) async throws(StepFailure) {
        guard var node = nodes[number] else { return }
        node.keeperIncarnation += 1
        node.keeperPhase = .coming
        node.ringGeneration = ringGeneration
        node.keeperState = .starting
        nodes[number] = node
        let name = ProcessName(role: .keeper, node: number, incarnation: node.keeperIncarnation)
        try checkRunning(name)
        do throws(StepFailure) {
            try makePortSegment(name)
            let keeper = try await launch(
                name,
                options.keeperArguments(node.placement, node.keeperIncarnation),
                program: program(of: node.plan)
            )
            nodes[number]?.keeper = keeper
            try await keeper.introduce(
                build: expectedBuild(of: node.plan),
                within: options.times.hello
            )
            try await tellLogLevels(keeper)
            try await keeper.send(
                .configureKeeper(keeperConfiguration(node.placement, name.incarnation)),
                step: "configuration",
                within: options.times.request
            )
            try await keeper.wait(for: .attached, within: options.times.environment)
            try await keeper.wait(for: .ready, within: options.times.environment)
            try await settlePorts(of: node.placement, keeper)
            nodes[number]?.keeperPhase = .up
            if let status = await keeper.exit { keeperEnded(keeper, status) }
        } catch {
            if let keeper = nodes[number]?.keeper {
                _ = await keeper.terminate(times: options.times)
                keepCrashReport(of: keeper)
            }
            nodes[number]?.keeper = nil
            nodes[number]?.keeperPhase = .down
            nodes[number]?.keeperState = .stopped
            throw error
        }
    }

    /// Starts a new life of a node's worker and waits until it forwards.
    func startWorker(_ number: Int) async throws(StepFailure) {
        guard let plan = nodes[number]?.plan else { return }
        let life = try makeLife(number, plan)
        enter(life, on: number)
        nodes[number]?.workerPhase = .coming
        do throws(StepFailure) {
            let worker = try await launch(life)
            nodes[number]?.worker = worker
            publishPeers()
            try await prepare(worker, plan)
            try await journal.join(worker) { [self, options] () async throws(StepFailure) in
                try await beginLanes(of: worker) { () async throws(StepFailure) in
                    try await worker.forward(keepsHandoffs: false, within: options.times.forward)
                }
            }
            await workerIsUp(worker)
        } catch {
            if let worker = nodes[number]?.worker {
                await journal.leave(worker)
                _ = await worker.kill(times: options.times)
                keepCrashReport(of: worker)
            }
            workerIsDown(number, cause: "\(error)")
            throw error
        }
    }

    /// Takes note that a worker forwards, and sees to a spare.
    func workerIsUp(_ worker: NodeProcess) async {
        let number = worker.name.node
        nodes[number]?.workerPhase = .up
        nodes[number]?.isTakingOver = false
        if nodes[number]?.workerState == .ready { nodes[number]?.workerState = .forwarding }
        publishPeers()
        log(
            .notice,
            "worker-forwarding",
            node: number,
            ["incarnation": "\(worker.name.incarnation)", "pid": "\(worker.pid)"]
        )
        keepSpare(number)
        if let status = await worker.exit { workerEnded(worker, status) }
    }

    /// Starts the process of a life.
    func launch(_ life: NodeState.Life) async throws(StepFailure) -> NodeProcess {
        try await launch(
            life.name,
            options.workerArguments(life.plan.placement, life.name.incarnation),
            program: program(of: life.plan)
        )
    }

    /// The program that a plan names.
    func program(of plan: NodeState.Plan) -> String {
        plan.program?.path ?? options.program(of: plan.placement.number)
    }

    /// The version text that a plan's processes must answer with; nil: any with the same layouts.
    func expectedBuild(of plan: NodeState.Plan) -> String? {
        plan.program == nil ? options.build : nil
    }

    /// Brings a process to the point at which it could forward, but for the journal.
    func prepare(
        _ worker: NodeProcess,
        _ plan: NodeState.Plan
    ) async throws(StepFailure) {
        let times = options.times
        try await worker.introduce(build: expectedBuild(of: plan), within: times.hello)
        try await tellLogLevels(worker)
        try await giveLaneWakeups(to: worker)
        try await worker.send(
            .configureWorker(workerConfiguration(plan.placement, worker.name.incarnation)),
            step: "configuration",
            within: times.request
        )
        try await worker.wait(for: .attached, within: times.environment)
        try await worker.wait(for: .ready, within: times.environment)
    }

    /// Makes an eventfd for each lane; they are the supervisor's, so that lanes of all nodes can
    /// end the sleep of a lane in whichever life of its worker.
    func makeLaneWakeups() throws(SupervisionError) {
        let count = files.lanes.laneCounts.reduce(0, +)
        do throws(Errno) {
            for _ in laneWakeups.count..<max(count, laneWakeups.count) {
                laneWakeups.append(try EventDescriptor())
            }
        } catch { throw .laneWakeups(count: count, error) }
    }

    private func giveLaneWakeups(to worker: NodeProcess) async throws(StepFailure) {
        for first in stride(from: 0, to: laneWakeups.count, by: 64) {
            try await worker.send(
                .laneWakeups(first: UInt16(first)),
                descriptors: laneWakeups[first...].prefix(64).map(\.descriptor),
                step: "eventfds of lanes",
                within: options.times.request
            )
        }
    }

    /// Makes what the keeper's next life counts in, for readers in place of that of the life before.
    private func makePortSegment(_ name: ProcessName) throws(StepFailure) {
        let (node, life) = (name.node, name.incarnation)
        do throws(SupervisionError) {
            nodes[node]?.portSegment = try files.createPortSegment(node: node, incarnation: life)
            let path = files.portSegmentFile(node: node, incarnation: life)
            do throws(Errno) {
                try runtime.makeDirectory(node: node)
                SmallFile.remove(runtime.link(.ports, node: node, incarnation: life - 1))
                try runtime.makeLink(.ports, node: node, incarnation: life, to: path)
            } catch { log(.warning, "files-not-linked", node: node, ["reason": "\(error)"]) }
        } catch { throw notStarted(name, "\(error)") }
    }

    /// A failure before there was a process.
    private func notStarted(_ name: ProcessName, _ reason: String) -> StepFailure {
        StepFailure(process: name, cause: .refused(reason), lastState: .starting, detail: "")
    }

    /// Makes the files of a worker's next life, or of a spare's.
    func makeLife(
        _ number: Int,
        _ plan: NodeState.Plan
    ) throws(StepFailure) -> NodeState.Life {
        guard let node = nodes[number] else {
            preconditionFailure("lives are made of the placement's nodes")
        }
        var incarnation = node.lastIncarnation + 1
        // Even and odd lives share no lcore of DPDK; two that are attached at a time must not.
        let others = [node.worker == nil ? nil : node.incarnation, node.spare?.name.incarnation]
        if others.contains(where: { $0.map { $0 % 2 == incarnation % 2 } ?? false }) {
            incarnation += 1
        }
        let name = ProcessName(role: .worker, node: number, incarnation: incarnation)
        try checkRunning(name)
        nodes[number]?.lastIncarnation = incarnation
        do throws(SupervisionError) {
            let segment = try files.createSegment(node: plan.placement, incarnation: incarnation)
            segment.store(.idleSleepMicroseconds, UInt64(options.idleSleepMicroseconds))
            segment.store(.pollingThreshold, UInt64(options.polling.up))
            segment.store(.interruptThreshold, UInt64(options.polling.down))
            segment.store(.handoffTailTurns, UInt64(options.polling.handoffTailTurns))
            segment.store(.gaugeMicroseconds, UInt64(options.statistics.updateMicroseconds))
            segment.store(.hidesNodes, options.statistics.listsNodes ? 0 : 1)
            segment.store(node.portBuffers)
            segment.store(.clockZero, clock.zeroNanoseconds)
            segment.store(.clockMillihertz, UInt64(clock.hertz * 1000))
            let log = try files.createEventLog(
                node: plan.placement,
                incarnation: incarnation,
                node.eventSettings
            )
            makeTraceBuffer(plan.placement, incarnation: incarnation)
            return NodeState.Life(name: name, plan: plan, segment: segment, eventLog: log)
        } catch { throw notStarted(name, "\(error)") }
    }

    /// Makes a life the one that counts for its node: what `show` and readers of statistics see.
    func enter(_ life: NodeState.Life, on number: Int) {
        nodes[number]?.incarnation = life.name.incarnation
        nodes[number]?.workerState = life.state
        nodes[number]?.segment = life.segment
        nodes[number]?.baseline = CounterBaseline(of: life.segment)
        let before = nodes[number]?.eventLog
        nodes[number]?.deadEventLog = before
        nodes[number]?.eventLog = life.eventLog
        linkFiles(of: life.name)
        adopt(life.plan, on: number)
    }

    /// Nothing is started any more once a stop has begun.
    private func checkRunning(_ name: ProcessName) throws(StepFailure) {
        guard !isStopping else {
            throw StepFailure(
                process: name,
                cause: .refused("not started: the supervisor stops"),
                lastState: .stopped,
                detail: ""
            )
        }
    }

    private func launch(
        _ name: ProcessName,
        _ arguments: [String],
        program: String
    ) async throws(StepFailure) -> NodeProcess {
        let launch = NodeProcess.Launch(
            name: name,
            executable: program,
            environmentArguments: arguments,
            environment: environment(of: name.role),
            runtime: runtime
        )
        let process = try await NodeProcess.start(launch) { [weak self] process, event in
            await self?.handle(event, of: process)
        }
        log(
            .info,
            "started",
            node: name.node,
            ["process": name.fileName, "pid": "\(process.pid)"]
        )
        events.started(name, process.pid)
        // A stop that began meanwhile did not see this process.
        if isStopping { try? process.child.process.send(signal: SIGKILL) }
        return process
    }
}
