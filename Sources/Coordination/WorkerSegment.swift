internal import CLinux
public import LinuxSystem
public import SystemPackage

/// The shared memory of one worker's life: what the supervisor tells it and what it counts.
///
/// One file an incarnation, made by the supervisor before it starts the worker, so that everything
/// is readable without stopping anyone and after the worker's death. Who writes what:
/// - the header's fixed words, and the directory's first entries: the supervisor, before the worker
///   starts;
/// - the control line, and the zeros behind the blocks: the supervisor, with release stores; lanes
///   read the control line once a turn, and no zeros;
/// - the worker line, the name tables, further entries and the rates: the worker's control lane;
/// - a lane's block: that lane alone, with plain 64-bit stores (a reader may see one counter a
///   packet ahead of another, never a torn one).
///
/// The sizes are bounds of the layout, checked by whoever fills it; a reader trusts none of the
/// values. The directory says where each statistic lies, so that a reader needs to know no more than
/// the directory's form (`docs/statistics.md`).
public struct WorkerSegment: Sendable {
    /// The mapping; kept alive by this value.
    public let mapping: SharedMapping
    /// The number of lane blocks.
    public let laneCount: Int

    /// "CWSEG" and the layout's version; another version is refused.
    public static let magic: UInt64 = 0x4357_5345_4700_0002
    /// The most graph nodes of a worker.
    public static let maximumNodes = 256
    /// The most drop reasons of a worker, all graph nodes together.
    public static let maximumErrors = 512
    /// The most processes of a control lane that others can see.
    public static let maximumProcesses = 64
    /// The most interfaces, `local0` included.
    public static let maximumInterfaces = 256
    /// The most lanes on other nodes that a lane can hand packets to.
    public static let maximumPeers = 512

    static let nameTableOffset = 4096
    static let nameBytes = 64
    static let errorTableOffset = nameTableOffset + maximumNodes * nameBytes
    static let errorBytes = 128
    static let interfaceTableOffset = errorTableOffset + maximumErrors * errorBytes
    static let interfaceNameBytes = 64
    static let directoryOffset = interfaceTableOffset + maximumInterfaces * interfaceNameBytes
    static let ratesOffset = directoryOffset + directoryBytes
    static let rateBytes = 64
    static let processTableOffset =
        ratesOffset + HandoffLayout.maximumDestinationLanes * rateBytes
    static let processBytes = 128
    static let lanesOffset = processTableOffset + maximumProcesses * processBytes

    /// Bytes of a segment for `lanes` lanes: their blocks, and the zeros of the same size.
    public static func byteCount(lanes: Int) -> Int {
        lanesOffset + 2 * lanes * LaneBlock.byteCount
    }

    /// Makes the segment of a worker's new life.
    ///
    /// - Parameters:
    ///   - path: the file; one that is there is replaced.
    ///   - node: the NUMA node's number in the placement.
    ///   - incarnation: counts the worker's lives on that node, from 1.
    ///   - lanes: how many lanes it runs.
    /// - Returns: the segment, writable, all counters 0.
    /// - Throws: the `Errno` of the file.
    public static func create(
        path: String,
        node: Int,
        incarnation: UInt32,
        lanes: Int
    ) throws(Errno) -> WorkerSegment {
        let segment = try make(
            path: path,
            byteCount: byteCount(lanes: lanes),
            node: node,
            incarnation: incarnation,
            lanes: lanes
        ) { $0.fixedEntries() }
        segment.writeInterfaceName("local0", at: 0)
        return segment
    }

