internal import ArgumentParser
internal import CausewayConfiguration
internal import ControlProtocol
internal import HostTopology
internal import LinuxSystem
internal import Supervision

#if canImport(Glibc)
    internal import Glibc
#endif

/// Everything that was read and worked out before anything is started.
struct RunPlan {
    var startup: StartupConfiguration
    var machine: HostTopology
    var resolved: ResolvedPlacement
    /// The program of each NUMA node.
    var variants: [NodeVariant]
    /// What was found, all but errors.
    var findings: [Finding]
    /// What an earlier supervisor was told to apply, and what runs by that.
    var applied: AppliedTopology?
    /// The values of the command line that win over topology files.
    var settings: [String] = []
    /// Whether what an earlier supervisor left running is to be ended.
    var isFresh = false

    /// Reads the configuration and the machine.
    ///
    /// - Throws: an exit status, after everything that is wrong has been written to standard error.
    static func make(
        startupFile: String?,
        words: [String],
        settings: [String],
        isFresh: Bool
    ) throws -> RunPlan {
        let (startup, complaints) =
            startupFile.map { StartupConfiguration.read(path: $0) }
            ?? StartupConfiguration.read(arguments: words)
        try stop(on: complaints)
        let machine: HostTopology
        do throws(HostTopologyError) {
            machine = try HostTopology.read(.live)
        } catch {
            complain("causeway: \(error)")
            throw ExitCode.failure
        }
        var resolved = Placement.resolve(
            machine: machine,
            topologyPath: startup.topologyPath,
            settings: settings,
            startup: startup.placement
        )
        let applied =
            isFresh ? nil : AppliedTopology.read(runtimeDirectory: startup.runtimeFolder)
        if let applied {
            // What runs is taken over: the topology file counts at the next start.
            resolved.placement = applied.placement
            resolved.findings.removeAll { $0.severity == .error }
        } else {
            try stop(on: resolved.findings)
        }
        let selection = VariantSelection(
            base: nodeExecutable(startup),
            wanted: startup.variant.flatMap { ProcessorLevel(rawValue: $0) },
            features: CPUFeatures.read(),
            exists: SmallFile.exists,
            isOlder: { SmallFile.changeTime($0) < SmallFile.changeTime($1) }
        )
        let (variants, refusals) = selection.choose(for: resolved.placement)
        try stop(on: refusals)
        return RunPlan(
            startup: startup,
            machine: machine,
            resolved: resolved,
            variants: variants,
            findings: complaints + resolved.findings,
            applied: applied,
            settings: settings,
            isFresh: isFresh
        )
    }

    /// Reads a topology file as the start does, while what runs has hugepages.
    private func resolve(_ path: String, holding held: [HeldHugepages]) -> TopologyResolution {
        do throws(HostTopologyError) {
            var machine = try HostTopology.read(.live)
            for pages in held { machine.release(pages) }
            let resolved = Placement.resolve(
                machine: machine,
                topologyPath: path,
                settings: settings,
                startup: startup.placement
            )
            return TopologyResolution(
                placement: resolved.placement,
                findings: resolved.findings
            )
        } catch {
            let finding = Finding(.unreadable, .error, "\(error)", remedy: "try again")
            return TopologyResolution(placement: resolved.placement, findings: [finding])
        }
    }

    private static func stop(on findings: [Finding]) throws {
        guard findings.hasErrors else { return }
        for finding in findings where finding.severity == .error { complain("\(finding)") }
        throw ExitCode.failure
    }

    private var arguments: EALArguments {
        var arguments = EALArguments(instance: startup.instance, machine: machine)
        arguments.maximumSIMDBits = startup.maximumSIMDBits
        return arguments
    }

    /// The findings and the plan for reading.
    var text: String {
        let plan = PlacementPlan(of: resolved.placement, on: machine, arguments: arguments)
        return findings.map { "\($0)\n" }.joined() + plan.text
    }

    /// The program of keepers and workers: the one named, else that beside this one.
    private static func nodeExecutable(_ startup: StartupConfiguration) -> String {
        if let path = startup.nodeExecutablePath { return path }
        return programFolder + "/causeway-node"
    }

    /// Where this program is.
    private static var programFolder: String {
        let own = SmallFile.linkTarget("/proc/self/exe") ?? ""
        return String(own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex))
    }

    /// What the supervisor is started with.
    var options: SupervisorOptions {
        let environment = environment.filter { !ServiceNotification.variables.contains($0.key) }
            .merging(["CAUSEWAY_LOG_LEVEL": startup.logging.level.rawValue]) { own, _ in own }
        let folders = machine.hugepageMounts.map { ($0.pageBytes, $0.path) }
        let arguments = arguments
        var options = SupervisorOptions(
            placement: resolved.placement,
            instance: startup.instance,
            runtimeDirectory: startup.runtimeFolder,
            stateDirectory: startup.hasNoJournal
                ? nil : startup.stateFolder(serviceFolder: environment["STATE_DIRECTORY"]),
            variants: variants,
            environment: environment,
            idleSleepMicroseconds: startup.pollSleepMicroseconds,
            polling: startup.polling,
            barrier: startup.barrier,
            hang: .milliseconds(startup.hangMilliseconds),
            eventLogEvents: startup.eventLogEvents,
            statistics: startup.statistics,
            commandHistory: startup.commandTrace.capacity,
            lanes: startup.lanes,
            plugins: startup.plugins.configuration(programFolder: Self.programFolder),
            build: Build.version,
            times: StepTimes(slow: environment["CAUSEWAY_SLOW"] == "1"),
            host: HostPaths(
                hugepageDirectories: Dictionary(folders, uniquingKeysWith: { first, _ in first })
            ),
            keeperArguments: { node, _ in arguments.keeper(of: node) },
            workerArguments: { arguments.worker(of: $0, incarnation: Int($1)) },
            firstLaneLcore: { EALArguments.firstLcore(incarnation: Int($0)) + 1 }
        )
        options.isFresh = isFresh
        options.topologyPath = startup.topologyPath
        options.resolveTopology = { path, held in resolve(path, holding: held) }
        options.processorLevel = startup.variant.flatMap { ProcessorLevel(rawValue: $0) }
        options.session = startup.session
        return options
    }

    /// This process's environment, as it was started.
    var environment: [String: String] {
        let text = SmallFile.read("/proc/self/environ") ?? ""
        let pairs = text.split(separator: "\0").compactMap { entry -> (String, String)? in
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }
}

extension HostTopology {
    /// Counts hugepages as free that a running dataplane has.
    fileprivate mutating func release(_ pages: HeldHugepages) {
        for node in numaNodes.indices where numaNodes[node].osIndex == pages.realNode {
            for size in numaNodes[node].hugepages.indices
            where numaNodes[node].hugepages[size].pageBytes == pages.pageBytes {
                guard let free = numaNodes[node].hugepages[size].free else { continue }
                numaNodes[node].hugepages[size].free = free + pages.count
            }
        }
    }
}

extension StartupConfiguration {
    /// What interactive clients are told.
    fileprivate var session: SessionSettings {
        #if DEBUG
            let isDebug = true
        #else
            let isDebug = false
        #endif
        return SessionSettings(
            pid: getpid(),
            version: Build.version,
            isDebug: isDebug,
            instance: instance,
            prompt: console.prompt,
            historyLimit: console.historyLines,
            hasPager: !console.hasNoPager,
            pagerLimit: console.pagerLines,
            hasBanner: !console.hasNoBanner
        )
    }
}
