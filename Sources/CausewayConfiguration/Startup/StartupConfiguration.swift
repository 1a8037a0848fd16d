public import Coordination
internal import LinuxSystem

/// What a startup file says, with defaults for what it leaves out.
public struct StartupConfiguration: Hashable, Sendable {
    /// How much is logged.
    public enum LogLevel: String, Hashable, Sendable, Codable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    /// What is logged; what is nil has the log's own default.
    public struct LoggingSettings: Hashable, Sendable {
        /// `default-log-level L`.
        public var level = LogLevel.notice
        /// `default-syslog-log-level L`: what of it goes to standard error; nil: all.
        public var syslogLevel: LogLevel?
        /// `size N`: lines that `show logging` has.
        public var lines: Int?
        /// `unthrottle-time S`: how long a class that logs too much is throttled.
        public var unthrottleSeconds: Int?
        /// `class NAME { ... }`.
        public var classes: [String: ClassSettings] = [:]

        /// What a class has of its own.
        public struct ClassSettings: Hashable, Sendable {
            /// `level L`.
            public var level: LogLevel?
            /// `syslog-level L`.
            public var syslogLevel: LogLevel?
            /// `rate-limit N`: messages a second.
            public var rateLimit: Int?
        }

        /// The classes that messages belong to.
        public static let classNames = ["causeway", "supervisor", "control", "keeper", "worker"]
    }

    /// The console of `unix { interactive }`, and the prompt of `causewayctl`.
    public struct Console: Hashable, Sendable {
        /// `cli-prompt TEXT`; nil: the instance's name.
        public var prompt: String?
        /// `cli-history-limit N`: lines that `history` keeps.
        public var historyLines = 50
        /// `nobanner`, `cli-no-banner`: no greeting at start.
        public var hasNoBanner = false
        /// `cli-no-pager`: `causewayctl` shows long answers at once.
        public var hasNoPager = false
        /// `cli-pager-buffer-limit N`: longer answers, in lines, are not paged; 0: no limit.
        public var pagerLines = 100_000
    }

    /// What of a process is kept when it crashes.
    public struct CoreDumps: Hashable, Sendable {
        /// `full-coredump`: shared memory and hugepages too.
        public var isFull = false
        /// `coredump-size N`: bytes at most; nil: as the supervisor was started; `.max`: no limit.
        public var bytes: Int?
    }

    /// `unix { nodaemon }`: accepted from VPP's files; Causeway never leaves the foreground by itself.
    public var nodaemon = false
    /// `unix { interactive }`: commands are read from the terminal.
    public var interactive = false
    /// `unix { log FILE }`.
    public var logPath: String?
    /// `unix { exec FILE }` or `startup-config FILE`: commands to run once every node is ready.
    public var execPath: String?
    /// `unix { runtime-dir DIR }`; nil: see `runtimeFolder`.
    public var runtimeDirectory: String?
    /// `unix { state-dir DIR }`; nil: see `stateFolder`.
    public var stateDirectory: String?
    /// `journal off`: configuration is not kept on the disk.
    public var hasNoJournal = false
    /// `unix { pidfile FILE }`.
    public var pidFile: String?
    /// `unix { cli-listen PATH }`; nil: see `controlSocketPath`.
    public var controlSocket: String?
    /// `unix { poll-sleep-usec N }`: how long an idle lane sleeps; 0: never.
    public var pollSleepMicroseconds = 0
    /// `polling { up N down N handoff-tail N }`.
    public var polling = PollingSettings()
    /// `barrier { warn-usec N log-usec N fence-msec N lease-msec N }`.
    public var barrier = BarrierTimes()
    /// `lanes { hang-msec N }`: a lane that has made no turn for so long hangs; 0: nobody looks.
    public var hangMilliseconds = 1000
    /// `unix { gid G }`: the group, by name or number, that may use the control socket.
    public var group: String?
    /// `unix { read-gid G }`: the group, by name or number, that may read over the control socket; nil: none.
    public var readGroup: String?
    /// `unix { nosyslog }`: accepted from VPP's files; Causeway logs to standard error.
    public var nosyslog = false
    /// `unix { cli-prompt, cli-history-limit, nobanner }`.
    public var console = Console()
    /// `unix { full-coredump, coredump-size }`.
    public var coreDumps = CoreDumps()
    /// `topology FILE`; a relative path of a file has been resolved against the startup file's folder.
    public var topologyPath: String?
    /// `instance NAME`: this Causeway among others on the machine.
    public var instance = "causeway"
    /// `logging { ... }`.
    public var logging = LoggingSettings()
    /// `vlib { elog-events N }`: events of each process's event log.
    public var eventLogEvents = EventLog.defaultEvents
    /// `statseg { ... }`.
    public var statistics = StatisticsSettings()
    /// `metrics { ... }`.
    public var metrics = MetricsSettings()
    /// `api-trace { ... }`.
    public var commandTrace = CommandTraceSettings()
    /// `node-executable PATH`; nil: `causeway-node` beside the running `causeway`.
    public var nodeExecutablePath: String?
    /// `cpu { variant V }`: the build of the packet side to run, `v3` or `v4`; nil: the best for each node.
    public var variant: String?
    /// `dpdk { max-simd-bitwidth N }`; nil: DPDK's choice.
    public var maximumSIMDBits: Int?
    /// `cpu { scheduler-policy, scheduler-priority, thread-prefix }` and `seed`.
    public var lanes = LaneSettings()
    /// `plugins { ... }`.
    public var plugins = PluginSettings()
    /// `cpu`, `memory`, `buffers` and `dpdk`, as far as they are about placement.
    public var placement = StartupPlacement()

