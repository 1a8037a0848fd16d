internal import CLinux
public import Coordination

/// A call of a polling lane to its control lane: what it is about and some numbers.
@frozen
public struct ControlCall: Hashable, Sendable {
    /// What a call is about.
    public enum Kind: UInt64, Sendable, CaseIterable {
        /// A neighbour was seen: its MAC address, IPv4 address and interface.
        case neighbour = 1
        /// An input node went over to polling or to interrupts by itself: node, new state, packets.
        case modeSwitch
    }

    /// The raw value of a `Kind`.
    public var kind: UInt64
    /// What the kind says they are.
    public var first: UInt64
    /// See `first`.
    public var second: UInt64
    /// See `first`.
    public var third: UInt64

    /// Makes a call.
    @inlinable
    public init(_ kind: Kind, _ first: UInt64 = 0, _ second: UInt64 = 0, _ third: UInt64 = 0) {
        self.kind = kind.rawValue
        self.first = first
        self.second = second
        self.third = third
    }
}

/// A bounded queue of calls with one producer, a lane, and one consumer, the control lane of the
/// same process (VPP: the RPC queue to the main thread; there its handlers run under the barrier,
/// here nothing stops).
///
/// The producer writes the slot, then publishes `tail`; the consumer reads the slot, then publishes
/// `head`. A lane never waits: a full queue refuses the call and counts, and the lane says the same
/// again when it comes up again, or does without.
public struct ControlMailbox: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<ControlCall>
    private let head: UnsafeMutablePointer<UInt64>
    private let tail: UnsafeMutablePointer<UInt64>
    private let block: LaneBlock?
    private let waker: LaneWaker?

    /// Calls that fit.
    public static let capacity = 1024

    /// Makes an empty queue, which lives as long as the process.
    ///
    /// - Parameters:
    ///   - waker: wakes the control lane; nil: it finds out by itself.
    ///   - block: the producer's counters; nil: nothing is counted.
    public init(waker: LaneWaker? = nil, block: LaneBlock? = nil) {
        self.waker = waker
        self.block = block
        slots = .allocate(capacity: Self.capacity)
        slots.initialize(repeating: ControlCall(.neighbour), count: Self.capacity)
        // Two cache lines, so that producer and consumer do not share one.
        let words = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
            .bindMemory(to: UInt64.self, capacity: 16)
        words.initialize(repeating: 0, count: 16)
        head = words
        tail = words + 8
    }

    /// Adds a call.
    ///
    /// - Returns: false: the queue is full, and nothing was added.
    public func put(_ call: ControlCall) -> Bool {
        let position = tail.pointee
        guard position &- CLinux_load_acquire64(head) < UInt64(Self.capacity) else {
            block?.pointer(.controlCallsRefused).pointee &+= 1
            return false
        }
        slots[Int(truncatingIfNeeded: position & UInt64(Self.capacity - 1))] = call
        CLinux_store_release64(tail, position &+ 1)
        block?.pointer(.controlCalls).pointee &+= 1
        _ = waker?.wake()
        return true
    }

    /// Takes the oldest call; nil: there is none.
    public func take() -> ControlCall? {
        let position = head.pointee
        guard position != CLinux_load_acquire64(tail) else { return nil }
        let call = slots[Int(truncatingIfNeeded: position & UInt64(Self.capacity - 1))]
        CLinux_store_release64(head, position &+ 1)
        return call
    }

    /// Whether there is a call; asked by the consumer before it sleeps.
    public var isEmpty: Bool { head.pointee == CLinux_load_acquire64(tail) }
}
