internal import CLinux
public import LinuxSystem

/// The event log of one process's life: a file in memory that outlives the process.
///
/// One file an incarnation, made by the supervisor before it starts the worker, beside the
/// `WorkerSegment`. It has a ring for each writer (the control lane and each lane), so that nobody
/// waits for anybody and no word is written by two. Who writes what:
/// - the header's fixed words and the control line (what is taken, how many records are in use, from
///   which position on records are shown): the supervisor;
/// - the line of the process, and the texts: the process's control lane, texts once and only added;
/// - a ring: its writer, as `EventWriter` says.
///
/// The file is as large as the largest log, and takes as much memory as is in use. A reader trusts
/// none of the values.
public struct EventLog: Sendable {
    /// The mapping; kept alive by this value.
    public let mapping: SharedMapping
    /// Rings; that of the control lane, or of the supervisor's commands, is the first.
    public let writerCount: Int
    /// Records that each ring has room for.
    let ringLimit: Int

    /// "CWELOG" and the layout's version; another version is refused.
    public static let magic: UInt64 = 0x4357_454C_4F47_0001
    /// Events of a log, all rings together, unless the operator says otherwise.
    public static let defaultEvents = 131_072
    /// The most events of a log, all rings together.
    public static let maximumEvents = 1 << 22
    /// The fewest events of a log.
    public static let minimumEvents = 1024
    /// The most rings of a log: a control lane and its lanes.
    public static let maximumWriters = HandoffLayout.maximumDestinationLanes + 1

    static let textOffset = 4096
    static let ringsOffset = 65_536
    static let ringHeaderBytes = 4096
    static let maximumTextBytes = ringsOffset - textOffset

    /// A 64-bit word of the header, in lines by who writes them.
    enum Word: Int {
        /// `EventLog.magic`, stored last.
        case magic = 0
        /// The NUMA node's number, or `supervisorNode`; the process's life; its rings; the room of
        /// each in records.
        case node, incarnation, writerCount, ringLimit
        /// When the file was made: time-stamp counter, and nanoseconds of CLOCK_MONOTONIC_RAW.
        case baseTSC, baseNanoseconds
        /// Nanoseconds since 1970 then.
        case baseUnixNanoseconds
        /// What is taken (`EventTraces`), and the records in use of each ring less one.
        case traces = 64
        case mask
        /// The process's id; bytes and number of its texts.
        case pid = 128
        case textBytes, textCount
        /// The number of the first graph node's text, and how many graph nodes there are.
        case nodeText, nodeCount
    }

    /// Stands for the supervisor where a NUMA node's number stands.
    public static let supervisorNode = -1

    init(mapping: SharedMapping, writerCount: Int, ringLimit: Int) {
        self.mapping = mapping
        self.writerCount = writerCount
        self.ringLimit = ringLimit
    }

    /// Records of each ring in a log of `events` events: a power of two, never fewer together.
    static func ringRecords(events: Int, writers: Int) -> Int {
        let share = (min(max(events, minimumEvents), maximumEvents) + writers - 1) / writers
        return 1 << (Int.bitWidth - (share - 1).leadingZeroBitCount)
    }

    static func byteCount(writers: Int, ringLimit: Int) -> Int {
        ringsOffset + writers * (ringHeaderBytes + ringLimit * EventWriter.recordBytes)
    }

    func pointer(_ word: Word) -> UnsafeMutablePointer<UInt64> {
        (mapping.base + word.rawValue * 8).assumingMemoryBound(to: UInt64.self)
    }

    func load(_ word: Word) -> UInt64 { CLinux_load_acquire64(pointer(word)) }

    func store(_ word: Word, _ value: UInt64) { CLinux_store_release64(pointer(word), value) }

    /// The header of a ring: position, thread, and in another line the first position shown.
    func ring(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        precondition((0..<writerCount).contains(index), "no such ring")
        let bytes = Self.ringHeaderBytes + ringLimit * EventWriter.recordBytes
        return (mapping.base + Self.ringsOffset + index * bytes)
            .assumingMemoryBound(to: UInt64.self)
    }

    /// Where in a ring's header the first position shown stands.
    static let firstShown = 8

    func records(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        ring(index) + Self.ringHeaderBytes / 8
    }

    /// The writing end of a ring.
    ///
    /// - Precondition: `index` is in 0..<`writerCount`, and no other writer of that ring is used.
    public func writer(_ index: Int) -> EventWriter {
        EventWriter(
            control: pointer(.traces),
            header: ring(index),
            records: records(index),
            limit: UInt64(ringLimit - 1)
        )
    }

    /// The NUMA node's number, or `supervisorNode`.
    public var node: Int { Int(truncatingIfNeeded: Int64(bitPattern: load(.node))) }
    /// Counts the process's lives, from 1.
    public var incarnation: UInt32 { UInt32(truncatingIfNeeded: load(.incarnation)) }
    /// The process's id; 0: it has not said it.
    public var pid: Int { Int(clamping: load(.pid)) }

    /// Says which process writes.
    public func setProcess(_ pid: Int) { store(.pid, UInt64(pid)) }
}
