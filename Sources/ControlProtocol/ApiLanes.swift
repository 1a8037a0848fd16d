/// What each lane counted up to one moment: the JSON of `show lanes`.
///
/// Two of them give rates.
public struct LaneTotals: Codable, Hashable, Sendable {
    /// A lane.
    public struct Lane: Codable, Hashable, Sendable {
        /// The number of the NUMA node.
        public var numaNode: Int
        /// The lane's number on its NUMA node.
        public var lane: Int
        /// The CPU that it runs on.
        public var cpu: Int
        /// `polling`, `sleeping`, `down`, or the state of its worker.
        public var state: String
        /// Counts the worker's lives; a difference over two of them means nothing.
        public var incarnation: UInt32
        /// Seconds of the lane's own clock.
        public var seconds: Double
        /// Packets from ports and rings.
        public var packetsIn: UInt64
        /// Frames given to graph nodes behind the inputs.
        public var frames: UInt64
        /// Packets in those frames.
        public var frameVectors: UInt64
        /// Clocks in all graph nodes, polls that found nothing not counted.
        public var clocks: UInt64
        /// Packets handed to lanes of other NUMA nodes.
        public var handoffsOut: UInt64
        /// Packets dropped for whatever reason.
        public var drops: UInt64

        /// Makes a reading of its parts.
        public init(
            numaNode: Int,
            lane: Int,
            cpu: Int,
            state: String,
            incarnation: UInt32,
            seconds: Double,
            packetsIn: UInt64,
            frames: UInt64,
            frameVectors: UInt64,
            clocks: UInt64,
            handoffsOut: UInt64,
            drops: UInt64
        ) {
            self.numaNode = numaNode
            self.lane = lane
            self.cpu = cpu
            self.state = state
            self.incarnation = incarnation
            self.seconds = seconds
            self.packetsIn = packetsIn
            self.frames = frames
            self.frameVectors = frameVectors
            self.clocks = clocks
            self.handoffsOut = handoffsOut
            self.drops = drops
        }
    }

    /// One a lane, in the order of the placement.
    public var lanes: [Lane]

    /// Makes a reading of its parts.
    public init(lanes: [Lane]) { self.lanes = lanes }
}

/// What a lane did between two readings.
public struct LaneRates: Codable, Hashable, Sendable {
    /// The number of the NUMA node.
    public var numaNode: Int
    /// The lane's number on its NUMA node.
    public var lane: Int
    /// The CPU that it runs on.
    public var cpu: Int
    /// As in the reading.
    public var state: String
    /// Packets from ports and rings a second.
    public var packetsPerSecond: Double
    /// Packets a frame behind the inputs.
    public var vectorsPerFrame: Double
    /// Clocks in all graph nodes a packet.
    public var clocksPerPacket: Double
    /// Packets handed to other NUMA nodes a second.
    public var handoffsPerSecond: Double
    /// Packets dropped a second.
    public var dropsPerSecond: Double

    /// Compares two readings of a lane; a lane that was restarted in between, or whose clock stood,
    /// did nothing.
    public init(from before: LaneTotals.Lane?, to now: LaneTotals.Lane) {
        numaNode = now.numaNode
        lane = now.lane
        cpu = now.cpu
        state = now.state
        let zero = before?.incarnation == now.incarnation ? before : nil
        let seconds = zero.map { now.seconds - $0.seconds } ?? 0
        func grown(_ count: KeyPath<LaneTotals.Lane, UInt64>) -> Double {
            guard let zero, now[keyPath: count] > zero[keyPath: count] else { return 0 }
            return Double(now[keyPath: count] - zero[keyPath: count])
        }
        func quotient(_ count: Double, _ divisor: Double) -> Double {
            divisor > 0 ? count / divisor : 0
        }
        packetsPerSecond = quotient(grown(\.packetsIn), seconds)
        vectorsPerFrame = quotient(grown(\.frameVectors), grown(\.frames))
        clocksPerPacket = quotient(grown(\.clocks), grown(\.packetsIn))
        handoffsPerSecond = quotient(grown(\.handoffsOut), seconds)
        dropsPerSecond = quotient(grown(\.drops), seconds)
    }

    /// Compares two readings of all lanes.
    public static func between(_ before: LaneTotals, _ now: LaneTotals) -> [LaneRates] {
        now.lanes.map { lane in
            LaneRates(
                from: before.lanes.first {
                    $0.numaNode == lane.numaNode && $0.lane == lane.lane
                },
                to: lane
            )
        }
    }
}
