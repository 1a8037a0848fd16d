internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import FoundationEssentials
internal import LinuxSystem
internal import Logging
internal import SystemPackage

/// Another topology while the box forwards: `apply FILE`.
extension Supervisor {
    /// Brings what runs to a topology file, a node at a time, or back to what it was.
    ///
    /// - Parameters:
    ///   - path: the file, absolute.
    ///   - isCheck: only say what would be done.
    /// - Returns: what was done, or would be.
    /// - Throws: `ChangeError`: what is wrong with the file, or which node did not come up with it; the old
    ///   topology runs then, as far as the text does not say otherwise.
    public func apply(
        topology path: String,
        isCheck: Bool
    ) async throws(ChangeError) -> ApplyReport {
        await restartGate.enter()
        defer { restartGate.leave() }
        guard !isStopping else { throw ChangeError("the dataplane is being stopped") }
        guard let resolve = options.resolveTopology else {
            throw ChangeError("this supervisor was started without a reader of topology files")
        }
        let resolution = await resolve(path, heldHugepages)
        guard !resolution.findings.hasErrors else {
            let errors = resolution.findings.filter { $0.severity == .error }
            throw ChangeError(
                errors.map { "\($0)" }.joined(separator: "\n") + "\nnothing was changed"
            )
        }
        let plan = try ApplyPlan(from: placement, to: resolution.placement)
        try checkApply(plan)
        var report = ApplyReport(
            file: path,
            startFile: options.topologyPath,
            plan: plan,
            warnings: resolution.findings.filter { $0.severity == .warning }.map { "\($0)" },
            isOnly: order.count == 1
        )
        guard !isCheck, plan.isChange else { return report }
        log(.notice, "apply", ["file": path])
        report.outcomes = try await carryOut(plan)
        report.isApplied = true
        noteApplied(path)
        return report
    }

    /// Looks for what can be known to fail.
    private func checkApply(_ plan: ApplyPlan) throws(ChangeError) {
        var wanted = options
        wanted.placement = plan.placement
        let preflight = Preflight(files: HostFiles(options: wanted), runtime: runtime)
        do throws(SupervisionError) {
            try preflight.check(holding: heldHugepages)
        } catch { throw ChangeError("\(error); nothing was changed") }
        let whole = plan.steps.filter { $0.way == .whole }.map(\.number)
        for step in plan.steps where step.way >= .planned {
            guard let node = nodes[step.number] else { continue }
            if step.way == .planned, node.workerPhase != .up || node.keeperPhase != .up {
                throw ChangeError(
                    "node \(step.number) cannot hand over: \(node.reason); restart node \(step.number) "
                        + "--whole first"
                )
            }
        }
        if let first = whole.first, order.count > 1, !isForwarding(without: first) {
            throw ChangeError(
                "node \(first) has to be restarted whole, and no other node forwards; bring one up first"
            )
        }
    }

    private func isForwarding(without number: Int) -> Bool {
        order.contains { $0 != number && nodes[$0]?.workerPhase == .up }
    }

    /// What the running processes have of the hugepages, by where and how large they are.
    var heldHugepages: [HeldHugepages] {
        placement.nodes.enumerated().map { position, node in
            let page = node.hugepageBytes
            let spare = nodes[node.number]?.spare == nil ? 0 : 1
            let heap = (node.heapBytes * (1 + spare) + page - 1) / page
            let memory = ((node.ealMegabytes << 20) + page - 1) / page
            return HeldHugepages(
                hardwareNode: node.hardwareNode,
                realNode: node.realNode,
                pageBytes: page,
                count: heap + memory + files.ringBytes(at: position) / page
            )
        }
    }

    /// Does the steps of a plan; the first that fails takes back those before.
    private func carryOut(_ plan: ApplyPlan) async throws(ChangeError) -> [Int: RestartOutcome] {
        let former = placement
        markCutShort(true)
        defer { markCutShort(false) }
        var outcomes: [Int: RestartOutcome] = [:]
        var done: [ApplyPlan.Step] = []
        var failed: ApplyPlan.Step?
        do throws(ChangeError) {
            try lay(plan.placement, rings: plan.changesRings)
            for step in plan.steps where step.way != .keep {
                failed = step
                outcomes[step.number] = try await carryOut(step)
                done.append(step)
            }
            return outcomes
        } catch {
            log(.error, "apply-failed", ["reason": "\(error)"])
            let text = await rollBack(to: former, plan, done, failed)
            throw ChangeError("\(error); \(text)")
        }
    }

