internal import CLinux
internal import LinuxSystem
public import SystemPackage

/// What a worker leaves to the one that takes its place: shared memory for one planned restart.
///
/// The supervisor makes it; the old worker writes it when its lanes have ended, and then says so by
/// `stage`; the new one, which waits for that, reads it and lets its own lanes run. Packets are named by
/// the addresses of their buffers, which are the same in every process of a DPDK domain.
public struct HandoverRecord: Sendable {
    /// How far the handover is.
    public enum Stage: UInt32, Sendable {
        /// The old worker forwards.
        case open = 0
        /// The old worker ends its lanes.
        case begun
        /// Its lanes have ended, and the record is complete.
        case handed
        /// The new worker forwards.
        case taken
        /// The restart was given up: neither begins with its part any more.
        case abandoned
        /// The old worker has begun and cannot end its lanes: it forwards no more, and nobody follows.
        case failed
    }

    /// A packet that waits for a neighbour.
    @frozen
    public struct Held: Sendable {
        /// The address of its buffer; 0: the wait goes on without a packet.
        public var buffer: UInt64
        /// The reading of the time-stamp counter at the last request.
        public var lastRequest: UInt64
        /// The neighbour's IPv4 address in host byte order.
        public var address: UInt32
        /// The `sw_if_index` of the interface behind which it is sought.
        public var interface: UInt16
        /// Requests sent.
        public var requests: UInt8

        /// Makes an entry of a neighbour that is sought.
        public init(
            buffer: UInt64,
            lastRequest: UInt64,
            address: UInt32,
            interface: UInt16,
            requests: UInt8
        ) {
            self.buffer = buffer
            self.lastRequest = lastRequest
            self.address = address
            self.interface = interface
            self.requests = requests
        }
    }

    /// How far a stream of the packet generator is: what it makes next follows from what it has made.
    @frozen
    public struct Stream: Sendable {
        /// Packets made.
        public var made: UInt64
        /// Packets that might have been made by now.
        public var credit: Double
        /// Up to which reading of the time-stamp counter that was worked out.
        public var lastTime: UInt64

        /// Makes an entry of its parts.
        public init(
            made: UInt64,
            credit: Double,
            lastTime: UInt64
        ) {
            self.made = made
            self.credit = credit
            self.lastTime = lastTime
        }
    }

    /// "CWHND" and the layout's version.
    public static let magic: UInt64 = 0x4357_484E_4400_0003
    /// The most neighbours that a lane seeks.
    public static let heldPerLane = 1024
    /// The most streams of a lane.
    public static let streamsPerLane = 16

    private enum Word: Int {
        case magic = 0
        case laneCount, stage, quietTSC, streamCount
        /// A word a lane from here on.
        case heldCounts = 64
    }

    /// The number of the worker's lanes.
    public let laneCount: Int
    private let mapping: SharedMapping

    private static let heldOffset = 4096
    private static let streamBytes = MemoryLayout<Stream>.stride

    static func byteCount(lanes: Int) -> Int {
        heldOffset
            + lanes * (heldPerLane * MemoryLayout<Held>.stride + streamsPerLane * streamBytes)
    }

    /// Makes the record of a handover.
    ///
    /// - Parameters:
    ///   - path: the file; one that is there is replaced.
    ///   - lanes: how many lanes the worker has.
    /// - Returns: an empty record.
    /// - Throws: the `Errno` of the file.
    public static func create(path: String, lanes: Int) throws(Errno) -> HandoverRecord {
        let mapping = try SharedMapping.create(path: path, byteCount: byteCount(lanes: lanes))
        let record = HandoverRecord(laneCount: lanes, mapping: mapping)
        record.store(.laneCount, UInt64(lanes))
        record.store(.magic, magic)
        return record
    }

