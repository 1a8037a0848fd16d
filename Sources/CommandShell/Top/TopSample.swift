internal import Coordination

/// What the dataplane did between two readings; the JSON of `top --once --json`.
public struct TopSample: Codable, Hashable, Sendable {
    /// A NUMA node.
    public struct Node: Codable, Hashable, Sendable {
        var numaNode: Int
        /// The worker's state; `down` once its life is over.
        var state: String
        var incarnation: UInt32
        var restarts: Int?
        var lanes: Int
        var packetsPerSecond = 0.0
        var clocksPerPacket = 0.0
        var vectorsPerFrame = 0.0
        var handoffsPerSecond = 0.0
        var dropsPerSecond = 0.0
        /// Packet buffers, and those free.
        var buffers: UInt64
        var buffersFree: UInt64
        /// Why the node is down, if it is.
        var reason = ""
    }

    /// A lane.
    public struct Lane: Codable, Hashable, Sendable {
        var numaNode: Int
        var lane: Int
        var cpu: Int
        /// `polling`, `sleeping`, `stuck` (its loop stood) or `down`.
        var state: String
        var packetsPerSecond = 0.0
        var clocksPerPacket = 0.0
        var vectorsPerFrame = 0.0
        var handoffsPerSecond = 0.0
        var dropsPerSecond = 0.0
        var loopsPerSecond = 0.0
        /// Of its loops, those that found packets, in percent.
        var busyPercent = 0.0
        /// Packets that wait for a neighbour.
        var held: UInt64 = 0
    }

    /// A graph node on a lane.
    public struct GraphNode: Codable, Hashable, Sendable {
        var numaNode: Int
        var lane: Int
        var name: String
        var callsPerSecond: Double
        var vectorsPerSecond: Double
        var vectorsPerCall: Double
        var clocksPerVector: Double
        /// Of all clocks in graph nodes of its lane, in percent.
        var share: Double
    }

    /// Packets between NUMA nodes a second: by number of the node that sends, then of the other.
    public struct Handoffs: Codable, Hashable, Sendable {
        var numaNodes: [Int]
        var packetsPerSecond: [[Double]]
        var dropsPerSecond: [[Double]]
    }

    /// A reason for drops.
    public struct Drop: Codable, Hashable, Sendable {
        var numaNode: Int
        var graphNode: String
        var reason: String
        var perSecond: Double
        /// Since the worker's start.
        var count: UInt64
    }

    /// A death of a worker.
    public struct Restart: Codable, Hashable, Sendable {
        var numaNode: Int
        var incarnation: UInt32
        var unixSeconds: Int
        var cause: String
        /// Until the node forwarded again; nil: it does not yet.
        var forwardingMilliseconds: Double?
    }

    /// The time between the readings.
    var seconds = 0.0
    /// Why the supervisor does not answer; nil: it does.
    var supervisorFault: String?
    var nodes: [Node] = []
    var lanes: [Lane] = []
    var graphNodes: [GraphNode] = []
    var handoffs = Handoffs(numaNodes: [], packetsPerSecond: [], dropsPerSecond: [])
    var drops: [Drop] = []
    var restarts: [Restart] = []
}

/// What grows between two readings of a worker; nothing over a restart.
private struct Growth {
    let now: TopReading.Worker
    let before: TopReading.Worker?
    let seconds: Double

    init(_ now: TopReading.Worker, since before: TopReading?, seconds: Double) {
        self.now = now
        self.seconds = seconds
        self.before = before?.workers.first {
            $0.node == now.node && $0.incarnation == now.incarnation
                && $0.graphNodes.count == now.graphNodes.count
                && $0.reasons.count == now.reasons.count
        }
    }

    func of(_ lane: Int, _ counter: (TopReading.Lane) -> UInt64) -> Double {
        guard let before, before.lanes.indices.contains(lane) else { return 0 }
        let (old, new) = (counter(before.lanes[lane]), counter(now.lanes[lane]))
        return new > old ? Double(new - old) : 0
    }

    func perSecond(_ lane: Int, _ counter: (TopReading.Lane) -> UInt64) -> Double {
        TopSample.quotient(of(lane, counter), seconds)
    }
}

extension TopSample {
    static func quotient(_ count: Double, _ divisor: Double) -> Double {
        divisor > 0 ? count / divisor : 0
    }

    /// Compares two readings.
    ///
    /// - Parameters:
    ///   - now: the later one.
    ///   - before: the earlier one; nil: all rates are 0.
    ///   - laneCounts: NUMA nodes with their lanes, in the order in which lanes are numbered.
    init(_ now: TopReading, since before: TopReading?, laneCounts: [(node: Int, lanes: Int)]) {
        if let before {
            let (whole, rest) = (now.time - before.time).components
            seconds = Double(whole) + Double(rest) * 1e-18
        }
        for worker in now.workers {
            let growth = Growth(worker, since: before, seconds: seconds)
            take(worker, growth)
            takeDrops(worker, growth)
        }
        takeHandoffs(now, since: before, laneCounts)
    }

