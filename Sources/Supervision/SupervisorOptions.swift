public import CausewayConfiguration
public import ControlProtocol
public import Coordination
public import HostTopology
internal import LinuxSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// What a supervisor is started with.
public struct SupervisorOptions: Sendable {
    /// EAL arguments of a process of a node.
    ///
    /// The number is the process's incarnation, from 1.
    public typealias EnvironmentArguments = @Sendable (NodePlacement, UInt32) -> [String]

    /// Reads a topology file as the start does; the second argument is what is not free of the hugepages,
    /// but would be.
    public typealias TopologyReader =
        @Sendable (String, [HeldHugepages]) async -> TopologyResolution

    /// The topology file of the start; nil: there was none.
    public var topologyPath: String?
    /// Reads topology files; nil: none can be applied.
    public var resolveTopology: TopologyReader?
    /// The nodes, lanes, memory and ports to run.
    public var placement: Placement
    /// The name of this dataplane on the machine: DPDK's file prefixes and shared memory are named
    /// after it.
    public var instance: String
    /// Where sockets and process records are.
    public var runtimeDirectory: String
    /// Where the journal lies on the disk; nil: configuration ends with the supervisor.
    public var stateDirectory: String?
    /// Whether what an earlier supervisor left running is ended, whatever it is.
    public var isFresh = false
    /// How the journal's bytes get to the disk; another way only in tests.
    var journalSync = DurableFile.dataSync
    /// The program of keepers and workers.
    public var nodeExecutable: String
    /// The program of each node, where it is not `nodeExecutable`, and why.
    public var variants: [NodeVariant]
    /// The processor level that all nodes are to run; nil: each the best of its CPUs.
    public var processorLevel: ProcessorLevel?
    /// The environment of keepers and workers.
    public var environment: [String: String]
    /// The longest sleep of an idle lane in microseconds; 0: lanes never sleep.
    public var idleSleepMicroseconds: Int
    /// When adaptive input nodes are polled, and how long lanes go on after a handoff.
    public var polling: PollingSettings
    /// How long barriers wait.
    public var barrier: BarrierTimes
    /// A lane that has made no turn for so long hangs; zero: nobody looks.
    public var hang: Duration
    /// Events of each event log, rounded up to what its rings have (`EventLog.create`).
    public var eventLogEvents: Int
    /// What workers list and write of their statistics.
    public var statistics: StatisticsSettings
    /// Commands that are kept for the report after a crash; 0: none.
    public var commandHistory: Int
    /// What interactive clients are to know.
    public var session = SessionSettings()
    /// How the lanes' threads run.
    public var lanes: LaneSettings
    /// Which plugins workers load.
    public var plugins: PluginConfiguration
    /// The version text that keepers and workers must answer with; nil: any.
    public var build: String?
    /// How long each step of a keeper or worker may take.
    public var times: StepTimes
    /// Where the machine has shared memory, hugepages and sysfs.
    public var host: HostPaths
    /// Makes EAL's arguments for the command line of a keeper.
    public var keeperArguments: EnvironmentArguments
    /// Makes EAL's arguments for the command line of a worker.
    public var workerArguments: EnvironmentArguments
    /// The EAL lcore id of lane 0 in an incarnation of a worker.
    public var firstLaneLcore: @Sendable (UInt32) -> Int

    /// Makes the options; those with a default are for tests and unusual machines.
    public init(
        placement: Placement,
        instance: String = "causeway",
        runtimeDirectory: String,
        stateDirectory: String? = nil,
        nodeExecutable: String = "",
        variants: [NodeVariant] = [],
        environment: [String: String] = [:],
        idleSleepMicroseconds: Int = 100,
        polling: PollingSettings = PollingSettings(),
        barrier: BarrierTimes = BarrierTimes(),
        hang: Duration = .seconds(1),
        eventLogEvents: Int = EventLog.defaultEvents,
        statistics: StatisticsSettings = StatisticsSettings(),
        commandHistory: Int = CommandHistory.defaultCapacity,
        lanes: LaneSettings = LaneSettings(),
        plugins: PluginConfiguration = PluginConfiguration(),
        build: String? = nil,
        times: StepTimes = StepTimes(),
        host: HostPaths = HostPaths(),
        keeperArguments: @escaping EnvironmentArguments,
        workerArguments: @escaping EnvironmentArguments,
        firstLaneLcore: @escaping @Sendable (UInt32) -> Int
    ) {
        self.placement = placement
        self.instance = instance
        self.runtimeDirectory = runtimeDirectory
        self.stateDirectory = stateDirectory
        self.nodeExecutable = nodeExecutable
        self.variants = variants
        self.environment = environment
        self.idleSleepMicroseconds = idleSleepMicroseconds
        self.polling = polling
        self.barrier = barrier
        self.hang = hang
        self.eventLogEvents = eventLogEvents
        self.statistics = statistics
        self.commandHistory = commandHistory
        self.lanes = lanes
        self.plugins = plugins
        self.build = build
        self.times = times
        self.host = host
        self.keeperArguments = keeperArguments
        self.workerArguments = workerArguments
        self.firstLaneLcore = firstLaneLcore
    }

    /// The program of a node's keeper and worker.
    func program(of node: Int) -> String {
        variants.first { $0.node == node }?.path ?? nodeExecutable
    }
}

/// Where this machine has what a dataplane shares; other than the machine's own only in tests.
public struct HostPaths: Hashable, Sendable {
    /// A file system in memory for the workers' segments.
    public var sharedMemory: String
    /// The directory where hugetlbfs of each page size in bytes is mounted.
    public var hugepageDirectories: [Int: String]
    /// Where DPDK keeps a directory for each file prefix.
    public var dpdkRuntime: String
    /// The root of sysfs.
    public var sysfs: String

    /// Makes the paths; without more said they are those of a Linux machine, hugetlbfs apart.
    public init(
        sharedMemory: String = "/dev/shm",
        hugepageDirectories: [Int: String] = [:],
        dpdkRuntime: String = HostPaths.defaultDPDKRuntime,
        sysfs: String = "/sys"
    ) {
        self.sharedMemory = sharedMemory
        self.hugepageDirectories = hugepageDirectories
        self.dpdkRuntime = dpdkRuntime
        self.sysfs = sysfs
    }

    /// The directory that DPDK chooses: systemd's, root's, or the user's.
    public static var defaultDPDKRuntime: String {
        let base =
            if let directory = getenv("RUNTIME_DIRECTORY") {
                String(cString: directory)
            } else if getuid() == 0 {
                "/var/run"
            } else if let directory = getenv("XDG_RUNTIME_DIR") {
                String(cString: directory)
            } else {
                "/tmp"
            }
        return base + "/dpdk"
    }
}