    /// Maps a record.
    ///
    /// - Parameter path: the file that `create` made.
    /// - Returns: the record as it stands.
    /// - Throws: `EPROTO` for a file of another layout, else the `Errno` of the file.
    public static func open(path: String) throws(Errno) -> HandoverRecord {
        let mapping = try SharedMapping.open(path: path, writable: true)
        guard mapping.byteCount >= heldOffset else { throw .protocolError }
        let header = HandoverRecord(laneCount: 0, mapping: mapping)
        let lanes = Int(clamping: header.load(.laneCount))
        guard header.load(.magic) == magic, lanes <= HandoffLayout.maximumDestinationLanes,
            mapping.byteCount >= byteCount(lanes: lanes)
        else { throw .protocolError }
        return HandoverRecord(laneCount: lanes, mapping: mapping)
    }

    private func pointer(_ word: Word, _ index: Int = 0) -> UnsafeMutablePointer<UInt64> {
        (mapping.base + (word.rawValue + index) * 8).assumingMemoryBound(to: UInt64.self)
    }

    private func load(_ word: Word, _ index: Int = 0) -> UInt64 {
        CLinux_load_acquire64(pointer(word, index))
    }

    private func store(_ word: Word, at index: Int = 0, _ value: UInt64) {
        CLinux_store_release64(pointer(word, index), value)
    }

    private var stageWord: UnsafeMutablePointer<UInt32> {
        (mapping.base + Word.stage.rawValue * 8).assumingMemoryBound(to: UInt32.self)
    }

    /// How far it is; everything written before the stage is visible to who reads it.
    public var stage: Stage { Stage(rawValue: CLinux_load_acquire32(stageWord)) ?? .open }

    /// Goes on to a stage, and wakes who waits for it.
    public func enter(_ stage: Stage) {
        CLinux_store_release32(stageWord, stage.rawValue)
        _ = CLinux_futex_wake(stageWord)
    }

    /// Lets the old worker end its lanes; the restart cannot be given up any more.
    ///
    /// - Returns: false if it was given up before, or has begun already.
    public func begin() -> Bool { move(from: .open, to: .begun) }

    /// Says that what was begun cannot be done; for the old worker.
    public func fail() {
        if move(from: .begun, to: .failed) { _ = CLinux_futex_wake(stageWord) }
    }

    /// Gives the restart up, and wakes who waits for it.
    ///
    /// - Parameter isOldDead: whether the old worker has ended, so that what it began stays undone.
    /// - Returns: false if the old worker has begun, or done more: then it forwards no more.
    @discardableResult
    public func abandon(isOldDead: Bool = false) -> Bool {
        let isDone =
            move(from: .open, to: .abandoned)
            || isOldDead && move(from: .begun, to: .abandoned)
        if isDone { _ = CLinux_futex_wake(stageWord) }
        return isDone || stage == .abandoned
    }

    private func move(from old: Stage, to new: Stage) -> Bool {
        // The upper half of the word is always 0.
        CLinux_compare_exchange64(pointer(.stage), UInt64(old.rawValue), UInt64(new.rawValue))
    }

    /// Waits until the old worker has handed over, or the restart is given up.
    ///
    /// - Parameter microseconds: the longest wait.
    /// - Returns: whether the old worker has handed over.
    public func waitUntilHanded(microseconds: UInt64) -> Bool {
        // On a CPU of its own a short look is enough; where it is shared the other must run.
        for _ in 0..<2000 {
            if let isHanded { return isHanded }
            CLinux_pause()
        }
        let clock = ContinuousClock()
        let end = clock.now + .microseconds(Int64(clamping: microseconds))
        while true {
            let stage = stage
            if let isHanded { return isHanded }
            guard clock.now < end else { return false }
            _ = CLinux_futex_wait(stageWord, stage.rawValue, 10_000)
        }
    }

    /// Whether the old worker has handed over; nil: it may yet.
    private var isHanded: Bool? {
        switch stage {
        case .open, .begun: nil
        case .handed, .taken: true
        case .abandoned, .failed: false
        }
    }

    /// The reading of the time-stamp counter when the old worker's lanes were told to take no more.
    public var quietTSC: UInt64 {
        get { load(.quietTSC) }
        nonmutating set { store(.quietTSC, newValue) }
    }

