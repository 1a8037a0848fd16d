internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging

extension Supervisor {
    /// Deals with the end of a worker that was up; the end of one that is coming is dealt with by
    /// `startWorker`.
    func workerEnded(_ process: NodeProcess, _ status: ExitStatus) {
        let number = process.name.node
        guard let node = nodes[number], node.worker === process, node.workerPhase == .up
        else { return }
        guard !node.isHandingOver else {
            // The restart settles it; its successor need not wait for a dead one.
            node.handover?.abandon(isOldDead: true)
            return
        }
        let kill = killReasons.reason(node: number, life: process.name.incarnation)
        if !isStopping { beginRecovery(of: node, cause: kill ?? "\(status)") }
        // First of all the peers: until they know, they fill rings that nobody empties.
        workerIsDown(number, cause: kill.map { "killed: \($0)" } ?? "\(status)", keepsLife: false)
        let reason = kill.map { "worker killed: \($0)" } ?? "worker died: \(status)"
        if !isStopping {
            nodes[number]?.reason = reason
            nodes[number]?.lastDeath = reason
            startRecovery(number)
        }
        // The recovery goes first; this has its turn when that waits for the keeper.
        Task { await noteDeath(of: process, node, status) }
    }

    /// Keeps what a dead worker has left, and tells those who have to know and those who want to.
    private func noteDeath(
        of process: NodeProcess,
        _ node: NodeState,
        _ status: ExitStatus
    ) async {
        if !isStopping {
            log(
                .error,
                "worker-died",
                node: process.name.node,
                ["cause": "\(status)", "incarnation": "\(process.name.incarnation)"]
            )
        }
        // Taken only now: whoever asks meanwhile finds the reason with the kills, later with the life.
        let kill = killReasons.take(node: process.name.node, life: process.name.incarnation)
        keepLife(of: node, cause: kill.map { "killed: \($0)" } ?? "\(status)")
        keepCrashReport(of: process)
        await journal.leave(process)
    }

    /// Takes note that a node has no worker, and keeps what the life that is over has left.
    ///
    /// - Parameters:
    ///   - number: the NUMA node's.
    ///   - cause: why it ended.
    ///   - keepsLife: false: the caller sees to that.
    func workerIsDown(_ number: Int, cause: String, keepsLife: Bool = true) {
        guard let node = nodes[number] else { return }
        barriers.leave(node: number, incarnation: node.incarnation)
        nodes[number]?.workerPhase = .down
        nodes[number]?.isTakingOver = false
        nodes[number]?.workerState = .stopped
        nodes[number]?.worker = nil
        nodes[number]?.streams = []
        publishPeers()
        node.segment?.store(.ended, 1)
        if keepsLife { keepLife(of: node, cause: cause) }
    }

    /// Deals with the end of a keeper that was up.
    func keeperEnded(_ process: NodeProcess, _ status: ExitStatus) {
        let number = process.name.node
        guard let node = nodes[number], node.keeper === process, node.keeperPhase == .up else {
            return
        }
        keepCrashReport(of: process)
        nodes[number]?.keeper = nil
        nodes[number]?.keeperPhase = .down
        nodes[number]?.keeperState = .stopped
        guard !isStopping else { return }
        log(.error, "keeper-died", node: number, ["cause": "\(status)"])
        switch node.workerPhase {
        case .up, .coming:
            noteDegraded(number, "keeper died (\(status))")
        case .down:
            nodes[number]?.reason = "keeper died: \(status)"
            startRecovery(number)
        }
    }

    /// Takes note that a worker forwards without a keeper, and says what an operator has to do.
    func noteDegraded(_ number: Int, _ cause: String) {
        let remedy = "causewayctl restart node \(number) --whole"
        nodes[number]?.reason =
            "degraded: \(cause); it forwards, but its ports cannot be changed, nor its worker replaced "
            + "without loss, until: \(remedy)"
        log(.critical, "node-degraded", node: number, ["cause": cause, "remedy": remedy])
    }

    /// Kills a worker that does not do what it must; its end starts the recovery.
    func replaceHung(_ process: NodeProcess, _ reason: String) async {
        killReasons.note(reason, node: process.name.node, life: process.name.incarnation)
        log(.error, "worker-hung", node: process.name.node, ["reason": reason])
        _ = await process.kill(times: options.times)
    }

