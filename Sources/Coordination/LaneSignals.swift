internal import CLinux

#if canImport(Glibc)
    internal import Glibc
#endif

/// A line of eight words by which others get a lane's attention: whether it sleeps, and which of
/// its graph nodes have an interrupt pending.
///
/// It lies behind the doorbells in the ring file of the lane's NUMA node, where lanes of all
/// processes reach it and where it survives its lane; a placement of one node has it in the
/// worker's own memory. Who writes what:
/// - `asleep`: the lane alone; a successor's first act is to take it down;
/// - an interrupt's bit: anybody sets it by atomic OR, the lane takes a word down by exchange.
///
/// Nobody loses a wake-up: the lane says that it sleeps, fences, and then looks at everything that
/// may call it; a caller publishes what it has, fences, and then looks whether the lane sleeps. One
/// of the two sees the other.
public struct LaneSignals: @unchecked Sendable {
    private let words: UnsafeMutablePointer<UInt64>

    /// Bytes of a line.
    public static let byteCount = 64
    /// Graph nodes that can have an interrupt.
    public static let nodeLimit = 256

    /// Takes a line of 64 bytes that outlives this value, 64-byte aligned.
    public init(_ line: UnsafeMutableRawPointer) {
        words = line.assumingMemoryBound(to: UInt64.self)
    }

    /// The words of the interrupts' bits, four of them.
    public var interrupts: UnsafeMutablePointer<UInt64> { words + 1 }

    /// Whether the lane sleeps, or is about to.
    public var isAsleep: Bool { CLinux_load_relaxed64(words) == 1 }

    /// Says that the lane sleeps; what it looks at afterwards is not older than this.
    public func fallAsleep() {
        CLinux_store_release64(words, 1)
        CLinux_full_fence()
    }

    /// Says that the lane is awake.
    public func wakeUp() { CLinux_store_release64(words, 0) }

    /// Makes an interrupt pending; from any thread of any process.
    ///
    /// - Parameter node: the graph node's index on the lane, 0..<`nodeLimit`.
    public func setInterrupt(_ node: Int) {
        let index = node & (Self.nodeLimit - 1)
        let bit = UInt64(truncatingIfNeeded: index & 63)
        _ = CLinux_fetch_or64(interrupts + index &>> 6, 1 &<< bit)
    }

    /// Whether an interrupt is pending.
    public var hasInterrupts: Bool {
        CLinux_load_relaxed64(interrupts) | CLinux_load_relaxed64(interrupts + 1)
            | CLinux_load_relaxed64(interrupts + 2) | CLinux_load_relaxed64(interrupts + 3) != 0
    }
}

/// What it takes to end a lane's sleep, from any thread of any process.
public struct LaneWaker: Sendable {
    /// The lane's line.
    public let signals: LaneSignals
    /// The eventfd that the lane sleeps on; -1: none, it finds out when its sleep is over.
    public let descriptor: Int32

    /// Makes a waker; the descriptor stays the caller's, who keeps it open.
    public init(signals: LaneSignals, descriptor: Int32) {
        self.signals = signals
        self.descriptor = descriptor
    }

    /// Ends the lane's sleep if it sleeps, after the caller has published why.
    ///
    /// - Returns: whether it had to be woken: a system call.
    @discardableResult
    public func wake() -> Bool {
        CLinux_full_fence()
        guard signals.isAsleep, descriptor >= 0 else { return false }
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
        return true
    }

    /// Makes an interrupt of a graph node pending and ends the lane's sleep.
    @discardableResult
    public func interrupt(_ node: Int) -> Bool {
        signals.setInterrupt(node)
        return wake()
    }
}
