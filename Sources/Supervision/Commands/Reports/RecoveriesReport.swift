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
        var skippedCells: UInt64
        var blockedMilliseconds: Double?
        var buffers: Int?
        var buffersFree: Int?
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
                skippedCells: recovery.skippedCells,
                blockedMilliseconds: recovery.blockedSeconds.map { $0 * 1000 },
                buffers: recovery.buffers?.size,
                buffersFree: recovery.buffers?.free
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
            .init("Held", 5), .init("Skipped", 8), .init("Blocked ms", 10),
            .init("Buffers", 15), .init("Cause", 6, .left),
        ])
        for death in restarts {
            let blocked = death.blockedMilliseconds.map { Figure.fixed($0, digits: 2) }
            let buffers = death.buffers.map { "\(death.buffersFree ?? 0)/\($0)" }
            table.add([
                String(death.numaNode), String(death.incarnation), death.by.rawValue,
                milliseconds(death.detectionMicroseconds),
                milliseconds(death.forwardingMicroseconds), String(death.peerDrops),
                String(death.held), String(death.skippedCells), blocked ?? "-", buffers ?? "-",
                death.cause,
            ])
        }
        return table.text
    }
}
