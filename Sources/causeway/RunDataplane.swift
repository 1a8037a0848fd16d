internal import CausewayConfiguration
internal import LinuxSystem
internal import Logging
internal import Supervision
internal import Synchronization
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// One run of a dataplane: start, startup commands, control socket, and the end.
final class DataplaneRun: Sendable {
    let plan: RunPlan
    private let store: LogStore
    private let log: Logger
    private let supervisor: Supervisor
    /// Whether a signal has asked for the end.
    private let wasAsked = Mutex(false)

    init(plan: RunPlan) {
        self.plan = plan
        let store = LogStore(
            capacity: plan.startup.logging.lines ?? LogStore.defaultCapacity,
            policy: LogPolicy(plan.startup.logging)
        )
        self.store = store
        LoggingSystem.bootstrap { KeyValueLogHandler(component: $0, store: store) }
        log = Logger(label: "causeway")
        supervisor = Supervisor(
            options: plan.options,
            logger: Logger(label: "supervisor"),
            store: store
        )
    }

    /// Runs until a signal asks for the end.
    ///
    /// - Returns: the process's exit status.
    func run() async -> Int32 {
        let signals = RunSignals()
        CrashReport.install(
            path: plan.startup.runtimeFolder + "/crash.supervisor.txt",
            title: "causeway, the supervisor, pid \(getpid())"
        )
        do throws(SupervisionError) {
            if let path = plan.startup.logPath {
                SmallFile.makeFolder(of: path)
                try store.open(path: path)
            }
            try bind()
            try CoreDumpLimits.apply(plan.startup.coreDumps)
        } catch {
            complain("causeway: \(error)")
            return 1
        }
        for finding in plan.findings where finding.severity == .warning {
            log.warning("finding", metadata: ["text": "\(finding)"])
        }
        if let applied = plan.applied {
            log.warning(
                "topology-applied-before",
                metadata: [
                    "file": "\(applied.file)",
                    "text":
                        "what runs goes on; the next start of everything reads the topology file",
                ]
            )
        }
        let ending = Task { await self.endOnSignal(signals.stream) }
        let status = await runUntilEnd()
        ending.cancel()
        return status
    }

    /// Keeps the supervisor, and what it starts until that binds itself, off the lanes' CPUs.
    private func bind() throws(SupervisionError) {
        let cpus = CPUSet(plan.resolved.placement.housekeeping)
        do throws(Errno) {
            try cpus.bindProcess()
        } catch { throw .cpus(list: "\(cpus)", error) }
    }

    private func endOnSignal(_ signals: AsyncStream<Int32>) async {
        var isFirst = true
        for await number in signals {
            log.notice("signal", metadata: ["number": "\(number)"])
            if number == SIGUSR2 {
                // What comes after it counts: an end of everything is still the first of its kind.
                Task { await supervisor.prepareToLeave() }
                continue
            }
            wasAsked.withLock { $0 = true }
            if isFirst {
                ServiceNotification.send("STOPPING=1")
                Task { await supervisor.stop() }
            } else {
                await supervisor.kill()
            }
            isFirst = false
        }
    }

    private func runUntilEnd() async -> Int32 {
        do throws(SupervisionError) {
            try await supervisor.start()
        } catch {
            // Whoever asked for the end while it started knows why it did not get there.
            if wasAsked.withLock({ $0 }) { return 0 }
            complain("causeway: \(error)")
            return 1
        }
        if let path = plan.startup.pidFile { writePIDFile(path) }
        let server = ControlServer(
            dataplane: supervisor,
            socketPath: plan.startup.controlSocketPath,
            logger: Logger(label: "control"),
            access: ApiAccess(
                adminGroup: number(ofGroup: plan.startup.group),
                readGroup: number(ofGroup: plan.startup.readGroup)
            )
        )
        SmallFile.makeFolder(of: plan.startup.controlSocketPath)
        let serving = Task { () -> Bool in
            do {
                try await server.run(onListening: { await self.becomeReady() })
                return true
            } catch {
                complain("causeway: \(error)")
                Task { await supervisor.stop() }
                return false
            }
        }
        let watching = serveMetrics()
        let reporting = ServiceReports(plan.environment).start(of: supervisor)
        let isLeaving = await supervisor.waitUntilStopped()
        watching.cancel()
        await watching.value
        serving.cancel()
        if let path = plan.startup.pidFile { SmallFile.remove(path) }
        let isServed = await serving.value
        if isLeaving {
            // Nobody gives commands any more.
            await supervisor.leave()
            reporting?.cancel()
            return Supervisor.leftStatus
        }
        reporting?.cancel()
        // The control socket was the last file in there.
        SmallFile.remove(plan.startup.runtimeFolder)
        return isServed ? 0 : 1
    }

