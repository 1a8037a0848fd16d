internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import FoundationEssentials
internal import LinuxSystem
internal import Logging
internal import Routing
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

extension Supervisor {
    /// Finds what an earlier supervisor left running.
    ///
    /// - Parameter isJournalled: whether there is a journal to restore the configuration from.
    /// - Returns: what can be taken over; nil: all that is there has to be ended, the log says why.
    func findSurvivors(isJournalled: Bool) async -> Survivors? {
        let records = runtime.records.filter { $0.stamp.isAlive }
        guard !records.isEmpty else { return nil }
        if let reason = reasonAgainstTakeOver(isJournalled: isJournalled) {
            log(.warning, "not-taken-over", ["reason": reason])
            return nil
        }
        for number in order { recallProgram(of: number) }
        do throws(StepFailure) {
            var survivors = Survivors()
            for record in records.sorted(by: { $0.name < $1.name }) {
                try await meet(record, &survivors)
            }
            return survivors.isEmpty ? nil : survivors
        } catch {
            for number in order { nodes[number]?.plan.program = nil }
            log(.warning, "not-taken-over", ["reason": "\(error)"])
            return nil
        }
    }

    /// What a later supervisor must agree with to go on with this one's processes.
    ///
    /// Builds are not compared: each process says the layouts of its own when it is met.
    private var description: String {
        "instance \(options.instance)\nprotocol \(NodeMessage.version)\n"
            + "placement \(placementText)\n"
    }

    /// The placement, the same for equal ones.
    private var placementText: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let bytes = (try? encoder.encode(placement)).map { Array($0) } ?? []
        return String(decoding: bytes, as: UTF8.self)
    }

    private var descriptionFile: String { runtime.path + "/placement" }

    /// Writes down what runs here, for the next supervisor.
    ///
    /// - Parameter isCutShort: whether it is between two placements, so that nobody could go on with it.
    /// - Throws: `SupervisionError` for the file.
    func describePlacement(isCutShort: Bool = false) throws(SupervisionError) {
        do throws(Errno) {
            try SmallFile.write(descriptionFile, isCutShort ? Self.cutShort : description)
        } catch { throw .file(path: descriptionFile, error) }
    }

    func removeDescription() {
        SmallFile.remove(descriptionFile)
        SmallFile.remove(AppliedTopology.file(in: runtime))
    }

    private static let cutShort = "apply\n"

    private func reasonAgainstTakeOver(isJournalled: Bool) -> String? {
        if options.isFresh { return "a fresh start is asked for" }
        guard isJournalled else { return "there is no journal to restore the configuration from" }
        guard let running = SmallFile.read(descriptionFile) else {
            return "what runs has left no description of its placement"
        }
        if running == Self.cutShort { return "a change of the topology was cut short" }
        let mine = description.split(separator: "\n")
        for (index, line) in running.split(separator: "\n").enumerated() {
            guard mine.indices.contains(index), line != mine[index] else { continue }
            return mine[index].hasPrefix("placement")
                ? "the placement is another one (causeway topology diff shows how)"
                : "what runs is of \(line), this supervisor of \(mine[index])"
        }
        for (position, node) in options.placement.nodes.enumerated()
        where files.ringBytes(at: position) > 0 {
            guard SmallFile.exists(files.ringFile(node)) else {
                return "\(files.ringFile(node)) is missing"
            }
        }
        return nil
    }

    /// Connects to a process and asks it who it is, and a worker what it has.
    ///
    /// One that does not answer, or does not forward, is ended, and replaced later.
    ///
    /// - Throws: for one whose protocol or shared memory has another form.
    private func meet(
        _ record: RuntimeDirectory.Record,
        _ survivors: inout Survivors
    ) async throws(StepFailure) {
        guard let name = ProcessName(of: record), nodes[name.node] != nil else { return }
        let process = await NodeProcess.adopt(name, record.stamp, in: runtime) {
            [weak self] process, event in await self?.handle(event, of: process)
        }
        guard let process else { return end(record, "takes no connection") }
        let times = options.times
        do throws(StepFailure) {
            // It may be of an older package than this supervisor.
            try await process.introduce(build: nil, within: times.request)
            try await tellLogLevels(process)
            switch name.role {
            case .keeper:
                try await process.wait(for: .ready, within: times.request)
                survivors.keepers[name.node] = process
            case .worker:
                try await process.wait(for: .ready, within: times.request)
                // Its answer is the last that it does for the dead supervisor: it stays in the state
                // that it has then, half a restart or not.
                let found = try await worker(process)
                switch await process.lastState {
                case .forwarding: survivors.workers[name.node] = found
                case .ready: survivors.spares[name.node] = found
                default: throw await process.failure(.refused("neither forwards nor waits to"))
                }
            }
        } catch {
            switch error.cause {
            case .stranger, .channel(.version): throw error
            default:
                end(record, "\(error)")
                _ = await process.waitForEnd(within: times.end)
            }
        }
    }

    private func worker(_ process: NodeProcess) async throws(StepFailure) -> Survivors.Worker {
        let name = process.name
        let inheritance = try await process.inheritance(within: options.times.snapshot)
        guard inheritance.wakeups.count == files.lanes.laneCounts.reduce(0, +) else {
            throw await process.failure(.refused("has not the eventfds of all lanes"))
        }
        let path = files.segmentFile(node: name.node, incarnation: name.incarnation)
        do throws(Errno) {
            let log = files.eventLogFile(node: name.node, incarnation: name.incarnation)
            return Survivors.Worker(
                process: process,
                inheritance: inheritance,
                segment: try WorkerSegment.open(path: path, writable: true),
                eventLog: try EventLog.open(path: log, writable: true)
            )
        } catch { throw await process.failure(.refused("\(path) or its events: \(error)")) }
    }

    private func end(_ record: RuntimeDirectory.Record, _ reason: String) {
        let fields = ["process": record.name, "pid": "\(record.stamp.pid)", "reason": reason]
        log(.warning, "orphan-ended", node: record.node, fields)
        guard let child = ChildProcess.adopt(record.stamp) else { return }
        try? child.process.send(signal: SIGKILL)
        _ = child.process.waitForEnd(milliseconds: 5000)
    }
}

