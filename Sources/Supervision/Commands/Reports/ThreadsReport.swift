internal import CausewayConfiguration
internal import Coordination

/// `show threads`: the lanes and control lanes.
struct ThreadsReport: CommandResult {
    /// A lane or a control lane.
    struct Thread: Encodable, Sendable {
        /// The lane's number among all; control lanes come after them.
        var id: Int
        var name: String
        /// `lane` or `control`.
        var type: String
        var numaNode: Int
        var pid: Int32?
        /// Counts the worker's lives, from 1.
        var incarnation: UInt32
        /// The thread's number in the kernel.
        var lwp: UInt64
        var cpu: Int
        /// `polling`, `sleeping`, `stuck` (forwarding, but no turn of the loop between two looks),
        /// or the worker's.
        var state: String
        var loops: UInt64
        /// With a half-life of a second; nil for a control lane.
        var loopsPerSecond: Double?
        /// Seconds from the worker's start to the lane's last turn.
        var heartbeatSeconds: Double
        /// Seconds since then; nil: unknown.
        var heartbeatAgeSeconds: Double?
        var sleeps: UInt64
        var sleptMicroseconds: UInt64
        /// Sleeps that another lane or process ended, and those that a device ended.
        var wakeups: UInt64
        var deviceWakeups: UInt64
        /// How often it ended another lane's sleep.
        var wakesSent: UInt64
    }

    var threads: [Thread]

    init(_ readings: [NodeReading], before: [NodeReading]) {
        threads = []
        for (reading, earlier) in zip(readings, before) {
            for index in reading.placement.lanes.indices {
                threads.append(Thread(reading, lane: index, before: earlier))
            }
        }
        for reading in readings {
            threads.append(Thread(controlOf: reading, id: threads.count))
        }
    }

    var text: String {
        var table = TextTable([
            .init("ID", 4, .left), .init("Name", 13, .left), .init("Type", 7, .left),
            .init("Node", 5), .init("PID", 8), .init("Life", 5), .init("LWP", 8), .init("CPU", 4),
            .init("State", 10, .left), .init("Loops", 14), .init("Loops/s", 10),
            .init("Sleeps", 10), .init("Wakeups", 9), .init("Device", 9), .init("Heartbeat", 10),
        ])
        for thread in threads {
            table.add([
                String(thread.id), thread.name, thread.type, String(thread.numaNode),
                thread.pid.map { String($0) } ?? "-", String(thread.incarnation),
                String(thread.lwp), String(thread.cpu), thread.state, String(thread.loops),
                thread.loopsPerSecond.map { Figure.fixed($0, digits: 0) } ?? "-",
                String(thread.sleeps), String(thread.wakeups), String(thread.deviceWakeups),
                thread.heartbeatAgeSeconds.map { Figure.fixed($0, digits: 3) + "s" } ?? "-",
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
        type = "lane"
        numaNode = reading.placement.number
        pid = reading.status.workerPID
        incarnation = reading.status.incarnation
        lwp = lane?[.threadID] ?? 0
        cpu = reading.placement.lanes[index]
        loops = lane?[.loops] ?? 0
        loopsPerSecond = Double(bitPattern: lane?[.loopRate] ?? 0)
        heartbeatSeconds = reading.seconds(lane: index)
        heartbeatAgeSeconds = reading.heartbeatAge(lane: index)
        sleeps = lane?[.sleeps] ?? 0
        sleptMicroseconds = lane?[.sleptMicroseconds] ?? 0
        wakeups = lane?[.wakeups] ?? 0
        deviceWakeups = lane?[.deviceWakeups] ?? 0
        wakesSent = lane?[.wakesSent] ?? 0
        state = reading.laneState(index, before: before)
    }

    fileprivate init(controlOf reading: NodeReading, id: Int) {
        self.id = id
        name = "cw-n\(reading.placement.number)-control"
        type = "control"
        numaNode = reading.placement.number
        pid = reading.status.workerPID
        incarnation = reading.status.incarnation
        lwp = UInt64(reading.status.workerPID ?? 0)
        cpu = reading.placement.controlCPU
        loops = reading.status.segment?.load(.controlLoops) ?? 0
        heartbeatSeconds = 0
        sleeps = 0
        sleptMicroseconds = 0
        wakeups = 0
        deviceWakeups = 0
        wakesSent = 0
        state = reading.status.workerPID == nil ? "down" : "\(reading.status.workerState)"
    }
}

extension NodeReading {
    /// How a lane is doing, from two readings, or one.
    func laneState(_ index: Int, before: NodeReading? = nil) -> String {
        guard status.workerPID != nil, lanes.indices.contains(index) else { return "down" }
        guard status.workerState == .forwarding else { return status.workerState.description }
        let lane = lanes[index]
        if lane[.asleep] == 1 { return "sleeping" }
        if lane[.asleep] == 2 { return "in a barrier" }
        if let before, before.status.incarnation == status.incarnation,
            before.lanes.indices.contains(index),
            before.lanes[index][.loops] == lane[.loops]
        {
            return "stuck"
        }
        return "polling"
    }

    /// Seconds since a lane's last turn; nil: unknown.
    fileprivate func heartbeatAge(lane index: Int) -> Double? {
        guard let readTSC, hertz > 0, lanes.indices.contains(index) else { return nil }
        let last = lanes[index][.heartbeatTSC]
        return last == 0 ? nil : readTSC > last ? Double(readTSC - last) / hertz : 0
    }
}
