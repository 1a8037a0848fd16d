internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging
internal import SystemPackage

/// What a planned restart of a node's worker came to.
public struct RestartOutcome: Hashable, Sendable {
    /// The NUMA node's number.
    public var node: Int
    /// The number of the life that forwards now.
    public var incarnation: UInt32
    /// For how many microseconds the node took no packet.
    public var gapMicroseconds: Int
    /// How long everything took, the successor's start included.
    public var milliseconds: Int
    /// The program that forwards now; nil: it has ended again.
    public var program: ProgramStatus?
    /// The program of the worker before it.
    public var formerProgram: ProgramStatus?
    /// Whether the keeper was replaced too; then no packet was taken all the while.
    public var isWhole = false
    /// Packets that other nodes dropped because this one was down.
    public var droppedByPeers: UInt64 = 0
}

extension Supervisor {
    /// Replaces a node's worker by a fresh one, without losing a packet (make before break).
    ///
    /// - Parameter node: the NUMA node's number in the placement.
    /// - Returns: how it went.
    /// - Throws: `ChangeError`: the worker goes on then, but for one that does not do its part, which
    ///   is replaced as if it had died.
    public func restart(node: Int) async throws(ChangeError) -> RestartOutcome {
        await restartGate.enter()
        defer { restartGate.leave() }
        return try await replacePlanned(node, by: nil)
    }

    /// Replaces a worker by a successor, make before break; one restart at a time.
    ///
    /// - Parameters:
    ///   - number: the NUMA node's.
    ///   - plan: what the successor is to be; nil: what the worker is, its spare included.
    /// - Returns: how it went.
    /// - Throws: `ChangeError`: nothing has become of `plan` then.
    func replacePlanned(
        _ number: Int,
        by plan: NodeState.Plan?
    ) async throws(ChangeError) -> RestartOutcome {
        let begin = ContinuousClock.now
        let former = await nodes[number]?.worker?.program
        do throws(ChangeError) {
            try await makeSuccessor(number, plan)
        } catch {
            keepSpare(number)
            throw error
        }
        nodes[number]?.isHandingOver = true
        let journal = journal
        let gap: Int
        do throws(ChangeError) {
            gap = try await journal.paused { [self] () async throws(ChangeError) in
                // A barrier would wait for lanes that have just stopped for good.
                await barriers.pause()
                defer { barriers.resume() }
                return try await handOver(number)
            }
            nodes[number]?.isHandingOver = false
            nodes[number]?.handover = nil
        } catch {
            await settleFailedRestart(number, isOther: plan != nil)
            throw error
        }
        // One that ended while it took over: nobody has dealt with that yet.
        if let worker = nodes[number]?.worker, let status = await worker.exit {
            workerEnded(worker, status)
        }
        keepSpare(number)
        let outcome = RestartOutcome(
            node: number,
            incarnation: nodes[number]?.incarnation ?? 0,
            gapMicroseconds: gap,
            milliseconds: Self.milliseconds(since: begin),
            program: await nodes[number]?.worker?.program,
            formerProgram: former
        )
        log(
            .notice,
            "worker-restarted",
            node: number,
            ["incarnation": "\(outcome.incarnation)", "gap-us": "\(gap)"]
        )
        return outcome
    }

    static func milliseconds(since begin: ContinuousClock.Instant) -> Int {
        let (seconds, attoseconds) = (ContinuousClock.now - begin).components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }

    /// Sees to it that a worker is ready to follow.
    private func makeSuccessor(
        _ number: Int,
        _ plan: NodeState.Plan?
    ) async throws(ChangeError) {
        guard let node = nodes[number] else { throw ChangeError("no node \(number)") }
        guard node.workerPhase == .up, node.recovery == nil else {
            throw ChangeError("node \(number)'s worker is \(node.workerState); it cannot hand over")
        }
        guard node.keeperPhase == .up else {
            throw ChangeError(
                "node \(number) has no keeper, so that no worker can attach: "
                    + "restart node \(number) --whole"
            )
        }
        guard node.ringGeneration == ringGeneration else {
            throw ChangeError(
                "node \(number)'s rings are those of another topology: restart node \(number) --whole"
            )
        }
        if let reason = Preflight(files: files, runtime: runtime).refusal(of: node.placement) {
            throw ChangeError("node \(number) cannot be restarted without loss: \(reason)")
        }
        if !node.placement.hasSpare, node.spare == nil {
            try checkRoom(plan?.placement ?? node.placement)
        }
        await node.spareStart?.value
        if plan != nil {
            await endSpare(number)
        } else if nodes[number]?.spareIsReady == true {
            return
        }
        do throws(StepFailure) {
            try await startSpare(number, plan)
        } catch { throw ChangeError("the successor does not come up: \(error)") }
        guard nodes[number]?.spareIsReady == true else {
            throw ChangeError("the successor ended at once; see `show logging`")
        }
    }

    /// A second heap for the time of the restart.
    private func checkRoom(_ node: NodePlacement) throws(ChangeError) {
        let preflight = Preflight(files: files, runtime: runtime)
        let pages = (node.heapBytes + node.hugepageBytes - 1) / node.hugepageBytes
        guard let free = preflight.freePages(node.hardwareNode, node.hugepageBytes), free < pages
        else { return }
        throw ChangeError(
            "node \(node.number): the successor's heap takes \(pages) hugepages of "
                + "\(node.hugepageBytes >> 20) MiB and \(free) are free; reserve more, or configure "
                + "`spare: yes` so that they are counted from the start"
        )
    }