    /// The neighbours that a lane seeks, with room for `heldPerLane`.
    ///
    /// - Precondition: `lane` is in 0..<`laneCount`.
    public func held(_ lane: Int) -> UnsafeMutablePointer<Held> {
        precondition((0..<laneCount).contains(lane), "no such lane")
        let offset = Self.heldOffset + lane * Self.heldPerLane * MemoryLayout<Held>.stride
        return (mapping.base + offset).assumingMemoryBound(to: Held.self)
    }

    /// How many of them there are.
    public func heldCount(_ lane: Int) -> Int {
        min(Int(clamping: load(.heldCounts, lane)), Self.heldPerLane)
    }

    /// Says how many there are.
    public func setHeldCount(_ lane: Int, _ count: Int) {
        store(.heldCounts, at: lane, UInt64(count))
    }

    /// The streams of the packet generator in the order in which they were made.
    public var streams: [Stream] {
        get {
            let count = min(Int(clamping: load(.streamCount)), laneCount * Self.streamsPerLane)
            return (0..<count).map { stream($0).pointee }
        }
        nonmutating set {
            let list = newValue.prefix(laneCount * Self.streamsPerLane)
            for (index, value) in list.enumerated() { stream(index).pointee = value }
            store(.streamCount, UInt64(list.count))
        }
    }

    private func stream(_ index: Int) -> UnsafeMutablePointer<Stream> {
        let offset =
            Self.heldOffset + laneCount * Self.heldPerLane * MemoryLayout<Held>.stride
            + index * Self.streamBytes
        return (mapping.base + offset).assumingMemoryBound(to: Stream.self)
    }
}

extension WorkerSegment {
    /// Whether another segment has the same counters at the same places: the same lanes and graph.
    ///
    /// - Parameter other: of another life of the same NUMA node.
    /// - Returns: the first difference in words; nil: there is none.
    public func difference(from other: WorkerSegment) -> String? {
        guard laneCount == other.laneCount else {
            return "\(laneCount) lanes here, \(other.laneCount) there"
        }
        let (nodes, others) = (nodeNames, other.nodeNames)
        for (node, theirs) in zip(nodes, others) where node != theirs {
            return "graph node \(node.name) here, \(theirs.name) there"
        }
        guard nodes.count == others.count else {
            return "\(nodes.count) graph nodes here, \(others.count) there"
        }
        guard errorNames == other.errorNames else { return "the reasons for drops differ" }
        return nil
    }

    /// Goes on counting where a predecessor of the same graph has ended.
    ///
    /// - Parameter old: the segment of a life whose lanes have ended.
    /// - Precondition: this life's lanes do not run, and `difference(from:)` is nil.
    public func continueCounts(of old: WorkerSegment) {
        for index in 0..<min(laneCount, old.laneCount) {
            let block = lane(index)
            let own = LaneBlock.Word.ofThisLife.map { ($0, block.load($0)) }
            block.base.copyMemory(from: old.lane(index).base, byteCount: LaneBlock.byteCount)
            for (word, value) in own { block.pointer(word).pointee = value }
        }
        for word in [
            Word.neighboursReported, .neighboursSuppressed, .reportsSent, .reportsRefused,
            .controlCallsTaken,
        ] {
            store(word, load(word) &+ old.load(word))
        }
    }

    /// Takes over what an operator cleared of a predecessor's counters; the supervisor's to call.
    public func continueZeros(of old: WorkerSegment) {
        for index in 0..<min(laneCount, old.laneCount) {
            zeros(index).base.copyMemory(
                from: old.zeros(index).base,
                byteCount: LaneBlock.byteCount
            )
        }
        store(.lastClear, old.load(.lastClear))
    }
}

extension LaneBlock.Word {
    /// The words that say something of the lane's present life and count nothing over several.
    static let ofThisLife: [LaneBlock.Word] = [
        .epochReached, .generation, .threadID, .cpu, .held, .currentNode, .asleep, .heartbeatTSC,
        .clockError, .atHand, .startedTSC,
    ]
}