    /// Makes a file with a header and a directory; the header's magic number comes last.
    static func make(
        path: String,
        byteCount: Int,
        node: Int,
        incarnation: UInt32,
        lanes: Int,
        entries: (WorkerSegment) -> [StatisticsEntry]
    ) throws(Errno) -> WorkerSegment {
        let mapping = try SharedMapping.create(path: path, byteCount: byteCount)
        let segment = WorkerSegment(mapping: mapping, laneCount: lanes)
        segment.store(.node, UInt64(node))
        segment.store(.incarnation, UInt64(incarnation))
        segment.store(.laneCount, UInt64(lanes))
        segment.store(.directoryOffset, UInt64(directoryOffset))
        segment.store(.directoryStride, UInt64(StatisticsEntry.byteCount))
        segment.addEntries(entries(segment))
        segment.store(.magic, magic)
        return segment
    }

    /// Maps an existing segment.
    ///
    /// - Parameters:
    ///   - path: the file that `create` made.
    ///   - writable: false for readers, to whom a store is a SIGSEGV.
    /// - Returns: the segment as it stands; its worker may be writing it, or be dead.
    /// - Throws: `EPROTO` for a file of another layout, else the `Errno` of the file.
    public static func open(path: String, writable: Bool) throws(Errno) -> WorkerSegment {
        let mapping = try SharedMapping.open(path: path, writable: writable)
        guard mapping.byteCount >= lanesOffset else { throw .protocolError }
        let header = WorkerSegment(mapping: mapping, laneCount: 0)
        let lanes = Int(clamping: header.load(.laneCount))
        guard header.load(.magic) == magic, lanes <= HandoffLayout.maximumDestinationLanes,
            mapping.byteCount >= byteCount(lanes: lanes)
        else { throw .protocolError }
        return WorkerSegment(mapping: mapping, laneCount: lanes)
    }

    /// A lane's block.
    ///
    /// - Precondition: `index` is in 0..<`laneCount`.
    public func lane(_ index: Int) -> LaneBlock {
        precondition((0..<laneCount).contains(index), "no such lane")
        return LaneBlock(base: mapping.base + Self.lanesOffset + index * LaneBlock.byteCount)
    }
}