    private mutating func take(_ worker: TopReading.Worker, _ growth: Growth) {
        var (packets, frames, vectors, clocks) = (0.0, 0.0, 0.0, 0.0)
        var node = Node(
            numaNode: worker.node,
            state: worker.state,
            incarnation: worker.incarnation,
            lanes: worker.lanes.count,
            buffers: worker.buffers.total,
            buffersFree: worker.buffers.free
        )
        for (index, reading) in worker.lanes.enumerated() {
            var lane = Lane(
                numaNode: worker.node,
                lane: index,
                cpu: Int(reading[.cpu]),
                state: Self.state(of: worker, index, growth)
            )
            let laneClocks = growth.of(index) { $0.nodes.reduce(0) { $0 &+ $1[2] } }
            let taken = growth.of(index) { $0[.inputVectors] }
            let calls = growth.of(index) { $0[.internalCalls] }
            let inFrames = growth.of(index) { $0[.internalVectors] }
            let loops = growth.of(index) { $0[.loops] }
            lane.packetsPerSecond = Self.quotient(taken, seconds)
            lane.clocksPerPacket = Self.quotient(laneClocks, taken)
            lane.vectorsPerFrame = Self.quotient(inFrames, calls)
            lane.handoffsPerSecond = growth.perSecond(index) {
                $0.peers.reduce(0) { $0 &+ $1.packets }
            }
            lane.dropsPerSecond = Self.drops(worker, growth, index)
            lane.loopsPerSecond = Self.quotient(loops, seconds)
            lane.busyPercent = 100 * Self.quotient(growth.of(index) { $0[.busyLoops] }, loops)
            lane.held = reading[.held]
            lanes.append(lane)
            takeGraphNodes(worker, growth, index, clocks: laneClocks)
            packets += taken
            frames += calls
            vectors += inFrames
            clocks += laneClocks
            node.handoffsPerSecond += lane.handoffsPerSecond
            node.dropsPerSecond += lane.dropsPerSecond
        }
        node.packetsPerSecond = Self.quotient(packets, seconds)
        node.clocksPerPacket = Self.quotient(clocks, packets)
        node.vectorsPerFrame = Self.quotient(vectors, frames)
        nodes.append(node)
    }

    private static func state(
        of worker: TopReading.Worker,
        _ lane: Int,
        _ growth: Growth
    ) -> String {
        guard worker.state == "forwarding" else { return worker.state }
        let asleep = worker.lanes[lane][.asleep]
        if asleep == 1 { return "sleeping" }
        // The two readings are far longer apart than any turn of a loop takes.
        let stands = growth.before != nil && growth.of(lane) { $0[.loops] } == 0
        if stands, growth.seconds > 0.2 { return asleep == 2 ? "barrier" : "stuck" }
        return "polling"
    }

    private static func drops(
        _ worker: TopReading.Worker,
        _ growth: Growth,
        _ lane: Int
    ) -> Double {
        let places = worker.reasons.indices.filter { !worker.reasons[$0].isInformation }
        return growth.perSecond(lane) { reading in
            places.reduce(0) { $0 &+ reading.errors[$1] }
        }
    }

    private mutating func takeGraphNodes(
        _ worker: TopReading.Worker,
        _ growth: Growth,
        _ lane: Int,
        clocks all: Double
    ) {
        for (index, name) in worker.graphNodes.enumerated() {
            let calls = growth.of(lane) { $0.nodes[index][0] }
            let vectors = growth.of(lane) { $0.nodes[index][1] }
            let clocks = growth.of(lane) { $0.nodes[index][2] }
            graphNodes.append(
                GraphNode(
                    numaNode: worker.node,
                    lane: lane,
                    name: name,
                    callsPerSecond: Self.quotient(calls, seconds),
                    vectorsPerSecond: Self.quotient(vectors, seconds),
                    vectorsPerCall: Self.quotient(vectors, calls),
                    clocksPerVector: Self.quotient(clocks, vectors),
                    share: 100 * Self.quotient(clocks, all)
                )
            )
        }
    }

    private mutating func takeDrops(_ worker: TopReading.Worker, _ growth: Growth) {
        for (index, reason) in worker.reasons.enumerated() where !reason.isInformation {
            let count = worker.lanes.reduce(0) { $0 &+ $1.errors[index] }
            guard count > 0 else { continue }
            let rate = worker.lanes.indices.reduce(0.0) { sum, lane in
                sum + growth.perSecond(lane) { $0.errors[index] }
            }
            drops.append(
                Drop(
                    numaNode: worker.node,
                    graphNode: reason.node,
                    reason: reason.text,
                    perSecond: rate,
                    count: count
                )
            )
        }
    }

    private mutating func takeHandoffs(
        _ now: TopReading,
        since before: TopReading?,
        _ laneCounts: [(node: Int, lanes: Int)]
    ) {
        let numbers = laneCounts.map(\.node)
        let zeros = Array(
            repeating: Array(repeating: 0.0, count: numbers.count),
            count: numbers.count
        )
        handoffs = Handoffs(numaNodes: numbers, packetsPerSecond: zeros, dropsPerSecond: zeros)
        for worker in now.workers {
            guard let row = numbers.firstIndex(of: worker.node) else { continue }
            let growth = Growth(worker, since: before, seconds: seconds)
            var first = 0
            for (column, place) in laneCounts.enumerated() {
                for peer in first..<first + place.lanes {
                    for (lane, reading) in worker.lanes.enumerated()
                    where peer < reading.peers.count {
                        handoffs.packetsPerSecond[row][column] += growth.perSecond(lane) {
                            peer < $0.peers.count ? $0.peers[peer].packets : 0
                        }
                        handoffs.dropsPerSecond[row][column] += growth.perSecond(lane) {
                            peer < $0.peers.count ? $0.peers[peer].drops : 0
                        }
                    }
                }
                first += place.lanes
            }
        }
    }
}
