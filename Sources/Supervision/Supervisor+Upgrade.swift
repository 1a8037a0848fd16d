internal import CausewayConfiguration
internal import ControlProtocol
internal import FoundationEssentials
internal import HostTopology
internal import LinuxSystem
internal import Logging
internal import SystemPackage

/// Which program a node's workers are, and its exchange while the box forwards.
extension Supervisor {
    /// Looks whether a program could follow the present ones; nothing is changed.
    ///
    /// - Parameters:
    ///   - nodes: the numbers of the NUMA nodes.
    ///   - path: an absolute path: the program, or a folder with its variants.
    /// - Throws: `ChangeError` with the reason, and both versions where they differ.
    public func checkUpgrade(nodes: [Int], with path: String) async throws(ChangeError) {
        for number in nodes { _ = try await candidate(path, for: number) }
    }

    /// Replaces a node's worker by one of another program, without losing a packet.
    ///
    /// Later lives of the node's keeper and worker are of that program too, until the next start of
    /// everything.
    ///
    /// - Parameters:
    ///   - node: the NUMA node's number in the placement.
    ///   - path: an absolute path: the program, or a folder with its variants.
    /// - Returns: how it went.
    /// - Throws: `ChangeError` with the reason, and with what forwards now.
    public func upgrade(
        node: Int,
        with path: String
    ) async throws(ChangeError) -> RestartOutcome {
        let (program, versions) = try await candidate(path, for: node)
        await restartGate.enter()
        defer { restartGate.leave() }
        guard var plan = nodes[node]?.plan else { throw ChangeError("no node \(node)") }
        plan.program = program
        let life = nodes[node]?.incarnation
        do throws(ChangeError) {
            return try await replacePlanned(node, by: plan)
        } catch {
            let name = "\(program.path) (build \(versions.name))"
            throw ChangeError("\(name): \(error); \(await aftermath(of: node, life: life))")
        }
    }

    /// What became of a node whose restart failed, once it is up again or given up.
    func aftermath(of number: Int, life: UInt32?) async -> String {
        let wasDown = nodes[number]?.incarnation != life || nodes[number]?.workerPhase != .up
        await nodes[number]?.recovery?.value
        guard let node = nodes[number], node.workerPhase == .up, let worker = node.worker else {
            let reason = nodes[number]?.reason ?? ""
            return "node \(number) is down" + (reason.isEmpty ? "" : ": \(reason)")
        }
        let program = await worker.program.map { "\($0.path), build \($0.build)" } ?? "its program"
        guard wasDown || node.incarnation != life else {
            return "nothing stopped: node \(number) goes on with \(program)"
        }
        return "rolled back: node \(number) is up again as worker \(node.incarnation) with "
            + "\(program); show restarts says what was lost"
    }

    /// The program that a path means for a node, if it could follow the present one.
    private func candidate(
        _ path: String,
        for number: Int
    ) async throws(ChangeError) -> (variant: NodeVariant, versions: BuildVersions) {
        guard let node = nodes[number] else { throw ChangeError("no node \(number)") }
        let features = CPUFeatures.read()
        let cpus = Set(node.placement.lanes + [node.placement.controlCPU]).sorted()
        var variant =
            SmallFile.isDirectory(path)
            ? try variant(in: path, for: node.placement, features)
            : NodeVariant(
                node: number,
                level: VariantSelection.baseLevel,
                path: path,
                reason: "upgrade",
                cpus: cpus,
                model: cpus.first.flatMap { features.models[$0] } ?? ""
            )
        let versions = try await CandidateProgram(
            path: variant.path,
            environment: options.environment,
            time: options.times.hello
        ).versions()
        guard let level = ProcessorLevel(rawValue: versions.processor) else {
            throw ChangeError(
                "\(variant.path) was compiled for the unknown processor level \(versions.processor)"
            )
        }
        variant.level = level
        for cpu in cpus {
            let missing = features.flags[cpu].map { level.missing(from: $0) } ?? []
            guard missing.isEmpty else {
                throw ChangeError(
                    "\(variant.path) was compiled for \(level.march), and CPU \(cpu) of node \(number) "
                        + "lacks \(missing.joined(separator: ", ")); name a build for a lower level"
                )
            }
        }
        try await checkFit(versions, of: variant.path, to: node)
        return (variant, versions)
    }

    private func variant(
        in folder: String,
        for placement: NodePlacement,
        _ features: CPUFeatures
    ) throws(ChangeError) -> NodeVariant {
        let selection = VariantSelection(
            base: folder + (folder.hasSuffix("/") ? "" : "/") + BuildVersions.nodeProgram,
            wanted: options.processorLevel,
            features: features,
            exists: SmallFile.exists,
            isOlder: { SmallFile.changeTime($0) < SmallFile.changeTime($1) }
        )
        let (variants, findings) = selection.choose(
            for: Placement(housekeeping: [], nodes: [placement])
        )
        guard var variant = variants.first else {
            throw ChangeError("\(folder): " + findings.map { "\($0)" }.joined(separator: "; "))
        }
        variant.reason = "upgrade; " + variant.reason
        return variant
    }

    /// Compares what a program says of itself with what runs.
    private func checkFit(
        _ versions: BuildVersions,
        of path: String,
        to node: NodeState
    ) async throws(ChangeError) {
        let running = await node.worker?.identity?.versions
        let keeper = await node.keeper?.identity?.versions
        let theirs = versions.name
        let ours = running?.name ?? keeper?.name ?? Build.version
        var differences = BuildVersions.differences(of: versions.layouts)
        if let keeper, keeper.dpdk != versions.dpdk {
            differences.append("DPDK \(versions.dpdk), not \(keeper.dpdk), which the keeper has")
        }
        guard differences.isEmpty else {
            throw ChangeError(
                "\(path) (build \(theirs)) does not fit to what runs on node \(node.placement.number) "
                    + "(build \(ours)): \(differences.joined(separator: "; ")). Nothing was changed; stop "
                    + "Causeway, install all programs of the new build, and start it"
            )
        }
    }

    /// Takes note of what a node's worker is from now on, also for the next supervisor.
    func adopt(_ plan: NodeState.Plan, on number: Int) {
        guard let before = nodes[number]?.plan, before != plan else { return }
        nodes[number]?.plan = plan
        guard before.program != plan.program else { return }
        let path = programFile(of: number)
        guard let program = plan.program else { return _ = SmallFile.remove(path) }
        log(.notice, "program", node: number, ["path": program.path, "why": program.reason])
        do {
            try runtime.makeDirectory(node: number)
            try SmallFile.write(path, bytes: Array(try JSONEncoder().encode(program)))
        } catch {
            log(.warning, "program-not-noted", node: number, ["file": path, "reason": "\(error)"])
        }
    }

    /// Goes on with the program that an earlier supervisor was told to use.
    func recallProgram(of number: Int) {
        guard let text = SmallFile.read(programFile(of: number)) else { return }
        guard let program = try? JSONDecoder().decode(NodeVariant.self, from: Data(text.utf8))
        else {
            return log(
                .warning,
                "program-unreadable",
                node: number,
                ["file": programFile(of: number)]
            )
        }
        nodes[number]?.plan.program = program
    }

    private func programFile(of number: Int) -> String {
        runtime.directory(node: number) + "/program.json"
    }

    /// The program of each node, and why that one.
    var presentVariants: [NodeVariant] {
        order.compactMap { number in
            nodes[number]?.plan.program ?? options.variants.first { $0.node == number }
        }
    }
}