extension Supervisor {
    /// Goes on with what an earlier supervisor left running: no packet is lost by it.
    ///
    /// - Parameters:
    ///   - survivors: what runs.
    ///   - opened: the journal, from which the configuration comes.
    /// - Throws: `SupervisionError` if what a supervisor needs for itself cannot be had.
    func takeOver(
        _ survivors: Survivors,
        _ opened: OpenedJournal
    ) async throws(SupervisionError) {
        inheritClock(survivors)
        inheritCanary()
        removeWhatNobodyOwns(survivors)
        if let first = survivors.workers.values.first ?? survivors.spares.values.first {
            laneWakeups = first.inheritance.wakeups
        }
        try makeLaneWakeups()
        try makeEventLog()
        let held = await restore(opened, beside: survivors)
        for (number, keeper) in survivors.keepers {
            nodes[number]?.keeper = keeper
            let incarnation = await keeper.identity?.incarnation ?? 1
            nodes[number]?.keeperIncarnation = incarnation
            nodes[number]?.keeperState = .ready
            nodes[number]?.keeperPhase = .up
            nodes[number]?.portSegment = try? PortSegment.open(
                path: files.portSegmentFile(node: number, incarnation: incarnation)
            )
        }
        for (number, worker) in survivors.workers.sorted(by: { $0.key < $1.key }) {
            await inherit(worker, node: number, held)
        }
        for (number, spare) in survivors.spares.sorted(by: { $0.key < $1.key }) {
            await inheritSpare(spare, node: number, held)
        }
        await journal.adoptFormerIndices()
        publishPeers()
        for number in order { await goOn(number) }
    }

    /// Everything of a node that is not as it should be is put right while the others go on.
    private func goOn(_ number: Int) async {
        guard let node = nodes[number] else { return }
        if let keeper = node.keeper {
            do throws(StepFailure) {
                try await settlePorts(of: node.placement, keeper, isRunning: true)
            } catch { log(.error, "ports-not-settled", node: number, ["reason": "\(error)"]) }
        }
        log(
            .notice,
            "taken-over",
            node: number,
            [
                "keeper": node.keeper.map { "\($0.pid)" } ?? "none",
                "worker": node.worker.map { "\($0.pid)" } ?? "none",
                "incarnation": "\(node.incarnation)",
            ]
        )
        switch (node.worker, node.keeper) {
        case (nil, _):
            nodes[number]?.reason = "worker died while no supervisor ran"
            beginRecovery(of: node, cause: "no supervisor saw it")
            startRecovery(number)
        case (_, nil):
            noteDegraded(number, "keeper died while no supervisor ran")
        default: keepSpare(number)
        }
    }

