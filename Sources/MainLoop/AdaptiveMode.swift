public import Coordination

/// When an input node is polled and when it waits for interrupts: VPP's rule, to the number.
///
/// The loop's turns are counted in blocks of 128. What decides is how many packets the node handled
/// in the block before the present one, not a burst and not an average; a node that was not called
/// in that block handled none. One thread uses a value.
@frozen
public struct AdaptiveMode: Sendable {
    /// Where the rule switches.
    @frozen
    public struct Thresholds: Hashable, Sendable {
        /// From so many packets in a block on, a node that waits for interrupts is polled.
        public var polling: UInt32
        /// Up to so many packets in a block, a node that is polled waits for interrupts again.
        public var interrupt: UInt32

        /// Makes thresholds; VPP's, unless said otherwise.
        public init(polling: UInt32 = 10, interrupt: UInt32 = 5) {
            self.polling = polling
            self.interrupt = interrupt
        }
    }

    /// Turns of a block, as a power of two.
    public static let blockBits: UInt64 = 7

    /// What the node does now: `polling`, `interrupt` or `disabled`.
    public private(set) var state: LaneNodeState
    /// Whether the rule may change `state`.
    public private(set) var isAdaptive: Bool
    /// Changes of `state` by the rule.
    public private(set) var switches: UInt64 = 0
    private var block: UInt64 = 0
    private var inBlock: UInt32 = 0
    private var inBlockBefore: UInt32 = 0
    /// The node has just been set to polling, and has not been polled yet.
    private var isFreshlyPolling = false
    /// The node has been told that it will wait for interrupts, and gets one more poll.
    private var isLeavingPolling = false

    /// Makes the mode of a node.
    public init(state: LaneNodeState, isAdaptive: Bool) {
        self.state = state
        self.isAdaptive = isAdaptive
    }

    /// Sets what the operator wants; what was counted stays.
    public mutating func set(_ state: LaneNodeState, isAdaptive: Bool) {
        self.state = state
        self.isAdaptive = isAdaptive
        isFreshlyPolling = false
        isLeavingPolling = false
    }

    /// Takes a call of the node into account.
    ///
    /// - Parameters:
    ///   - packets: what the call handled.
    ///   - turn: the loop's turn.
    ///   - thresholds: where to switch.
    /// - Returns: whether `state` has changed.
    public mutating func note(packets: Int, turn: UInt64, _ thresholds: Thresholds) -> Bool {
        let before = advance(to: turn >> Self.blockBits)
        inBlock = inBlock &+ UInt32(truncatingIfNeeded: packets)
        guard isAdaptive else { return false }
        if state == .interrupt {
            guard before >= thresholds.polling, !isFreshlyPolling else { return false }
            state = .polling
            isFreshlyPolling = true
            isLeavingPolling = false
            switches &+= 1
            return true
        }
        guard state == .polling else { return false }
        isFreshlyPolling = false
        guard before <= thresholds.interrupt else {
            isLeavingPolling = false
            return false
        }
        guard isLeavingPolling else {
            isLeavingPolling = true
            return false
        }
        state = .interrupt
        isLeavingPolling = false
        switches &+= 1
        return true
    }

    /// Begins a new block if it is time for one.
    ///
    /// - Returns: the packets of the block before the present one.
    private mutating func advance(to now: UInt64) -> UInt32 {
        if now != block {
            inBlockBefore = now == block &+ 1 ? inBlock : 0
            inBlock = 0
            block = now
        }
        return inBlockBefore
    }
}
