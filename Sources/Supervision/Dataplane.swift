public import CausewayConfiguration
public import ControlProtocol
public import Coordination
public import Routing

/// What the control front (commands, HTTP) may ask of the running dataplane.
///
/// The supervisor is the only implementation that forwards; tests of the commands bring their own.
public protocol Dataplane: Sendable {
    /// Applies a change on every running worker, under the next number.
    ///
    /// It is checked first, and every worker's acknowledgement is waited for; nodes that are down
    /// are not waited for, they get it with their snapshot.
    ///
    /// - Parameter change: what the operator wants.
    /// - Returns: the change's number in the journal.
    /// - Throws: `ChangeError`; nothing is changed then, on any node.
    func apply(_ change: ConfigurationChange) async throws(ChangeError) -> UInt64

    /// Everything that `show` commands read, at one moment.
    ///
    /// It stops no lane and asks no worker.
    func view() async -> DataplaneView

    /// Asks a node's worker for something about its packet generator.
    ///
    /// - Parameters:
    ///   - node: the NUMA node's number in the placement.
    ///   - command: what its worker shall do.
    /// - Returns: text for the operator.
    /// - Throws: `ChangeError` if the node is unknown or down, or its worker refuses.
    func packetGenerator(
        node: Int,
        _ command: PacketGeneratorCommand
    ) async throws(ChangeError) -> String

    /// Reads the state and hardware counters of every port from the keepers.
    ///
    /// Nodes that do not answer are left out.
    func portStatuses() async -> [PortStatus]

    /// Asks a node's worker something.
    ///
    /// - Parameters:
    ///   - node: the NUMA node's number in the placement.
    ///   - topic: what it is about: `graph`, `init-function`, or `plugin` and a plugin's name.
    ///   - line: the question.
    /// - Returns: text for the operator, and what the answer wants set on every worker.
    /// - Throws: `ChangeError` if the node is unknown or down, or its worker refuses.
    func ask(
        node: Int,
        topic: String,
        line: String
    ) async throws(ChangeError) -> WorkerAnswer

    /// The plugins that each node's worker found, by the node's number.
    func plugins() async -> [Int: [PluginReport]]

    /// Takes the present readings of counters as the zero of later views.
    func clear(_ counters: ClearedCounters) async

    /// How the journal on the disk is; nil: there is none.
    func journalStatus() async -> JournalStatus?

    /// The supervisor's own event log.
    var events: SupervisorEvents { get }

    /// The event logs: the supervisor's first, then each node's present life and its last one.
    ///
    /// - Parameter node: only this NUMA node's; nil: all.
    /// - Returns: logs that this process may write.
    func eventLogs(node: Int?) async -> [EventLog]

    /// Changes what event logs take, or forgets what they hold; later lives are told as well.
    ///
    /// - Parameters:
    ///   - change: what to do.
    ///   - node: only this NUMA node's; nil: all, the supervisor's included.
    /// - Throws: `ChangeError` if there is no memory for it.
    func changeEventLogs(_ change: EventLogChange, node: Int?) async throws(ChangeError)

    /// Writes a file into the runtime directory.
    ///
    /// - Parameters:
    ///   - name: the file's, without a folder; a file of this form that is there is replaced.
    ///   - bytes: its content.
    /// - Returns: its path.
    /// - Throws: `ChangeError` for a name that is no plain one or is taken, and what the file system
    ///   says.
    func save(_ name: String, _ bytes: [UInt8]) async throws(ChangeError) -> String

    /// Replaces a node's worker by a fresh one without losing a packet.
    ///
    /// - Parameter node: the NUMA node's number in the placement.
    /// - Returns: how it went.
    /// - Throws: `ChangeError` with the reason; see `docs/restart.md` for what goes on then.
    func restart(node: Int) async throws(ChangeError) -> RestartOutcome

    /// The lives of a node's worker that are over and kept, oldest first.
    ///
    /// - Parameter node: the NUMA node's number in the placement.
    /// - Returns: those that are kept.
    func deadLives(node: Int) async -> [DeadLife]

    /// Forgets what is kept of lives that are over.
    ///
    /// - Parameters:
    ///   - node: the NUMA node's number in the placement.
    ///   - incarnation: only this life; nil: all of the node.
    /// - Returns: how many were forgotten.
    /// - Throws: `ChangeError` if nothing is kept of that life.
    func clearDeadLives(node: Int, incarnation: UInt32?) async throws(ChangeError) -> Int

    /// Brings what runs to a topology file, a node at a time, or back to what it was.
    ///
    /// - Parameters:
    ///   - path: the file, absolute.
    ///   - isCheck: only say what would be done.
    /// - Returns: what was done, or would be.
    /// - Throws: `ChangeError` with what is wrong with the file, or what became of the nodes.
    func apply(topology path: String, isCheck: Bool) async throws(ChangeError) -> ApplyReport