    /// Brings a worker to the model and makes it a member.
    ///
    /// One that cannot be brought there is ended, and replaced as if it had died.
    private func inherit(
        _ worker: Survivors.Worker,
        node number: Int,
        _ held: HeldChange?
    ) async {
        let process = worker.process
        nodes[number]?.worker = process
        nodes[number]?.incarnation = process.name.incarnation
        nodes[number]?.workerState = .forwarding
        nodes[number]?.workerPhase = .up
        nodes[number]?.segment = worker.segment
        nodes[number]?.baseline = CounterBaseline(of: worker.segment)
        nodes[number]?.eventLog = worker.eventLog
        do throws(StepFailure) {
            try await bringInLine(worker, held)
            barriers.join(BarrierMember(segment: worker.segment, process: process.child.process))
            if let status = await process.exit { workerEnded(process, status) }
        } catch {
            log(.error, "worker-not-in-line", node: number, ["reason": "\(error)"])
            await journal.leave(process)
            _ = await process.kill(times: options.times)
            workerIsDown(number, cause: "\(error)")
        }
    }

    /// The same for a worker that waits; one that cannot be brought there is ended.
    private func inheritSpare(
        _ spare: Survivors.Worker,
        node number: Int,
        _ held: HeldChange?
    ) async {
        guard let plan = nodes[number]?.plan else { return }
        let life = NodeState.Life(
            name: spare.process.name,
            plan: plan,
            segment: spare.segment,
            eventLog: spare.eventLog,
            process: spare.process,
            state: .ready
        )
        nodes[number]?.spare = life
        do throws(StepFailure) {
            try await bringInLine(spare, held)
            nodes[number]?.spareIsReady = true
            if let status = await spare.process.exit { await spareEnded(spare.process, status) }
        } catch {
            log(.error, "spare-not-in-line", node: number, ["reason": "\(error)"])
            await endSpare(number)
        }
    }

    private func bringInLine(
        _ worker: Survivors.Worker,
        _ held: HeldChange?
    ) async throws(StepFailure) {
        let number = worker.inheritance.number
        if let held, number < held.former {
            throw await worker.process.failure(
                .refused("is at change \(number), not \(held.former)")
            )
        }
        let isBehind = held.map { number < $0.number } ?? false
        try await journal.adopt(worker, isBehind ? held : nil)
    }

    /// The time of all processes goes on.
    private func inheritClock(_ survivors: Survivors) {
        let first = survivors.workers.values.first ?? survivors.spares.values.first
        guard let segment = first?.segment else { return }
        let hertz = Double(segment.load(.clockMillihertz)) / 1000
        guard segment.load(.clockZero) > 0, hertz > 0 else { return }
        clock = ClockKeeper(
            zeroNanoseconds: segment.load(.clockZero),
            hertz: hertz,
            sample: ClockSample.take()
        )
    }

    /// Removes the files of processes that ended while no supervisor ran, and counts their lives.
    private func removeWhatNobodyOwns(_ survivors: Survivors) {
        for record in runtime.records {
            guard let name = ProcessName(of: record) else { continue }
            let highest = nodes[name.node]?.lastIncarnation ?? 0
            if name.role == .worker, name.incarnation > highest {
                nodes[name.node]?.lastIncarnation = name.incarnation
            }
            let owners =
                name.role == .keeper
                ? [survivors.keepers[name.node]]
                : [survivors.workers[name.node]?.process, survivors.spares[name.node]?.process]
            guard !owners.contains(where: { $0?.name == name }) else { continue }
            runtime.remove(node: record.node, name: record.name)
        }
        for number in order {
            let lives = runtime.lives(.segment, node: number)
            nodes[number]?.incarnation = lives.last ?? 0
            let highest = nodes[number]?.lastIncarnation ?? 0
            if let last = lives.last, last > highest { nodes[number]?.lastIncarnation = last }
            let owners = [survivors.workers[number]?.process, survivors.spares[number]?.process]
            adoptDeadLives(number, but: Set(owners.compactMap { $0?.name.incarnation }))
            guard survivors.workers[number] == nil, let last = nodes[number]?.deadLives.last else {
                continue
            }
            nodes[number]?.segment = last.segment
            nodes[number]?.eventLog = last.eventLog
        }
    }
}

extension ProcessName {
    /// Whom a record of the runtime directory is about; nil: nobody that this version knows.
    init?(of record: RuntimeDirectory.Record) {
        if record.name == "keeper" {
            self.init(role: .keeper, node: record.node, incarnation: 0)
            return
        }
        let parts = record.name.split(separator: ".")
        guard parts.count == 2, parts[0] == "worker", let incarnation = UInt32(parts[1]) else {
            return nil
        }
        self.init(role: .worker, node: record.node, incarnation: incarnation)
    }
}
