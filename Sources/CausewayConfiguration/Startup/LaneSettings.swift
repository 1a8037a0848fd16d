/// How the threads of lanes run: what `cpu { ... }` says beside the CPUs themselves.
public struct LaneSettings: Hashable, Sendable {
    /// The kernel's scheduling policies, by VPP's names.
    public enum Policy: String, Hashable, Sendable, CaseIterable {
        case other, batch, idle, fifo, rr
    }

    /// The policy of the lanes' threads; nil: the kernel's default.
    public var policy: Policy?
    /// Their priority, 1...99 for `fifo` and `rr`; 0 for the others.
    public var priority = 0
    /// What the threads' names begin with; nil: `cw`.
    public var threadPrefix: String?
    /// What the lanes' random numbers start from; nil: the clock.
    public var seed: UInt64?

    /// The kernel's defaults.
    public init() {}
}
