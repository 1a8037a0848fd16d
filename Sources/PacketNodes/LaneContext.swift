public import Coordination
public import Forwarding
public import MainLoop
public import PacketBuffers

/// What the graph nodes of one lane share: written by that lane's thread alone, but for
/// `published`.
@frozen
public struct LaneContext {
    /// The generation that the lane works with in this turn.
    public var tables: UnsafePointer<ForwardingTables>
    /// Where the control lane publishes the newest generation's address.
    public let published: UnsafeMutablePointer<UInt>
    /// The lookup structure of the worker.
    public let fib: FibReader
    /// The lane's counters.
    public let block: LaneBlock
    /// The node's buffers.
    public let pool: MbufPool
    /// The NUMA node's number in the placement.
    public let node: UInt8
    /// The lane's number in its worker, from 0.
    public let lane: UInt16
    /// The lane's number among all lanes of the placement.
    public let globalLane: UInt16
    /// The time-stamp counter at the top of this turn.
    public var now: UInt64
    /// Ticks of the time-stamp counter a second.
    public let hertz: UInt64
    /// State of the lane's random numbers (xorshift64*); never 0.
    public var randomState: UInt64
    /// What the lane tells the control lane about neighbours.
    public let neighbours: NeighbourMailbox
    /// The lane's clock and timing wheel; nil where nothing turns a lane.
    public var timers: LaneTimers?
    /// The graph index of `arp-hold-input`, which is called when it has something to do; -1: it is
    /// polled in every turn.
    public var holdNode = -1

    /// Whether `ethernet-input` forwards plain packets itself, in the place of the nodes behind it.
    public var usesFastPath = true

    /// Makes the context of a lane.
    ///
    /// - Parameters:
    ///   - tables: the generation published last.
    ///   - published: where the control lane publishes newer ones.
    ///   - fib: the worker's lookup structure.
    ///   - block: the lane's counters.
    ///   - pool: the node's buffers.
    ///   - node: the NUMA node's number in the placement.
    ///   - lane: the lane's number in its worker.
    ///   - globalLane: its number among all lanes of the placement.
    ///   - hertz: ticks of the time-stamp counter a second.
    ///   - seed: of the random numbers; lanes should have different ones.
    ///   - neighbours: where the lane reports neighbours.
    public init(
        tables: UnsafePointer<ForwardingTables>,
        published: UnsafeMutablePointer<UInt>,
        fib: FibReader,
        block: LaneBlock,
        pool: MbufPool,
        node: UInt8,
        lane: UInt16,
        globalLane: UInt16,
        hertz: UInt64,
        seed: UInt64,
        neighbours: NeighbourMailbox
    ) {
        self.tables = tables
        self.published = published
        self.fib = fib
        self.block = block
        self.pool = pool
        self.node = node
        self.lane = lane
        self.globalLane = globalLane
        now = 0
        self.hertz = hertz
        randomState = seed == 0 ? 0x9E37_79B9_7F4A_7C15 : seed
        self.neighbours = neighbours
    }

    /// Calls an input node of this lane after a time, as an interrupt (VPP: a SCHED node).
    ///
    /// - Parameters:
    ///   - node: its graph index.
    ///   - nanoseconds: from now on; less than 10 us is none.
    /// - Returns: the timer; nil: there is none.
    public func schedule(node: Int, afterNanoseconds nanoseconds: UInt64) -> TimerID? {
        timers?.start(
            TimerHandle(.node, UInt32(truncatingIfNeeded: node)),
            afterNanoseconds: nanoseconds,
            at: now
        )
    }

    /// A random number, good enough for spreading and identification fields, not for secrets.
    @inlinable @inline(__always)
    public mutating func random() -> UInt64 { Self.random(&randomState) }

    /// A random number, and the state that the next one comes from.
    @inlinable @inline(__always)
    public static func random(_ state: inout UInt64) -> UInt64 {
        var x = state
        x ^= x >> 12
        x ^= x << 25
        x ^= x >> 27
        state = x
        return x &* 0x2545_F491_4F6C_DD1D
    }
}

/// What a lane tells the control lane about neighbours, through its mailbox there.
///
/// A full mailbox loses the report: the neighbour will be seen again.
public struct NeighbourMailbox: Sendable {
    /// Who owns an address on a connected subnet.
    @frozen
    public struct Report: Sendable {
        /// The neighbour's MAC address: 48 bits, the first byte on the wire in bits 47...40.
        public var mac: UInt64
        /// Its IPv4 address in host byte order.
        public var address: UInt32
        /// The `sw_if_index` of the interface that it was seen on.
        public var interface: UInt16

        /// Makes a report of what an ARP packet said.
        public init(mac: UInt64, address: UInt32, interface: UInt16) {
            self.mac = mac
            self.address = address
            self.interface = interface
        }

        /// Reads a call of kind `neighbour`.
        public init(_ call: ControlCall) {
            self.init(
                mac: call.first,
                address: UInt32(truncatingIfNeeded: call.second),
                interface: UInt16(truncatingIfNeeded: call.third)
            )
        }
    }

    private let mailbox: ControlMailbox
    /// Reports that fit.
    public static let capacity = ControlMailbox.capacity

    /// Uses a mailbox; an own one, which nobody reads, if none is given.
    public init(_ mailbox: ControlMailbox = ControlMailbox()) { self.mailbox = mailbox }

    /// Adds a report; false: the mailbox is full.
    public func put(_ report: Report) -> Bool {
        mailbox.put(
            ControlCall(.neighbour, report.mac, UInt64(report.address), UInt64(report.interface))
        )
    }

    /// Takes the oldest report; nil: there is none.
    public func take() -> Report? { mailbox.take().map(Report.init) }
}
