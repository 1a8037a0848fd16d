internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging

/// Warm spares: a second worker a node, attached, with the tables of the journal's last entry and a heap
/// of its own, whose lanes do not run.
extension Supervisor {
    /// The waits between attempts to bring a spare up.
    private static let spareWaits: [Duration] = [.seconds(1), .seconds(5), .seconds(30)]

    /// Brings a node's spare up if it is to have one and has none.
    func keepSpare(_ number: Int) {
        guard let node = nodes[number], node.placement.hasSpare, node.spare == nil,
            node.spareStart == nil, !isStopping
        else { return }
        if let reason = Preflight(files: files, runtime: runtime).refusal(of: node.placement) {
            return log(.warning, "no-spare", node: number, ["reason": reason])
        }
        nodes[number]?.spareStart = Task {
            await bringSpareUp(number)
            nodes[number]?.spareStart = nil
        }
    }

    private func bringSpareUp(_ number: Int) async {
        for attempt in 0... {
            guard let node = nodes[number], node.workerPhase == .up, node.keeperPhase == .up,
                node.spare == nil, node.ringGeneration == ringGeneration, !isStopping
            else { return }
            do throws(StepFailure) {
                return try await startSpare(number)
            } catch {
                log(.error, "spare-failed", node: number, ["reason": "\(error)"])
                let wait = Self.spareWaits[min(attempt, Self.spareWaits.count - 1)]
                // A death meanwhile must not wait for this: it starts a worker without a spare.
                guard nodes[number]?.recovery == nil, (try? await Task.sleep(for: wait)) != nil
                else { return }
            }
        }
    }

    /// Starts a worker that waits to take over, and brings it to the journal's end.
    ///
    /// - Parameters:
    ///   - number: the NUMA node's.
    ///   - plan: what it is to be; nil: what the worker is.
    /// - Throws: `StepFailure`; there is no spare then.
    func startSpare(_ number: Int, _ plan: NodeState.Plan? = nil) async throws(StepFailure) {
        guard let plan = plan ?? nodes[number]?.plan else { return }
        let life = try makeLife(number, plan)
        nodes[number]?.spareIsReady = false
        nodes[number]?.spare = life
        do throws(StepFailure) {
            let process = try await launch(life)
            nodes[number]?.spare?.process = process
            publishPeers()
            try await prepare(process, plan)
            try await journal.join(process) {}
            nodes[number]?.spareIsReady = true
            log(
                .notice,
                "spare-ready",
                node: number,
                ["incarnation": "\(life.name.incarnation)", "pid": "\(process.pid)"]
            )
            if let status = await process.exit { await spareEnded(process, status) }
        } catch {
            await endSpare(number)
            throw error
        }
    }

    /// Deals with the end of a spare that was ready; one that is coming is dealt with by `startSpare`.
    func spareEnded(_ process: NodeProcess, _ status: ExitStatus) async {
        let number = process.name.node
        guard let node = nodes[number], node.spare?.process === process, node.spareIsReady,
            !node.isHandingOver
        else { return }
        await endSpare(number)
        guard !isStopping else { return }
        log(.error, "spare-died", node: number, ["cause": "\(status)"])
        keepSpare(number)
    }

    /// Ends a node's spare, and removes what it had.
    func endSpare(_ number: Int) async {
        guard let spare = nodes[number]?.spare else { return }
        nodes[number]?.spareIsReady = false
        if let process = spare.process {
            await journal.leave(process)
            _ = await process.kill(times: options.times)
            keepCrashReport(of: process)
        }
        if nodes[number]?.spare?.name == spare.name { nodes[number]?.spare = nil }
        files.removeSegment(node: number, incarnation: spare.name.incarnation)
    }

    /// Lets the spare forward in the place of a worker that has died.
    ///
    /// - Returns: false if there is none that could.
    func spareTakesOver(_ number: Int) async throws(StepFailure) -> Bool {
        guard let life = nodes[number]?.spare, let process = life.process,
            nodes[number]?.spareIsReady == true
        else { return false }
        nodes[number]?.spare = nil
        nodes[number]?.spareIsReady = false
        nodes[number]?.worker = process
        nodes[number]?.workerPhase = .coming
        enter(life, on: number)
        // Its lanes need not begin together: this is in a hurry.
        barriers.join(BarrierMember(segment: life.segment, process: process.child.process))
        // What peers hand over from now on waits in rings that it is about to empty.
        nodes[number]?.isTakingOver = true
        publishPeers()
        do throws(StepFailure) {
            try await process.forward(keepsHandoffs: true, within: options.times.forward)
        } catch {
            await journal.leave(process)
            _ = await process.kill(times: options.times)
            keepCrashReport(of: process)
            workerIsDown(number, cause: "\(error)")
            throw error
        }
        await workerIsUp(process)
        return true
    }
}

extension NodeProcess {
    /// Lets a worker that is ready forward.
    func forward(keepsHandoffs: Bool, within time: Duration) async throws(StepFailure) {
        _ = try await request(
            .forward(keepsHandoffs: keepsHandoffs),
            step: "forwarding",
            within: time
        )
        try await wait(for: .forwarding, within: time)
    }
}