    /// Hands everything over; no change is on its way.
    ///
    /// - Returns: for how many microseconds the node took no packet.
    private func handOver(_ number: Int) async throws(ChangeError) -> Int {
        guard let node = nodes[number], let old = node.worker, let oldSegment = node.segment,
            let life = node.spare, let successor = life.process
        else { throw ChangeError("node \(number)'s worker ended before it could hand over") }
        let path = files.handoverFile(node: number, incarnation: life.name.incarnation)
        defer { SmallFile.remove(path) }
        do throws(Errno) {
            nodes[number]?.handover = try HandoverRecord.create(
                path: path,
                lanes: node.placement.lanes.count
            )
        } catch { throw ChangeError("\(path): \(error)") }
        let time = options.times.request
        let text: String
        do throws(StepFailure) {
            // Up to here nothing has stopped: a refusal changes nothing.
            _ = try await successor.request(
                .prepareTakeOver(
                    record: path,
                    segment: files.segmentFile(node: number, incarnation: node.incarnation)
                ),
                step: "preparation of the take-over",
                within: time
            )
            try await giveStreams(node.streams, to: successor)
            let handing = Task { () async -> StepFailure? in
                do throws(StepFailure) {
                    _ = try await old.request(
                        .handOver(record: path),
                        step: "handover",
                        within: time
                    )
                    return nil
                } catch { return error }
            }
            do throws(StepFailure) {
                text = try await successor.request(.takeOver, step: "take-over", within: time).text
                try await successor.wait(for: .forwarding, within: time)
            } catch {
                // What the predecessor says is the cause, if it says something.
                throw await handing.value ?? error
            }
            // If it took over, the predecessor had handed over, though it may not have come to say so.
            _ = await handing.value
        } catch { throw ChangeError("\(error)") }
        life.segment.continueZeros(of: oldSegment)
        await become(life, successor, after: old, on: number)
        return Int(text) ?? 0
    }

    private func giveStreams(
        _ streams: [GivenStream],
        to successor: NodeProcess
    ) async throws(StepFailure) {
        for stream in streams {
            for command in stream.commands {
                _ = try await successor.request(
                    .packetGenerator(command),
                    step: "packet generator's stream \(stream.stream.name)",
                    within: options.times.request
                )
            }
        }
    }

    /// Makes the successor the node's worker, and lets the old one go.
    private func become(
        _ life: NodeState.Life,
        _ successor: NodeProcess,
        after old: NodeProcess,
        on number: Int
    ) async {
        nodes[number]?.spare = nil
        nodes[number]?.spareIsReady = false
        nodes[number]?.worker = successor
        enter(life, on: number)
        barriers.join(BarrierMember(segment: life.segment, process: successor.child.process))
        nodes[number]?.workerState = .forwarding
        publishPeers()
        await journal.leave(old)
        _ = await old.stop(times: options.times)
        files.removeSegment(node: number, incarnation: old.name.incarnation)
        runtime.removeLinks(node: number, incarnation: old.name.incarnation)
    }

    /// Lets the keeper put right what a worker's or a spare's end takes from devices.
    func tellKeeper(_ number: Int) async {
        guard let node = nodes[number], let keeper = node.keeper, node.keeperPhase == .up,
            node.placement.ports.contains(where: { $0.kind == .pci })
        else { return }
        do throws(StepFailure) {
            _ = try await keeper.request(
                .workerLeft,
                step: "care for devices",
                within: options.times.request
            )
        } catch { log(.error, "devices-not-restored", node: number, ["reason": "\(error)"]) }
    }

    /// After a handover that went wrong: whoever still forwards goes on, and what is half done goes.
    ///
    /// Nobody may do a part of it later: a predecessor that has begun forwards no more, and a successor
    /// that might forward is ended before anybody else does anything with the node's pool. A successor
    /// that was to be something else goes too: the node comes back as it was.
    private func settleFailedRestart(_ number: Int, isOther: Bool) async {
        guard let node = nodes[number] else { return }
        let hasEnded = await node.worker?.exit != nil
        let isUntouched = node.handover?.abandon(isOldDead: hasEnded) ?? true
        // A successor that could still follow a predecessor that has begun is of no use.
        let mayFollow = !isUntouched && node.handover?.stage != .failed
        nodes[number]?.handover = nil
        let isReady = await node.spare?.process?.lastState == .ready
        if isOther || mayFollow || !isReady { await endSpare(number) }
        nodes[number]?.isHandingOver = false
        if let worker = node.worker {
            let isForwarding = await worker.lastState == .forwarding
            if let status = await worker.exit {
                workerEnded(worker, status)
            } else if !isUntouched || !isForwarding {
                // It has stopped its lanes, and nobody took over.
                if let status = await worker.kill(times: options.times) {
                    workerEnded(worker, status)
                }
            }
        }
        if let spare = nodes[number]?.spare?.process, let status = await spare.exit {
            // It ended while the restart was under way.
            await spareEnded(spare, status)
        }
        keepSpare(number)
    }
}
