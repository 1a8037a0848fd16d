internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging

/// Keeper and worker of a node replaced together: its ports go down, other nodes are not touched.
extension Supervisor {
    /// Replaces a node's keeper and worker, whether they live or not.
    ///
    /// - Parameter node: the NUMA node's number in the placement.
    /// - Returns: how it went.
    /// - Throws: `ChangeError`: the node is down then, and is tried again as after a death.
    public func restartWhole(node: Int) async throws(ChangeError) -> RestartOutcome {
        await restartGate.enter()
        defer { restartGate.leave() }
        guard let policy = nodes[node]?.placement.restart else {
            throw ChangeError("no node \(node)")
        }
        guard !isStopping else { throw ChangeError("the dataplane is being stopped") }
        // Earlier deaths do not count against what an operator asks for.
        nodes[node]?.budget = RestartBudget(policy: policy)
        do throws(StepFailure) {
            return try await replaceWhole(node, by: nil)
        } catch {
            nodes[node]?.reason = "\(error)"
            startRecovery(node)
            throw ChangeError(
                "\(error); node \(node) is down and is tried again as its restart policy says (show nodes)"
            )
        }
    }

    /// Takes a node down and starts its keeper and its worker anew; one restart at a time.
    ///
    /// - Parameters:
    ///   - number: the NUMA node's.
    ///   - plan: what it is to be; nil: what it is.
    /// - Returns: how it went.
    /// - Throws: `StepFailure`: the node is down, and `plan` is what it would be started with.
    func replaceWhole(
        _ number: Int,
        by plan: NodeState.Plan?
    ) async throws(StepFailure) -> RestartOutcome {
        let begin = ContinuousClock.now
        let former = await nodes[number]?.worker?.program
        let drops = peerDrops(to: number)
        log(.warning, "node-restarts-whole", node: number)
        await takeDown(number)
        if let plan { adopt(plan, on: number) }
        files.removeMemory(node: number)
        try await startKeeper(number)
        try await startWorker(number)
        nodes[number]?.reason = ""
        // A death that was being dealt with is dealt with by this.
        endRecovery(of: number, by: .whole)
        let now = peerDrops(to: number)
        let milliseconds = Self.milliseconds(since: begin)
        return RestartOutcome(
            node: number,
            incarnation: nodes[number]?.incarnation ?? 0,
            gapMicroseconds: milliseconds * 1000,
            milliseconds: milliseconds,
            program: await nodes[number]?.worker?.program,
            formerProgram: former,
            isWhole: true,
            // A peer that died meanwhile counts from zero again.
            droppedByPeers: now >= drops ? now - drops : now
        )
    }

    /// Stops a node's worker, spare and keeper in order; its peers know before.
    private func takeDown(_ number: Int) async {
        // What dies while this waits is started by whoever takes the node down, and by nobody besides.
        nodes[number]?.isBeingTakenDown = true
        defer { nodes[number]?.isBeingTakenDown = false }
        nodes[number]?.recovery?.cancel()
        await nodes[number]?.recovery?.value
        nodes[number]?.spareStart?.cancel()
        await endSpare(number)
        await nodes[number]?.spareStart?.value
        guard let node = nodes[number] else { return }
        // From here on no end of one of them is a death.
        nodes[number]?.workerPhase = node.worker == nil ? .down : .coming
        nodes[number]?.keeperPhase = .down
        publishPeers()
        barriers.leave(node: number, incarnation: node.incarnation)
        await endSpare(number)
        if let worker = node.worker {
            await journal.leave(worker)
            _ = await worker.stop(times: options.times)
            keepCrashReport(of: worker)
            workerIsDown(number, cause: "the node was restarted whole")
        }
        if let keeper = node.keeper {
            _ = await keeper.stop(times: options.times)
            keepCrashReport(of: keeper)
        }
        nodes[number]?.keeper = nil
        nodes[number]?.keeperState = .stopped
    }
}
