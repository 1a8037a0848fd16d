internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

/// What the supervisor knows of one NUMA node.
struct NodeState {
    /// How far a process is for the supervisor.
    ///
    /// A death is dealt with by whoever brings it up while it is `coming`, and by a recovery once
    /// it is `up`.
    enum Phase: Hashable { case down, coming, up }

    /// What a life of the node's worker is made of.
    struct Plan: Hashable, Sendable {
        var placement: NodePlacement
        /// The program that an operator chose for the node; nil: that of the start.
        var program: NodeVariant?
    }

    /// A worker that is to forward, or waits to: its process and what it counts.
    struct Life: Sendable {
        let name: ProcessName
        let plan: Plan
        let segment: WorkerSegment
        let eventLog: EventLog
        var process: NodeProcess?
        var state = ProcessState.starting
    }

    /// A death that is being dealt with.
    struct Death: Sendable {
        var recovery: Recovery
        /// When the supervisor knew, by the time-stamp counter.
        var since: UInt64
        /// Buffers that the worker had and that were no packets: at hand, and in receive queues.
        var atHand: UInt64
        var inQueues: UInt64

        /// The packets that were in the worker's graph, by what its keeper found in the pool.
        func inLanes(of pool: PoolReport) -> UInt64 {
            let others = atHand + inQueues + recovery.held
            return UInt64(pool.taken) > others ? UInt64(pool.taken) - others : 0
        }
    }

    /// What the node's worker is, and each later one is to be.
    var plan: Plan
    var placement: NodePlacement { plan.placement }
    var keeper: NodeProcess?
    var keeperState = ProcessState.starting
    var keeperIncarnation: UInt32 = 0
    /// The layout of the rings that keeper and worker have.
    var ringGeneration = 0
    var worker: NodeProcess?
    var workerState = ProcessState.starting
    /// Counts the worker's lives, from 1.
    var incarnation: UInt32 = 0
    /// The highest number of a life so far, a spare's included.
    var lastIncarnation: UInt32 = 0
    /// A warm worker, attached and at the journal's end, or on its way there.
    var spare: Life?
    /// Whether the spare could take over now.
    var spareIsReady = false
    /// Brings the spare up.
    var spareStart: Task<Void, Never>?
    /// Whether the worker's end is a planned restart's to deal with.
    var isHandingOver = false
    /// The record of the restart under way.
    var handover: HandoverRecord?
    /// The streams that its packet generator was given.
    var streams: [GivenStream] = []
    /// Restarts after deaths so far.
    var restarts = 0
    var budget: RestartBudget
    /// Why the node is down or degraded; else empty.
    var reason = ""
    /// Why the last worker that died did; empty: none has.
    var lastDeath = ""
    /// The counters of the worker's present life, or of its last one.
    var segment: WorkerSegment?
    /// What the ports' hardware counted in the keeper's present life, or in its last one.
    var portSegment: PortSegment?
    /// The lives that are over and kept for reading, oldest first.
    var deadLives: [DeadLife] = []
    var baseline = CounterBaseline()
    /// The event logs of the worker's present life, or of its last one, and of the one before that.
    var eventLog: EventLog?
    var deadEventLog: EventLog?
    /// What the event logs of the node's next lives take.
    var eventSettings: EventLogSettings
    var workerPhase = Phase.down
    /// A spare has been told to forward in a dead worker's place, and has not said yet that it does.
    var isTakingOver = false
    /// Its processes are being ended for a restart of the whole node: deaths are no news.
    var isBeingTakenDown = false
    var keeperPhase = Phase.down
    /// Whether each interface's link is up, as its keeper last said.
    var links: [UInt16: Bool] = [:]
    /// What its worker, or the last one, found of plugins.
    var plugins: [PluginReport] = []
    /// A death that is being dealt with, and since when.
    var died: Death?
    /// What became of earlier ones, oldest first.
    var recoveries: [Recovery] = []
    /// What the keeper had of its pool when it had taken every buffer back, the last time.
    var recoveredBuffers: PoolReport?
    /// What the queues of its ports hold of the pool's buffers.
    var portBuffers = PortBuffers()
    /// Replaces the node's dead worker.
    var recovery: Task<Void, Never>?

    init(placement: NodePlacement, eventSettings: EventLogSettings = EventLogSettings()) {
        plan = Plan(placement: placement)
        self.eventSettings = eventSettings
        budget = RestartBudget(policy: placement.restart)
    }

    /// Whether peers are to hand packets over: not to a dead worker, but to one that is about to take its place,
    /// which empties the rings as soon as it runs.
    var takesHandoffs: Bool { workerPhase == .up || isTakingOver }

    /// The node's bit in `peersUp`.
    var bit: UInt64 { 1 << UInt64(placement.number) }
}
