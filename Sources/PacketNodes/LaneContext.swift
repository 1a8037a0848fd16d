internal import CLinux
public import Coordination
public import Forwarding
public import PacketBuffers

#if canImport(Glibc)
    internal import Glibc
#endif

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

    /// A random number, good enough for spreading and identification fields, not for secrets.
    @inlinable @inline(__always)
    public mutating func random() -> UInt64 {
        var x = randomState
        x ^= x >> 12
        x ^= x << 25
        x ^= x >> 27
        randomState = x
        return x &* 0x2545_F491_4F6C_DD1D
    }
}

/// A bounded queue of neighbours seen, with one producer (a lane) and one consumer (the control
/// lane of the same process).
///
/// The producer writes the slot, then publishes `tail`; the consumer reads the slot, then publishes
/// `head`. A full queue loses the report: the neighbour will be seen again.
public struct NeighbourMailbox: @unchecked Sendable {
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
    }

    private let slots: UnsafeMutablePointer<Report>
    private let head: UnsafeMutablePointer<UInt64>
    private let tail: UnsafeMutablePointer<UInt64>
    /// Reports that fit.
    public static let capacity = 1024

    private let wakeup: Int32

    /// Makes an empty queue, which lives as long as the process.
    ///
    /// - Parameter wakeup: an eventfd that is written when something is put; -1: none.
    public init(wakeup: Int32 = -1) {
        self.wakeup = wakeup
        slots = .allocate(capacity: Self.capacity)
        slots.initialize(
            repeating: Report(mac: 0, address: 0, interface: 0),
            count: Self.capacity
        )
        // Two cache lines, so that producer and consumer do not share one.
        let words = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
            .bindMemory(to: UInt64.self, capacity: 16)
        words.initialize(repeating: 0, count: 16)
        head = words
        tail = words + 8
    }

    /// Adds a report; false: the queue is full.
    public func put(_ report: Report) -> Bool {
        let position = tail.pointee
        guard position &- CLinux_load_acquire64(head) < UInt64(Self.capacity) else { return false }
        slots[Int(position % UInt64(Self.capacity))] = report
        CLinux_store_release64(tail, position &+ 1)
        if wakeup >= 0 {
            var one: UInt64 = 1
            _ = write(wakeup, &one, 8)
        }
        return true
    }

    /// Takes the oldest report; nil: there is none.
    public func take() -> Report? {
        let position = head.pointee
        guard position != CLinux_load_acquire64(tail) else { return nil }
        let report = slots[Int(position % UInt64(Self.capacity))]
        CLinux_store_release64(head, position &+ 1)
        return report
    }
}