    /// Does one step to the placement that is in force already.
    private func carryOut(_ step: ApplyPlan.Step) async throws(ChangeError) -> RestartOutcome? {
        let number = step.number
        guard let new = placement.nodes.first(where: { $0.number == number }),
            let before = nodes[number]
        else { throw ChangeError("no node \(number)") }
        let plan = NodeState.Plan(placement: new, program: before.plan.program)
        defer {
            if before.placement.restart != new.restart {
                nodes[number]?.budget = RestartBudget(policy: new.restart)
            }
        }
        switch step.way {
        case .keep: return nil
        case .adjust:
            nodes[number]?.plan = plan
            if !new.hasSpare {
                await nodes[number]?.spareStart?.value
                await endSpare(number)
            }
            keepSpare(number)
            return nil
        case .planned: return try await replacePlanned(number, by: plan)
        case .whole:
            if order.count > 1, !isForwarding(without: number) {
                throw ChangeError("node \(number) is the last that forwards, so it is left alone")
            }
            do throws(StepFailure) {
                return try await replaceWhole(number, by: plan)
            } catch { throw ChangeError("node \(number) does not come up: \(error)") }
        }
    }

    /// Goes back to a placement after a step that failed.
    ///
    /// - Returns: what became of the nodes, for the operator.
    private func rollBack(
        to former: Placement,
        _ plan: ApplyPlan,
        _ done: [ApplyPlan.Step],
        _ failed: ApplyPlan.Step?
    ) async -> String {
        var texts: [String] = []
        do throws(ChangeError) {
            try lay(former, rings: plan.changesRings)
        } catch { texts.append("the rings of before cannot be made: \(error)") }
        var back = (failed.map { [$0] } ?? []) + done.reversed()
        if plan.changesRings {
            // Who has not been restarted yet has the old rings, which are gone.
            let rest = plan.steps.filter { step in !back.contains { $0.number == step.number } }
            back += done.isEmpty && failed == nil ? [] : rest
        }
        for step in back {
            let isUntouched = step == failed && step.way == .planned
            if isUntouched { await nodes[step.number]?.recovery?.value }
            do throws(ChangeError) {
                if !isUntouched || nodes[step.number]?.workerPhase != .up {
                    var step = step
                    if nodes[step.number]?.workerPhase != .up { step.way = .whole }
                    _ = try await carryOut(step)
                }
                texts.append("node \(step.number) runs as before")
            } catch {
                nodes[step.number]?.reason = "\(error)"
                startRecovery(step.number)
                texts.append("node \(step.number) is down (\(error)) and is tried again")
            }
        }
        log(.warning, "apply-rolled-back", ["nodes": texts.joined(separator: "; ")])
        let outcome = texts.isEmpty ? "nothing had stopped" : texts.joined(separator: "; ")
        return "rolled back: \(outcome)"
    }

    /// Makes a placement the one that counts for all that is started from now on.
    ///
    /// - Parameters:
    ///   - new: of the same nodes.
    ///   - rings: whether the rings between the nodes have another layout in it. Workers with the old ones
    ///     know those with new ones as down, and the other way round.
    /// - Throws: `ChangeError` if the rings cannot be made.
    private func lay(_ new: Placement, rings: Bool) throws(ChangeError) {
        placement = new
        files = files.with(new)
        guard rings else { return }
        ringGeneration += 1
        laneWakeups = []
        for node in new.nodes { nodes[node.number]?.plan.placement = node }
        publishPeers()
        do throws(SupervisionError) {
            try files.createRings()
            try makeLaneWakeups()
        } catch { throw ChangeError("\(error)") }
    }

    /// Says for a next supervisor whether what runs is between two placements.
    private func markCutShort(_ isCutShort: Bool) {
        do throws(SupervisionError) {
            try describePlacement(isCutShort: isCutShort)
        } catch { log(.warning, "placement-not-noted", ["reason": "\(error)"]) }
    }

    /// Leaves the placement to the next supervisor.
    private func noteApplied(_ path: String) {
        let file = AppliedTopology.file(in: runtime)
        do {
            let applied = AppliedTopology(file: path, placement: placement)
            try SmallFile.write(file, bytes: Array(try JSONEncoder().encode(applied)))
        } catch { log(.warning, "topology-not-noted", ["file": file, "reason": "\(error)"]) }
        log(.notice, "topology-applied", ["file": path])
    }
}
