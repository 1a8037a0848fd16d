internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import Logging

#if canImport(Glibc)
    internal import Glibc
#endif

/// What became of a node whose worker died: one for each death, kept for `show restarts`.
public struct Recovery: Sendable {
    /// What the node went on with.
    public enum Kind: String, Hashable, Sendable, Encodable {
        /// Its warm spare.
        case spare
        /// A worker that was started for it.
        case cold
        /// A new keeper and a new worker.
        case whole
        /// Nothing: the budget was used up, or the supervisor stopped.
        case none
    }

    /// The NUMA node's number.
    public var node: Int
    /// The life that ended.
    public var incarnation: UInt32
    /// How it ended.
    public var cause: String
    /// Seconds since 1970 when the supervisor knew.
    public var unixSeconds: Int
    /// From the last sign of life of a lane until the supervisor knew; a lane may have slept before.
    public var detectionMicroseconds: Int
    /// What the node went on with.
    public var kind = Kind.none
    /// From the supervisor's knowledge until all lanes of the node turned; nil: they do not.
    public var forwardingMicroseconds: Int?
    /// Packets that other nodes dropped because this one was down.
    public var droppedByPeers: UInt64 = 0
    /// Packets for unknown neighbours that the dead worker held.
    public var held: UInt64 = 0
    /// Packets that the dead worker had in its graph, or had sent and the port had not.
    public var inLanes: UInt64 = 0
    /// Packets in the ports' receive queues, as far as drivers say; those in TAPs are not lost.
    public var inPorts: UInt64 = 0
    /// Packets that the dead worker took in a second, of late.
    public var packetsPerSecond = 0.0
    /// Cells of handoff rings that were skipped because nobody was there to take them in time.
    public var skippedCells: UInt64 = 0
    /// The buffers of the pool, and how many were free when all had been taken back; nil: there is a
    /// new pool.
    public var buffers: (size: Int, free: Int)?
    /// How many buffers nobody had (above 0), or were there twice (below 0), when the next worker had
    /// counted them; nil: it has not yet.
    public var missing: Int?
    /// The number of the last journal entry that the dead worker had applied.
    public var change: UInt64 = 0
    /// The number of the entry that it was applying; nil: none.
    public var changeBegun: UInt64?

    /// Packets known to be lost.
    public var lost: UInt64 { droppedByPeers + held + inLanes + inPorts }

    /// For how long packets were lost at the rate at which they came (lost by rate), in seconds; nil:
    /// none came.
    public var blockedSeconds: Double? {
        packetsPerSecond > 0 ? Double(lost) / packetsPerSecond : nil
    }

    /// Whether every buffer was accounted for.
    public var isExact: Bool { buffers.map { $0.size == $0.free } ?? true && (missing ?? 0) == 0 }
}

extension Supervisor {
    /// The most recoveries that are kept of each node.
    private static let recoveryLimit = 64

    /// Notes a death, before anything is done about it.
    func beginRecovery(of node: NodeState, cause: String) {
        guard let segment = node.segment else { return }
        let ticks = (0..<segment.laneCount).map { segment.lane($0).load(.heartbeatTSC) }.max() ?? 0
        let silent = Double(EventClock.ticks &- ticks) / clock.hertz * 1e6
        var recovery = Recovery(
            node: node.placement.number,
            incarnation: node.incarnation,
            cause: cause,
            unixSeconds: time(nil),
            detectionMicroseconds: ticks == 0 ? 0 : Int(max(0, min(silent, 1e12)))
        )
        recovery.held = (0..<segment.laneCount).reduce(0) { $0 + segment.lane($1).load(.held) }
        recovery.change = segment.load(.changeNumber)
        let begun = segment.load(.changeBegun)
        recovery.changeBegun = begun > recovery.change ? begun : nil
        recovery.packetsPerSecond = Double(bitPattern: segment.load(.inputRate))
        recovery.droppedByPeers = peerDrops(to: node.placement.number)
        let atHand = (0..<segment.laneCount).reduce(0) { $0 + segment.lane($1).load(.atHand) }
        nodes[node.placement.number]?.died = NodeState.Death(
            recovery: recovery,
            since: EventClock.ticks,
            atHand: atHand,
            inQueues: UInt64(node.portBuffers.receive)
        )
    }

