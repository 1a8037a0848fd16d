/// Whether all buffers of a NUMA node's pool are where Causeway knows of them: pool = free + ports' receive
/// queues + ports' transmit queues + lanes.
///
/// The terms are read one after the other while lanes run, so one reading says nothing: a packet may be on its
/// way from one place to another. They are exact when two readings agree and no lane has moved a packet between
/// them, though each has turned or sleeps. On a node that never stands still only what is too much for packets
/// in flight can be told.
public struct BufferAccounts: Sendable {
    /// What the terms are read beside: how far a lane is.
    public struct Lane: Hashable, Sendable {
        /// Turns of its loop.
        public var turns: UInt64
        /// Packets that it took in, or worked on.
        public var packets: UInt64
        /// Whether it sleeps, or stands in a barrier.
        public var isAtRest: Bool

        /// Makes a reading.
        public init(turns: UInt64, packets: UInt64, isAtRest: Bool) {
            self.turns = turns
            self.packets = packets
            self.isAtRest = isAtRest
        }
    }

    /// Where the buffers were at about one moment.
    public struct Reading: Hashable, Sendable {
        /// The pool's buffers.
        public var size: Int
        /// Those that are free, caches included.
        public var free: Int
        /// Those that ports took for their receive queues.
        public var receive: Int
        /// How many of those may not have been replaced yet.
        public var slack: Int
        /// The most that transmit queues hold.
        public var transmitMost: Int
        /// Free ones that lanes keep at hand.
        public var atHand: Int
        /// Packets that wait for neighbours.
        public var held: Int
        /// Packets on their way from one lane to another.
        public var betweenLanes: Int
        /// The lanes, read before the rest.
        public var lanes: [Lane]

        /// Makes a reading.
        public init(
            size: Int,
            free: Int,
            receive: Int,
            slack: Int,
            transmitMost: Int,
            atHand: Int,
            held: Int,
            betweenLanes: Int,
            lanes: [Lane]
        ) {
            self.size = size
            self.free = free
            self.receive = receive
            self.slack = slack
            self.transmitMost = transmitMost
            self.atHand = atHand
            self.held = held
            self.betweenLanes = betweenLanes
            self.lanes = lanes
        }

        /// All that lanes are known to have.
        public var ofLanes: Int { atHand + held + betweenLanes }

        /// Those that are in no place which is counted.
        var rest: Int { size - free - receive - ofLanes }

        /// What of the rest transmit queues may hold.
        public var transmit: Int { min(max(0, rest), transmitMost) }

        /// What is left of the rest when the transmit queues may hold what they can: above 0 buffers that nobody
        /// has, below 0 buffers that are free or held twice.
        public var missing: Int {
            rest > transmitMost ? rest - transmitMost : rest < -slack ? rest + slack : 0
        }
    }

    /// What a reading says.
    public enum Verdict: Hashable, Sendable {
        /// Nothing moved: so many are missing (above 0), or there twice (below 0).
        case exact(missing: Int)
        /// Packets move, and for a long time at least so many have been missing.
        case atLeast(missing: Int)
        /// Packets move.
        case busy
    }

    /// Readings of a busy node among which there is one with few packets in flight.
    static let busyReadings = 100
    /// Buffers that a lane may have in flight then.
    static let inFlightPerLane = 1024

    private var last: Reading?
    private var least = Int.max
    private var count = 0

    /// Begins to look; before two readings nothing can be said.
    public init() {}

    /// Takes a reading, some milliseconds after the last one.
    public mutating func take(_ reading: Reading) -> Verdict {
        defer { last = reading }
        if let last, Self.isQuiet(last, reading) {
            (least, count) = (.max, 0)
            return .exact(missing: reading.missing)
        }
        least = min(least, reading.missing)
        count += 1
        guard count >= Self.busyReadings else { return .busy }
        let missing = least - reading.lanes.count * Self.inFlightPerLane
        (least, count) = (.max, 0)
        return missing > 0 ? .atLeast(missing: missing) : .busy
    }

    /// Whether nothing has moved between two readings, and none of them fell into a turn of a lane.
    private static func isQuiet(_ former: Reading, _ reading: Reading) -> Bool {
        guard former.rest == reading.rest, former.lanes.count == reading.lanes.count else {
            return false
        }
        return zip(former.lanes, reading.lanes).allSatisfy { before, now in
            // A lane counts what it took in at the end of its turn: one that has neither turned nor sleeps may
            // have packets in hand.
            before.packets == now.packets && (now.isAtRest || before.turns != now.turns)
        }
    }
}