    /// Replaces a node's keeper and worker; its ports go down meanwhile.
    ///
    /// - Parameter node: the NUMA node's number in the placement.
    /// - Returns: how it went.
    /// - Throws: `ChangeError` with the reason.
    func restartWhole(node: Int) async throws(ChangeError) -> RestartOutcome

    /// Looks whether a program could follow the present ones; nothing is changed.
    ///
    /// - Parameters:
    ///   - nodes: the NUMA nodes' numbers in the placement.
    ///   - path: an absolute path: the program, or a folder with its variants.
    /// - Throws: `ChangeError` with the reason.
    func checkUpgrade(nodes: [Int], with path: String) async throws(ChangeError)

    /// Replaces a node's worker by one of another program without losing a packet.
    ///
    /// - Parameters:
    ///   - node: the NUMA node's number in the placement.
    ///   - path: an absolute path: the program, or a folder with its variants.
    /// - Returns: how it went.
    /// - Throws: `ChangeError` with the reason, and with what forwards now.
    func upgrade(node: Int, with path: String) async throws(ChangeError) -> RestartOutcome

    /// What became of each death of a worker, oldest first.
    func recoveries() async -> [Recovery]

    /// Has changes go to one node first, or to all at once again.
    ///
    /// - Parameter rule: where they go and for how long; nil: to all at once.
    /// - Throws: `ChangeError` if there is no such node, or the rule cannot be written down.
    func setCanary(_ rule: CanaryRule?) async throws(ChangeError)

    /// Where changes go first, and which of them a worker did not survive.
    func canaryStatus() async -> CanaryStatus

    /// What the barriers came to so far.
    var barrierReport: BarrierReport { get }

    /// Stops lanes and lets them go on, for measuring.
    ///
    /// - Parameters:
    ///   - scope: whose lanes.
    ///   - hold: how long they stay stopped.
    /// - Throws: `ChangeError` if they could not be stopped, or went on too early.
    func testBarrier(_ scope: BarrierScope, hold: Duration) async throws(ChangeError)

    /// The last commands.
    var history: CommandHistory { get }

    /// What the control API remembers: its clients, replies to requests with keys, its trace, its events.
    var api: ApiState { get }

    /// What interactive clients are to know.
    var sessionSettings: SessionSettings { get }

    /// What commands have said of traces and captures.
    var tracing: TraceSettings { get }

    /// The lives of workers whose traces can be read: of each node the present one, and those that are over
    /// and kept.
    func tracedLives() async -> [TracedLife]

    /// What is logged.
    func logging() async -> LoggingState

    /// Changes what is logged, from the next message on.
    func setLogging(_ change: LoggingChange) async
}

/// What a worker says to a question.
public struct WorkerAnswer: Hashable, Sendable {
    /// For the operator.
    public var text: String
    /// What is to be set on every worker.
    public var settings: [PluginSetting]

    /// Makes an answer.
    public init(text: String, settings: [PluginSetting] = []) {
        self.text = text
        self.settings = settings
    }
}

extension Dataplane {
    /// Answers nothing, for a dataplane without workers.
    public func ask(
        node: Int,
        topic: String,
        line: String
    ) async throws(ChangeError) -> WorkerAnswer {
        throw ChangeError("no worker runs that could answer")
    }

    /// None, for a dataplane that keeps nothing.
    public func journalStatus() async -> JournalStatus? { nil }

    /// VPP's, for a dataplane that was not told otherwise.
    public var sessionSettings: SessionSettings { SessionSettings(version: Build.version) }

    /// Empty, for a dataplane without workers.
    public var barrierReport: BarrierReport { BarrierReport() }

    /// Refuses, for a dataplane without workers.
    public func testBarrier(_ scope: BarrierScope, hold: Duration) async throws(ChangeError) {
        throw ChangeError("no worker runs whose lanes could stop")
    }

    /// None, for a dataplane without workers.
    public func plugins() async -> [Int: [PluginReport]] { [:] }
}

/// One change of configuration, as an operator means it.
public enum ConfigurationChange: Sendable {
    /// Sets an interface up or down.
    case interfaceState(name: String, isUp: Bool)
    /// Gives an interface an address; its subnet becomes connected.
    case addAddress(interface: String, InterfaceAddress)
    /// Takes an address away, and its connected subnet with it.
    case removeAddress(interface: String, InterfaceAddress)
    /// Sets the MTU in bytes, 68...9216.
    case mtu(interface: String, bytes: Int)
    /// Sets the interface's own MAC address.
    case mac(interface: String, MACAddress)
    /// Takes frames to foreign MAC addresses, or leaves them.
    case promiscuous(interface: String, isOn: Bool)
    /// Spreads an interface's received packets over the lanes of nodes, or no longer.
    case handoff(interface: String, HandoffTarget)
    /// Says how lanes look after an interface's receive queues, or one of them; no mode: the default
    /// (`InterfaceRecord.setRxMode`).
    case rxMode(interface: String, queue: Int?, RxMode?)
    /// Adds paths to prefixes (all prefixes get the same paths), or replaces what they had.
    case addRoutes([IPv4Prefix], RouteTarget, replace: Bool)
    /// Takes the given paths of the prefixes out; nil: all their static routes.
    case removeRoutes([IPv4Prefix], RouteTarget?)
    /// Sets who owns an address on an interface's subnet, for good.
    case neighbour(interface: String, IPv4Address, MACAddress)
    /// Forgets who owns an address, however it became known.
    case removeNeighbour(interface: String, IPv4Address)
    /// Sets something of a plugin.
    case plugin([PluginSetting])
}