    /// Serves metrics wherever the startup file says; what cannot be had there is logged, and the dataplane goes on.
    private func serveMetrics() -> Task<Void, Never> {
        var addresses: [MetricsServer.Address] = []
        if let path = plan.startup.metricsSocketPath { addresses.append(.socket(path: path)) }
        if let listener = plan.startup.metrics.listener {
            addresses.append(.tcp(host: listener.host, port: listener.port))
        }
        return Task {
            await withDiscardingTaskGroup { group in
                for address in addresses {
                    group.addTask { [supervisor, log] in
                        do {
                            try await MetricsServer(
                                dataplane: supervisor,
                                address: address,
                                logger: Logger(label: "metrics")
                            ).run()
                        } catch {
                            log.error("metrics-failed", metadata: ["reason": "\(error)"])
                        }
                    }
                }
            }
        }
    }

    private func becomeReady() async {
        chown(plan.startup.controlSocketPath, plan.startup.group)
        if let path = plan.startup.execPath { await runStartupCommands(path) }
        log.notice("ready", metadata: ["socket": "\(plan.startup.controlSocketPath)"])
        ServiceNotification.send("READY=1")
        if plan.startup.interactive {
            Task {
                await Console(dataplane: supervisor, startup: plan.startup).run()
                await supervisor.stop()
            }
        }
    }

    /// Runs the commands of a file once for each journal.
    ///
    /// Where something is configured already, because they were cut short the last time or the file is new, they go on
    /// past what fails: most of that is there already.
    private func runStartupCommands(_ path: String) async {
        let (areDue, isConfigured) = await supervisor.startupCommandsAreDue()
        guard areDue else {
            return log.notice(
                "startup-commands-skipped",
                metadata: ["file": "\(path)", "reason": "the journal has what they and others did"]
            )
        }
        let outcome = await CommandRunner(dataplane: supervisor)
            .run(file: path, goingOn: isConfigured)
        if outcome.isError {
            log.error("startup-commands-failed", metadata: ["reason": "\(trimmed(outcome.text))"])
        } else {
            for failure in outcome.lineFailures.prefix(100) {
                log.warning("startup-command-failed", metadata: ["reason": "\(failure)"])
            }
            log.notice(
                "startup-commands-done",
                metadata: ["file": "\(path)", "failed": "\(outcome.lineFailures.count)"]
            )
            await supervisor.noteStartupCommands(file: path)
        }
    }

    private func trimmed(_ text: String) -> String {
        text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    private func writePIDFile(_ path: String) {
        do throws(Errno) {
            try SmallFile.write(path, "\(getpid())\n")
        } catch { log.warning("pidfile", metadata: ["file": "\(path)", "reason": "\(error)"]) }
    }

    /// Gives a file to a group, by name or number.
    private func chown(_ path: String, _ group: String?) {
        guard let number = number(ofGroup: group) else { return }
        if Glibc.chown(path, uid_t.max, number) != 0 {
            log.warning("no-such-group", metadata: ["group": "\(number)"])
        }
    }

    /// A group by name or number; nil: there is none.
    private func number(ofGroup group: String?) -> gid_t? {
        guard let group else { return nil }
        let number = gid_t(group) ?? getgrnam(group).map { $0.pointee.gr_gid }
        if number == nil { log.warning("no-such-group", metadata: ["group": "\(group)"]) }
        return number
    }
}
