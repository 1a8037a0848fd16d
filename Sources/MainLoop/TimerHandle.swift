/// What a timer is for: a kind and a number in 32 bits, VPP's layout.
@frozen
public struct TimerHandle: Hashable, Sendable {
    /// The kind in bits 31...30, the number below.
    public let rawValue: UInt32

    /// Whom a timer calls.
    public enum Kind: UInt32, Sendable, CaseIterable {
        /// A process that waits for the clock.
        case process = 0
        /// An event that is to be signalled.
        case event = 1
        /// A graph node that is to run.
        case node = 2
        /// The loop itself: what it does at intervals.
        case loop = 3
    }

    /// The most different numbers of a kind.
    public static let indexLimit: UInt32 = 1 << 30

    /// Makes a handle.
    ///
    /// - Parameters:
    ///   - kind: whom the timer calls.
    ///   - index: which of them, below `indexLimit`.
    @inlinable
    public init(_ kind: Kind, _ index: UInt32) {
        assert(index < Self.indexLimit)
        rawValue = kind.rawValue << 30 | index & (Self.indexLimit - 1)
    }

    /// Whom the timer calls.
    @inlinable
    public var kind: Kind { Kind(rawValue: rawValue >> 30) ?? .loop }

    /// Which of its kind.
    @inlinable
    public var index: UInt32 { rawValue & (Self.indexLimit - 1) }
}

/// A timer that was started, for whoever wants to stop it; worthless once it has expired.
@frozen
public struct TimerID: Hashable, Sendable {
    @usableFromInline let index: Int32
    @usableFromInline let generation: UInt32

    @inlinable
    init(index: Int32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}