    func startRecovery(_ number: Int) {
        guard let node = nodes[number], node.recovery == nil, !node.isBeingTakenDown, !isStopping
        else {
            return
        }
        nodes[number]?.recovery = Task { await recover(number) }
    }

    /// Replaces a node's worker, and its keeper if that is dead too, until it forwards or the
    /// budget is used up.
    private func recover(_ number: Int) async {
        defer { nodes[number]?.recovery = nil }
        while !isStopping, !Task.isCancelled, let decision = nodes[number]?.budget.decide(at: .now)
        {
            guard case .restart(let wait) = decision else { return giveUp(number) }
            if wait > .zero {
                log(.warning, "restart-waits", node: number, ["time": "\(wait)"])
                guard (try? await Task.sleep(for: wait)) != nil else { return }
            }
            await settleSpare(number)
            // A restart of the whole node does what this was to do.
            guard !isStopping, !Task.isCancelled else { return }
            nodes[number]?.restarts += 1
            do throws(StepFailure) {
                let kind = try await replaceWorker(number)
                // It may have died again at once: then this recovery goes on.
                guard nodes[number]?.workerPhase == .up else { continue }
                endRecovery(of: number, by: kind)
                if nodes[number]?.keeperPhase == .up { nodes[number]?.reason = "" }
                return
            } catch {
                guard !isStopping else { return }
                nodes[number]?.reason = "\(error)"
                log(.error, "restart-failed", node: number, ["reason": "\(error)"])
            }
        }
    }

    /// Waits for a spare that is on its way, for a second at most: one that attaches later would see its ports
    /// stopped under it.
    private func settleSpare(_ number: Int) async {
        guard let start = nodes[number]?.spareStart else { return }
        if nodes[number]?.spare == nil { start.cancel() }
        let limit = Task {
            guard (try? await Task.sleep(for: .seconds(1))) != nil,
                nodes[number]?.spareIsReady == false
            else { return }
            await endSpare(number)
        }
        await start.value
        limit.cancel()
    }

    private func giveUp(_ number: Int) {
        guard let node = nodes[number] else { return }
        let last = node.reason.isEmpty ? "" : "; last: \(node.reason)"
        let change = node.segment?.lastChange ?? ""
        nodes[number]?.reason = "left down: \(node.budget.exhaustion)\(last)\(change)"
        endRecovery(of: number, by: .none)
        log(.critical, "node-left-down", node: number, ["reason": nodes[number]?.reason ?? ""])
    }

    /// Has the spare take over, or starts a new worker.
    ///
    /// - Returns: which of the two it was.
    private func replaceWorker(_ number: Int) async throws(StepFailure) -> Recovery.Kind {
        await leaveFormerRings(number)
        // A spare belongs to the memory of its keeper.
        let isWhole = nodes[number]?.keeper == nil
        if isWhole { await endSpare(number) }
        do throws(StepFailure) {
            try await prepareKeeper(number)
        } catch {
            await endSpare(number)
            throw error
        }
        if try await spareTakesOver(number) { return .spare }
        try await startWorker(number)
        return isWhole ? .whole : .cold
    }

    /// Ends a keeper whose rings are not those that a worker would be told of now.
    private func leaveFormerRings(_ number: Int) async {
        guard let node = nodes[number], let keeper = node.keeper,
            node.ringGeneration != ringGeneration
        else { return }
        nodes[number]?.keeperPhase = .down
        _ = await keeper.stop(times: options.times)
        nodes[number]?.keeper = nil
        nodes[number]?.keeperState = .stopped
    }

    /// Makes the node's memory and ports fit for a new worker.
    private func prepareKeeper(_ number: Int) async throws(StepFailure) {
        guard let keeper = nodes[number]?.keeper else {
            log(.warning, "node-restarts-whole", node: number)
            files.removeMemory(node: number)
            return try await startKeeper(number)
        }
        do throws(StepFailure) {
            let answer = try await keeper.request(
                .recoverPorts,
                step: "recovery of ports",
                within: options.times.environment
            )
            nodes[number]?.recoveredBuffers = answer.buffers
            notePortBuffers(number, answer.ports)
        } catch {
            // A keeper that cannot do this is of no use: the next attempt starts with a new one.
            _ = await keeper.kill(times: options.times)
            throw error
        }
    }
}