    /// All defaults.
    public init() {}

    /// The folder of sockets, pid files and shared state.
    public var runtimeFolder: String {
        runtimeDirectory ?? RuntimeDirectory.usual(instance: instance).path
    }

    /// The folder of what must survive a power cut.
    ///
    /// - Parameter serviceFolder: what systemd gives a service with `StateDirectory=`, in the variable
    ///   STATE_DIRECTORY; of several, separated by colons, the first is meant.
    /// - Returns: `state-dir`, else a folder of the instance's name in that of the service or /var/lib/causeway.
    public func stateFolder(serviceFolder: String? = nil) -> String {
        if let stateDirectory { return stateDirectory }
        let first = serviceFolder?.split(separator: ":").first.map { String($0) }
        return "\(first ?? "/var/lib/causeway")/\(instance)"
    }

    /// Where the control socket is; a name without a slash is one in the runtime folder.
    public var controlSocketPath: String {
        guard let controlSocket else { return RuntimeDirectory(path: runtimeFolder).controlSocket }
        return controlSocket.contains("/") ? controlSocket : "\(runtimeFolder)/\(controlSocket)"
    }
}

extension StartupConfiguration {
    /// Reads a startup file.
    ///
    /// - Returns: the configuration with defaults for what is wrong, and everything that is wrong.
    public static func read(
        path: String
    ) -> (configuration: StartupConfiguration, findings: [Finding]) {
        let (file, findings) = StartupFile.read(path: path)
        let (configuration, more) = interpret(file, folder: folder(of: path))
        return (configuration, findings + more)
    }

    /// Reads a configuration given as command-line words.
    ///
    /// - Returns: the configuration with defaults for what is wrong, and everything that is wrong.
    public static func read(
        arguments: [String]
    ) -> (configuration: StartupConfiguration, findings: [Finding]) {
        let (file, findings) = StartupFile.parse(arguments: arguments)
        let (configuration, more) = interpret(file, folder: nil)
        return (configuration, findings + more)
    }

    /// Gives words and blocks their meaning.
    ///
    /// - Parameters:
    ///   - file: the words.
    ///   - folder: what a relative path of the topology file starts from, a slash at its end; nil: the
    ///     working folder.
    /// - Returns: the configuration with defaults for what is wrong, and everything that is wrong.
    public static func interpret(
        _ file: StartupFile,
        folder: String?
    ) -> (configuration: StartupConfiguration, findings: [Finding]) {
        var reader = StartupReader(folder: folder)
        reader.readTop(file.entries)
        return (reader.configuration, reader.findings)
    }

    private static func folder(of path: String) -> String? {
        path.lastIndex(of: "/").map { String(path[..<$0]) + "/" }
    }
}