    /// Notes how a node came back, or that it did not.
    func endRecovery(of number: Int, by kind: Recovery.Kind) {
        guard let node = nodes[number], let death = node.died else { return }
        var recovery = death.recovery
        nodes[number]?.died = nil
        recovery.kind = kind
        let before = recovery.droppedByPeers
        let now = peerDrops(to: number)
        // A peer that died meanwhile counts from zero again.
        recovery.droppedByPeers = now >= before ? now - before : now
        if kind != .whole, let pool = node.recoveredBuffers {
            recovery.buffers = (Int(pool.size), Int(pool.free))
            recovery.inPorts = UInt64(pool.waiting)
            recovery.inLanes = death.inLanes(of: pool)
        }
        if kind != .none {
            recovery.forwardingMicroseconds = microseconds(death.since, until: node.segment)
            if let segment = node.segment {
                recovery.skippedCells = (0..<segment.laneCount).reduce(0) {
                    $0 + segment.lane($1).load(.staleHandoffs)
                }
            }
        }
        nodes[number]?.recoveries.append(recovery)
        if node.recoveries.count >= Self.recoveryLimit { nodes[number]?.recoveries.removeFirst() }
        report(recovery)
        if kind != .none { awaitAudit(of: number, after: recovery.incarnation) }
    }

    /// The time from the supervisor's knowledge until the last of a worker's lanes began to turn; of lanes that
    /// have not said when, until now.
    private func microseconds(_ since: UInt64, until segment: WorkerSegment?) -> Int {
        let now = EventClock.ticks
        let begun = segment.map { segment in
            (0..<segment.laneCount).map { segment.lane($0).load(.startedTSC) }
        }
        let isSaid = begun.map { !$0.isEmpty && $0.allSatisfy { $0 > since && $0 < now } } ?? false
        let end = isSaid ? begun?.max() ?? now : now
        return Int(max(0, min(Double(end &- since) / clock.hertz * 1e6, 1e12)))
    }

    private func report(_ recovery: Recovery) {
        var fields = [
            "incarnation": "\(recovery.incarnation)", "by": recovery.kind.rawValue,
            "detection-us": "\(recovery.detectionMicroseconds)",
            "peer-drops": "\(recovery.droppedByPeers)", "held": "\(recovery.held)",
            "in-lanes": "\(recovery.inLanes)", "in-ports": "\(recovery.inPorts)",
            "change": "\(recovery.change)",
        ]
        if let begun = recovery.changeBegun { fields["applying"] = "\(begun)" }

        if let time = recovery.forwardingMicroseconds { fields["forwarding-us"] = "\(time)" }
        log(.notice, "recovered", node: recovery.node, fields)
        guard let (size, free) = recovery.buffers, size != free else { return }
        log(
            .critical,
            "buffers-missing",
            node: recovery.node,
            ["size": "\(size)", "free": "\(free)"]
        )
    }

    /// Packets that workers of other nodes have dropped because a node was down.
    func peerDrops(to number: Int) -> UInt64 {
        guard let position = order.firstIndex(of: number) else { return 0 }
        var drops: UInt64 = 0
        for other in nodes.values where other.placement.number != number {
            guard let segment = other.segment else { continue }
            for lane in 0..<segment.laneCount {
                for target in 0..<files.lanes.laneCounts[position] {
                    let peer = files.lanes.global(nodePosition: position, lane: target)
                    let counters = segment.lane(lane).peer(peer)
                    drops &+= LaneBlock.load(counters + LaneBlock.PeerWord.downDrops.rawValue)
                }
            }
        }
        return drops
    }

    /// What became of the deaths of all nodes, oldest first.
    public func recoveries() async -> [Recovery] {
        order.flatMap { nodes[$0]?.recoveries ?? [] }.sorted { $0.unixSeconds < $1.unixSeconds }
    }
}
