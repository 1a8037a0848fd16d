internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

/// `show interface rx-placement`: which lane looks after which receive queue, and how.
struct RxPlacementReport: CommandResult {
    /// A receive queue.
    struct Queue: Encodable, Sendable {
        var interface: String
        var queue: Int
        var numaNode: Int
        var lane: Int
        /// The graph node that serves it.
        var graphNode: String
        /// What the operator set: `polling`, `interrupt` or `adaptive`.
        var mode: String
        /// How the graph node is run now: `polling`, `interrupt wait` or `disabled`; nil: unknown.
        var state: String?
    }

    var queues: [Queue]

    init(_ view: DataplaneView) {
        queues = []
        let readings = view.readings()
        for placed in view.placement.nodes where !placed.lanes.isEmpty {
            let reading = readings.first { $0.placement.number == placed.number }
            for port in placed.ports {
                let record = view.interfaces.first { Int($0.index) == port.interfaceIndex }
                let graphNode = port.kind == .tap ? "tap-input" : "dpdk-input"
                for queue in 0..<port.receivingQueues {
                    let lane = queue % placed.lanes.count
                    queues.append(
                        Queue(
                            interface: port.name,
                            queue: queue,
                            numaNode: placed.number,
                            lane: lane,
                            graphNode: graphNode,
                            mode: "\(record?.rxMode(ofQueue: queue) ?? .polling)",
                            state: reading?.nodeState(graphNode, lane: lane).map { "\($0)" }
                        )
                    )
                }
            }
        }
        queues.sort {
            ($0.numaNode, $0.lane, $0.graphNode) < ($1.numaNode, $1.lane, $1.graphNode)
        }
    }

    var text: String {
        var text = ""
        var last: Queue?
        for queue in queues {
            if last?.numaNode != queue.numaNode || last?.lane != queue.lane {
                text += "NUMA node \(queue.numaNode) lane \(queue.lane):\n"
                last = nil
            }
            if last?.graphNode != queue.graphNode {
                text += "  node \(queue.graphNode)\(queue.state.map { " (\($0))" } ?? ""):\n"
            }
            text += "    \(queue.interface) queue \(queue.queue) (\(queue.mode))\n"
            last = queue
        }
        return text
    }
}

extension PortPlacement {
    /// Queues that lanes receive from; a TAP has a descriptor for each lane, which both sends and receives.
    var receivingQueues: Int { kind == .tap ? max(rxQueues, txQueues) : rxQueues }
}