extension WorkerSegment {
    /// A 64-bit word of the header, in lines by who writes them.
    ///
    /// From 0 the fixed words, from 128 (byte 1024) the supervisor's control line, from 256 (byte
    /// 2048) the line of the worker's control lane.
    public enum Word: Int, Sendable, CaseIterable {
        /// `WorkerSegment.magic`, stored last: what has it is complete.
        case magic = 0
        /// The NUMA node's number, the worker's life on it (from 1), its lanes.
        case node, incarnation, laneCount
        /// Where the directory of statistics begins, and the bytes from one entry to the next.
        case directoryOffset, directoryStride
        /// A counter of what cannot happen; always 0.
        case neverCounted
        /// CLOCK_MONOTONIC in nanoseconds when the supervisor started, which is the zero of every
        /// process's time, and what the supervisor took for the time-stamp counter's frequency in
        /// thousandths of a hertz.
        case clockZero, clockMillihertz
        /// Bit n: the worker of node n takes packets.
        case peersUp = 128
        /// The barrier epoch wanted; odd: closed. A lane makes it even when the lease is over.
        case epochWanted
        /// The longest sleep of an idle lane in microseconds; 0: lanes never sleep.
        case idleSleepMicroseconds
        /// Whether this life of the worker is over (1).
        case ended
        /// Seconds since 1970 when a set of counters was last cleared; 0: never.
        case lastClear
        /// How many packets in a block of 128 turns make an adaptive node polled, and up to how many
        /// let it wait for interrupts again.
        case pollingThreshold, interruptThreshold
        /// Turns that a lane goes on after its last handoff before it may sleep.
        case handoffTailTurns
        /// The time between two writings of the gauges in microseconds; 0: the worker's own.
        case gaugeMicroseconds
        /// Whether what graph nodes and processes do stays out of the directory (1).
        case hidesNodes
        /// The time-stamp counter up to which a closed barrier counts (`LaneBarrier`).
        case barrierLease
        /// Buffers that the node's ports took for their receive queues when they were started, how many
        /// of those may not have been replaced yet, and how many transmit queues hold at most.
        case portBuffers, portSlack, portMost
        /// The raw value of the worker's `ProcessState`.
        case state = 256
        /// The worker's process id, ticks of the time-stamp counter a second, and its reading at
        /// the start.
        case pid, tscHertz, startTSC
        /// The last journal entry applied, and the newest generation of tables.
        case changeNumber, generation
        /// Bytes of the worker's heap, and those given out.
        case heapTotalBytes, heapUsedBytes
        /// Packet buffers of the node's pool, and those free.
        case poolTotal, poolAvailable
        /// Entries of the two name tables; stored after them.
        case nodeCount, errorCount
        /// Entries of the process table.
        case processCount
        /// How often the control lane wrote its gauges.
        case controlLoops
        /// Neighbours reported to the supervisor, and reports kept back because the same was
        /// reported within the last second.
        case neighboursReported, neighboursSuppressed
        /// Bytes of the worker's heap that are free.
        case heapFreeBytes
        /// Packet buffers in use, and free ones that lanes keep to themselves.
        case poolUsed, poolCached
        /// Seconds since 1970: when the worker started, and when it last wrote its gauges.
        case bootTime, lastUpdate
        /// The bits of `Double`s: packets a call of a graph node, and packets a second, all lanes.
        case vectorRate, inputRate
        /// Messages to the supervisor, and those that its connection had no room for.
        case reportsSent, reportsRefused
        /// Calls that the control lane took from its lanes.
        case controlCallsTaken
        /// How the worker's time base came out of its verifications: how many there were, how many
        /// found a jump, how far it was ahead of the kernel's clock in nanoseconds at the last one
        /// (signed), and the frequency that was measured, in thousandths of a hertz.
        case clockChecks, clockJumps, clockError, clockMillihertzMeasured
        /// The last journal entry that was begun; one above `changeNumber` is being applied.
        case changeBegun
        /// Where buffers are that are not free: in the ports' receive and transmit queues, with lanes;
        /// those that nobody is known to have, and those that are free or held twice (`BufferAccounts`).
        case poolReceive, poolTransmit, poolLanes, poolMissing, poolSurplus
        /// How often all buffers were counted while nothing moved, and the seconds since 1970 of the last
        /// time.
        case poolAudits, poolAuditTime
        /// Entries of the directory; stored after them. The supervisor's, until the worker starts.
        /// Its place is part of the layout that `docs/statistics.md` describes.
        case entryCount = 320
        /// The worker's `PublishedTimeBase`: eight words.
        case timeBase = 384
    }

    /// Reads a word with acquire ordering.
    public func load(_ word: Word) -> UInt64 {
        CLinux_load_acquire64(pointer(word))
    }

    /// Writes a word with release ordering.
    public func store(_ word: Word, _ value: UInt64) {
        CLinux_store_release64(pointer(word), value)
    }

    /// The word's address, for a lane that reads it every turn.
    public func pointer(_ word: Word) -> UnsafeMutablePointer<UInt64> {
        (mapping.base + word.rawValue * 8).assumingMemoryBound(to: UInt64.self)
    }
}

/// The states a process goes through, in order.
public enum ProcessState: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// The process runs, and waits for its configuration.
    case starting = 0
    /// EAL is up and attached.
    case attached = 1
    /// Tables are made, ports are bound: it could forward.
    case ready = 2
    /// Packets flow: a worker's lanes run, a keeper's ports are started.
    case forwarding = 3
    /// It was told to end, and finishes what it has begun.
    case draining = 4
    /// Nothing runs any more; the process exits.
    case stopped = 5

    /// The state's name, as logs and `show` commands print it.
    public var description: String {
        switch self {
        case .starting: "starting"
        case .attached: "attached"
        case .ready: "ready"
        case .forwarding: "forwarding"
        case .draining: "draining"
        case .stopped: "stopped"
        }
    }
}
