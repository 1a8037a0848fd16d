/// `show restarts`: what became of each death of a worker.
struct RecoveriesReport: CommandResult {
    /// A death.
    struct Death: Encodable, Sendable {
        var numaNode: Int
        var incarnation: UInt32
        var cause: String
        var unixSeconds: Int
        var by: Recovery.Kind
        var detectionMicroseconds: Int
        var forwardingMicroseconds: Int?
        var peerDrops: UInt64
        var held: UInt64
        /// In the worker's graph or transmit queues, and in the ports' receive queues.
        var inLanes: UInt64
        var inPorts: UInt64
        var skippedCells: UInt64
        /// All packets known to be lost; cells of rings not counted.
        var lost: UInt64
        /// Those that came in a second, before.
        var packetsPerSecond: Double
        var blockedMilliseconds: Double?
        var buffers: Int?
        var buffersFree: Int?
        /// Buffers that nobody has (above 0) or that are there twice (below 0), afterwards; nil: not counted
        /// yet.
        var buffersMissing: Int?
        /// The last journal entry that the dead worker had applied, and the one that it was applying.
        var change: UInt64
        var changeBegun: UInt64?
    }

    var restarts: [Death]

    init(_ recoveries: [Recovery]) {
        restarts = recoveries.map { recovery in
            Death(
                numaNode: recovery.node,
                incarnation: recovery.incarnation,
                cause: recovery.cause,
                unixSeconds: recovery.unixSeconds,
                by: recovery.kind,
                detectionMicroseconds: recovery.detectionMicroseconds,
                forwardingMicroseconds: recovery.forwardingMicroseconds,
                peerDrops: recovery.droppedByPeers,
                held: recovery.held,
                inLanes: recovery.inLanes,
                inPorts: recovery.inPorts,
                skippedCells: recovery.skippedCells,
                lost: recovery.lost,
                packetsPerSecond: recovery.packetsPerSecond,
                blockedMilliseconds: recovery.blockedSeconds.map { $0 * 1000 },
                buffers: recovery.buffers?.size,
                buffersFree: recovery.buffers?.free,
                buffersMissing: recovery.missing,
                change: recovery.change,
                changeBegun: recovery.changeBegun
            )
        }
    }

    var text: String {
        guard !restarts.isEmpty else { return "no worker has died\n" }
        func milliseconds(_ microseconds: Int?) -> String {
            microseconds.map { Figure.fixed(Double($0) / 1000, digits: 2) } ?? "-"
        }
        var table = TextTable([
            .init("Node", 4, .left), .init("Life", 5), .init("By", 6, .left),
            .init("Detected ms", 11), .init("Forwarding ms", 13), .init("Peer drops", 10),
            .init("Held", 5), .init("Lanes", 5), .init("Ports", 5), .init("Skipped", 8),
            .init("Lost", 6), .init("Blocked ms", 10), .init("Buffers", 15),
            .init("Missing", 7), .init("Change", 8), .init("Cause", 6, .left),
        ])
        for death in restarts {
            let blocked = death.blockedMilliseconds.map { Figure.fixed($0, digits: 2) }
            let buffers = death.buffers.map { "\(death.buffersFree ?? 0)/\($0)" }
            table.add([
                String(death.numaNode), String(death.incarnation), death.by.rawValue,
                milliseconds(death.detectionMicroseconds),
                milliseconds(death.forwardingMicroseconds), String(death.peerDrops),
                String(death.held), String(death.inLanes), String(death.inPorts),
                String(death.skippedCells), String(death.lost), blocked ?? "-", buffers ?? "-",
                death.buffersMissing.map(String.init) ?? "-",
                death.changeBegun.map { "\(death.change)+\($0)" } ?? String(death.change),
                death.cause,
            ])
        }
        return table.text
    }
}
