internal import CLinux

/// One lane's counters in its worker's segment: written by that lane alone, read by anyone.
public struct LaneBlock: Sendable {
    /// The block's first byte; 64-byte aligned.
    public nonisolated(unsafe) let base: UnsafeMutableRawPointer

    init(base: UnsafeMutableRawPointer) { self.base = base }

    /// Makes a block of plain memory, for tests and benchmarks.
    ///
    /// - Parameter base: `byteCount` zero bytes, 64-byte aligned, that outlive the block.
    public init(plainMemory base: UnsafeMutableRawPointer) { self.base = base }

    static let nodesOffset = 512
    static let nodeBytes = 64
    static let errorsOffset = nodesOffset + WorkerSegment.maximumNodes * nodeBytes
    static let interfacesOffset = errorsOffset + WorkerSegment.maximumErrors * 8
    static let peersOffset = interfacesOffset + WorkerSegment.maximumInterfaces * 64
    /// Bytes of a block; a multiple of 4096.
    public static let byteCount =
        (peersOffset + WorkerSegment.maximumPeers * 64 + 4095) / 4096 * 4096

    /// A 64-bit word about the lane itself.
    public enum Word: Int, Sendable, CaseIterable {
        /// Turns of the loop; a reader takes two readings apart for a rate, and one that stands for
        /// a hang.
        case loops = 0
        /// The time-stamp counter at the top of the last turn.
        case heartbeatTSC
        /// The last generation of tables picked up.
        case generation
        /// The thread's id in the kernel, and its CPU.
        case threadID, cpu
        /// How often the lane slept, and for how many microseconds in all.
        case sleeps, sleptMicroseconds
        /// Turns in which an input node or a ring gave packets.
        case busyLoops
        /// Packets held for neighbours now.
        case held
        /// Index of the graph node that runs now, plus one; 0: none.
        case currentNode
        /// Packets from input nodes and rings in all (the numerator of the vector rate).
        case inputVectors
        /// Frames given to internal graph nodes, and packets in them.
        case internalCalls, internalVectors
        /// Buffers that could not be had.
        case bufferFailures
        /// Frames that could not be had.
        case frameFailures
        /// Packets taken from the rings of a producer's earlier life and thrown away.
        case staleHandoffs
        /// Whether the lane sleeps now (1) or stands in a barrier (2): it touches no table until it
        /// has looked at the barrier's epoch and the generation again.
        case asleep
        /// Sleeps that another lane or process ended, and those that a device ended.
        case wakeups, deviceWakeups
        /// How often this lane ended another's sleep.
        case wakesSent
        /// Calls put into the control lane's mailbox, and those that found it full.
        case controlCalls, controlCallsRefused
        /// Turns of the loop a second, with a half-life of a second: the bits of a Double.
        case loopRate
        /// Timers that expired on the lane's wheel, and those that found it full.
        case timersExpired, timersRefused
        /// Comparisons of the lane's clock with the kernel's, how far it was ahead in nanoseconds
        /// at the last one (signed), and how often it was held because it would have gone back.
        case clockChecks, clockError, clockHeld
        /// Turns in which an interrupt was taken.
        case interruptLoops
        /// Packets from input nodes and rings in the last turn.
        case turnVectors
        /// Free buffers that input nodes keep at hand.
        case atHand
        /// The time-stamp counter when the lane was about to make its first turn; 0: it has not come to that.
        case startedTSC
        /// The last barrier epoch reached; a cache line of its own begins here.
        case epochReached = 48
        /// The time-stamp counter when it was reached.
        case epochReachedTSC
        /// How often the lane stood in a barrier, and for how many clocks in all.
        case barriers, barrierClocks
        /// How often it went on by itself because the coordinator no longer spoke.
        case barriersExpired
    }

    /// A graph node's counters.
    public enum NodeWord: Int, Sendable, CaseIterable {
        case calls = 0, vectors, clocks, maximumClocks
        /// The packets of the call that took the most clocks.
        case vectorsAtMaximum
        /// The raw value of the node's `LaneNodeState`.
        case state
        /// Calls because of an interrupt, and changes between polling and interrupt mode.
        case interrupts, switches
    }

    /// An interface's counters.
    public enum InterfaceWord: Int, Sendable, CaseIterable {
        case rxPackets = 0, rxBytes, txPackets, txBytes, drops, rxErrors, txErrors, punts
    }

    /// The counters of packets handed to one lane of another node.
    public enum PeerWord: Int, Sendable, CaseIterable {
        /// Packets and cells published.
        case packets = 0, cells
        /// Dropped because the ring was full, or because the peer was down.
        case fullDrops, downDrops
        /// Doorbells rung.
        case doorbells
        /// Packets taken from the ring that leads back, and visits that found some.
        case received, visits
    }

    /// The address of a word about the lane.
    @inline(__always)
    public func pointer(_ word: Word) -> UnsafeMutablePointer<UInt64> {
        (base + word.rawValue * 8).assumingMemoryBound(to: UInt64.self)
    }

    /// The address of the counters of graph node `index`: `NodeWord.allCases.count` words.
    @inline(__always)
    public func node(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        (base + (Self.nodesOffset &+ index &* Self.nodeBytes)).assumingMemoryBound(to: UInt64.self)
    }

    /// The address of the drop counters, one word an error.
    public var errors: UnsafeMutablePointer<UInt64> {
        (base + Self.errorsOffset).assumingMemoryBound(to: UInt64.self)
    }

    /// The address of the counters of interface `index`: eight words.
    @inline(__always)
    public func interface(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        (base + (Self.interfacesOffset &+ index &* 64)).assumingMemoryBound(to: UInt64.self)
    }

    /// The address of the counters towards the lane with global number `index`: eight words.
    @inline(__always)
    public func peer(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        (base + (Self.peersOffset &+ index &* 64)).assumingMemoryBound(to: UInt64.self)
    }

    /// Reads a word, for readers in other threads and processes.
    public func load(_ word: Word) -> UInt64 { CLinux_load_acquire64(pointer(word)) }

    /// Reads a counter at an address that this block gave.
    public static func load(_ counter: UnsafePointer<UInt64>) -> UInt64 {
        CLinux_load_relaxed64(counter)
    }
}

/// How a lane gets to run a graph node.
public enum LaneNodeState: UInt64, Sendable, CaseIterable, CustomStringConvertible {
    /// When it has packets: the nodes behind the inputs.
    case active = 0
    /// In every turn.
    case polling
    /// When it has an interrupt.
    case interrupt
    /// Not at all.
    case disabled

    /// The state's name, as VPP prints it.
    public var description: String {
        switch self {
        case .active: "active"
        case .polling: "polling"
        case .interrupt: "interrupt wait"
        case .disabled: "disabled"
        }
    }
}