/// Why a change was refused; the text is for the operator.
public struct ChangeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why it was refused, and what to change.
    public var description: String

    /// Makes the refusal of a change.
    ///
    /// - Parameter description: a sentence without a period, for the operator.
    public init(_ description: String) { self.description = description }
}

/// Sets of counters that `clear` commands name.
public typealias ClearedCounters = CounterSet

/// What `show` commands read.
public struct DataplaneView: Sendable {
    /// The placement that the supervisor was started with.
    public var placement: Placement
    /// One a node, in the placement's order.
    public var nodes: [NodeStatus]
    /// The interfaces as configured, in the order of their indices.
    public var interfaces: [InterfaceRecord]
    /// The routing table: prefixes, neighbours, interfaces.
    public var routing: RoutingState
    /// The number of the last change.
    public var changeNumber: UInt64
    /// The number of the last change that an operator made: what workers learn does not move it.
    public var configurationNumber: UInt64
    /// Seconds since the supervisor started.
    public var uptimeSeconds: Double
    /// The last lines of the supervisor's log, oldest first.
    public var log: [String]
    /// The supervisor's time base; nil: unknown.
    public var clock: ClockStatus?
    /// The program of each node, and why that one.
    public var variants: [NodeVariant] = []

    /// Makes a view; tests of the commands do, beside the supervisor.
    public init(
        placement: Placement,
        nodes: [NodeStatus],
        interfaces: [InterfaceRecord],
        routing: RoutingState,
        changeNumber: UInt64,
        uptimeSeconds: Double,
        log: [String],
        clock: ClockStatus? = nil
    ) {
        self.placement = placement
        self.nodes = nodes
        self.interfaces = interfaces
        self.routing = routing
        self.changeNumber = changeNumber
        configurationNumber = changeNumber
        self.uptimeSeconds = uptimeSeconds
        self.log = log
        self.clock = clock
    }
}

/// A NUMA node's keeper and worker.
public struct NodeStatus: Sendable {
    /// The NUMA node's number in the placement.
    public var number: Int
    /// The keeper's process id; nil: none runs.
    public var keeperPID: Int32?
    /// How far the keeper says it is.
    public var keeperState: ProcessState
    /// The worker's process id; nil: none runs.
    public var workerPID: Int32?
    /// How far the worker says it is.
    public var workerState: ProcessState
    /// Counts the worker's lives, from 1.
    public var incarnation: UInt32
    /// Restarts after deaths so far.
    public var restarts: Int
    /// Why the node is down, if it is; else empty.
    public var reason: String
    /// The spare's process id; nil: none runs.
    public var sparePID: Int32?
    /// How far the spare is; `ready` is as far as it goes.
    public var spareState = ProcessState.starting
    /// Why the last worker that died did; empty: none has.
    public var lastDeath = ""
    /// The programs of those of the three processes that run.
    public var keeperProgram: ProgramStatus?
    /// See `keeperProgram`.
    public var workerProgram: ProgramStatus?
    /// See `keeperProgram`.
    public var spareProgram: ProgramStatus?
    /// The number of the last change that the worker acknowledged.
    public var changeNumber: UInt64
    /// The counters of the worker's present life, or of its last one; nil before its first.
    public var segment: WorkerSegment?
    /// What to take off the segment's counters, by `clear`.
    public var baseline: CounterBaseline
    /// Messages that the supervisor sent to the worker, and how often it had to wait for room.
    public var messagesSent: UInt64
    /// See `messagesSent`.
    public var messageWaits: UInt64

    /// Makes a status; tests of the commands do, beside the supervisor.
    public init(
        number: Int,
        keeperPID: Int32?,
        keeperState: ProcessState,
        workerPID: Int32?,
        workerState: ProcessState,
        incarnation: UInt32,
        restarts: Int,
        reason: String,
        changeNumber: UInt64,
        segment: WorkerSegment?,
        baseline: CounterBaseline,
        messagesSent: UInt64 = 0,
        messageWaits: UInt64 = 0
    ) {
        self.number = number
        self.keeperPID = keeperPID
        self.keeperState = keeperState
        self.workerPID = workerPID
        self.workerState = workerState
        self.incarnation = incarnation
        self.restarts = restarts
        self.reason = reason
        self.changeNumber = changeNumber
        self.segment = segment
        self.baseline = baseline
        self.messagesSent = messagesSent
        self.messageWaits = messageWaits
    }
}
