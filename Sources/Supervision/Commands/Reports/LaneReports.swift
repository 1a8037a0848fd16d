internal import CausewayConfiguration
internal import Coordination

/// `show threads`: the lanes.
struct ThreadsReport: CommandResult {
    /// A lane.
    struct Thread: Encodable, Sendable {
        /// The lane's number among all.
        var id: Int
        var name: String
        var numaNode: Int
        var pid: Int32?
        /// The thread's number in the kernel.
        var lwp: UInt64
        var cpu: Int
        /// `polling`, `sleeping`, `stuck` (forwarding, but no turn of the loop between two looks),
        /// or the worker's.
        var state: String
        var loops: UInt64
        /// Seconds from the worker's start to the lane's last turn.
        var heartbeatSeconds: Double
        var sleeps: UInt64
        var sleptMicroseconds: UInt64
    }

    var threads: [Thread]

    init(_ readings: [NodeReading], before: [NodeReading]) {
        threads = []
        for (reading, earlier) in zip(readings, before) {
            for index in reading.placement.lanes.indices {
                threads.append(Thread(reading, lane: index, before: earlier))
            }
        }
    }

    var text: String {
        var table = TextTable([
            .init("ID", 4, .left), .init("Name", 12, .left), .init("Node", 5), .init("PID", 8),
            .init("LWP", 8), .init("CPU", 4), .init("State", 10, .left), .init("Loops", 16),
            .init("Heartbeat", 12), .init("Sleeps", 12),
        ])
        for thread in threads {
            table.add([
                String(thread.id), thread.name, String(thread.numaNode),
                thread.pid.map { String($0) } ?? "-", String(thread.lwp), String(thread.cpu),
                thread.state, String(thread.loops), Figure.fixed(thread.heartbeatSeconds) + "s",
                String(thread.sleeps),
            ])
        }
        return table.text
    }
}

extension ThreadsReport.Thread {
    fileprivate init(_ reading: NodeReading, lane index: Int, before: NodeReading) {
        let lane = reading.lanes.indices.contains(index) ? reading.lanes[index] : nil
        id = reading.firstLane + index
        name = "cw-n\(reading.placement.number)-l\(index)"
        numaNode = reading.placement.number
        pid = reading.status.workerPID
        lwp = lane?[.threadID] ?? 0
        cpu = reading.placement.lanes[index]
        loops = lane?[.loops] ?? 0
        heartbeatSeconds = reading.seconds(lane: index)
        sleeps = lane?[.sleeps] ?? 0
        sleptMicroseconds = lane?[.sleptMicroseconds] ?? 0
        state = reading.laneState(index, before: before)
    }
}

extension NodeReading {
    /// How a lane is doing, from two readings, or one.
    func laneState(_ index: Int, before: NodeReading? = nil) -> String {
        guard status.workerPID != nil, lanes.indices.contains(index) else { return "down" }
        guard status.workerState == .forwarding else { return status.workerState.description }
        let lane = lanes[index]
        if lane[.asleep] == 1 { return "sleeping" }
        if let before, before.status.incarnation == status.incarnation,
            before.lanes.indices.contains(index),
            before.lanes[index][.loops] == lane[.loops]
        {
            return "stuck"
        }
        return "polling"
    }
}

/// `show nodes`: the processes of each NUMA node.
struct NodesReport: CommandResult {
    /// A NUMA node.
    struct Node: Encodable, Sendable {
        var numaNode: Int
        var keeperPID: Int32?
        var keeperState: String
        var workerPID: Int32?
        var workerState: String
        /// Counts the worker's lives, from 1.
        var incarnation: UInt32
        var restarts: Int
        /// The number of the last change that the worker acknowledged.
        var change: UInt64
        var lanes: Int
        /// Why the node is down, if it is.
        var reason: String
    }

    /// The number of the last change of all.
    var change: UInt64
    var uptimeSeconds: Double
    var nodes: [Node]

    init(_ view: DataplaneView) {
        change = view.changeNumber
        uptimeSeconds = view.uptimeSeconds
        nodes = view.nodes.map { status in
            Node(
                numaNode: status.number,
                keeperPID: status.keeperPID,
                keeperState: status.keeperPID == nil ? "down" : "\(status.keeperState)",
                workerPID: status.workerPID,
                workerState: status.workerPID == nil ? "down" : "\(status.workerState)",
                incarnation: status.incarnation,
                restarts: status.restarts,
                change: status.changeNumber,
                lanes: view.placement.nodes.first { $0.number == status.number }?.lanes.count ?? 0,
                reason: status.reason
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("Node", 4, .left), .init("Keeper", 8), .init("State", 10, .left),
            .init("Worker", 8), .init("State", 10, .left), .init("Life", 5), .init("Restarts", 8),
            .init("Change", 8), .init("Lanes", 5), .init("Reason", 6, .left),
        ])
        for node in nodes {
            table.add([
                String(node.numaNode), node.keeperPID.map { String($0) } ?? "-", node.keeperState,
                node.workerPID.map { String($0) } ?? "-", node.workerState,
                String(node.incarnation), String(node.restarts), String(node.change),
                String(node.lanes), node.reason,
            ])
        }
        return table.text
            + "last change \(change), up \(Figure.fixed(uptimeSeconds, digits: 1)) s\n"
    }
}
