internal import CLinux
public import LinuxSystem

/// What the lanes of one worker's life saw of single packets: traces, and captured packets.
///
/// One file an incarnation, made by the supervisor before it starts the worker, so that the last trace of a
/// dead worker stays readable. It is as large as it may ever get and has memory for its headers only;
/// `reserve` takes the rest before anything is traced, so that no lane ever waits for memory. Who writes what:
/// - the header's fixed words and the control line: the supervisor, `epoch` last with each change;
/// - of a lane's part the limits: the supervisor; all else that lane alone, records before `written`.
///
/// Nothing is written over: a lane that has no room left counts what it could not keep. A lane that sees
/// another `clearEpoch` begins anew. A reader trusts none of the values.
public struct TraceBuffer: Sendable {
    /// The mapping; kept alive by this value.
    public let mapping: SharedMapping
    /// Lanes of the worker.
    public let laneCount: Int

    /// "CWTRAC" and the layout's version; another version is refused.
    public static let magic: UInt64 = 0x4357_5452_4143_0002
    /// The most records of a lane.
    public static let recordLimit = 16_384
    /// The most bytes of packets that a lane captures.
    public static let captureLimit = 32 << 20
    static let headerBytes = 4096
    static let laneBytes =
        TraceLane.recordsOffset + recordLimit * TraceRecord.strideBytes + captureLimit

    /// A 64-bit word of the header, in lines by who writes them.
    public enum Word: Int, Sendable {
        /// `TraceBuffer.magic`, stored last.
        case magic = 0
        /// The NUMA node's number; the worker's life; its lanes.
        case node, incarnation, laneCount
        /// Changes with every change of the words after it and of limits; 0: there was none.
        case epoch = 64
        /// Changes when what was traced is to be forgotten.
        case clearEpoch
        /// Records and bytes of captured packets that a lane has memory for.
        case records, captureBytes
        /// Changes when another capture begins.
        case captureEpoch
        /// What is captured (`CaptureSet`), of which interface (0: of all), and how many packets a lane takes.
        case captures, captureInterface, capturePackets
        /// The worker's process id; 0: it does not trace.
        case pid = 128
    }

    init(mapping: SharedMapping, laneCount: Int) {
        self.mapping = mapping
        self.laneCount = laneCount
    }

    static func byteCount(lanes: Int) -> Int { headerBytes + lanes * laneBytes }

    func pointer(_ word: Word) -> UnsafeMutablePointer<UInt64> {
        (mapping.base + word.rawValue * 8).assumingMemoryBound(to: UInt64.self)
    }

    /// Reads a word of the header.
    public func load(_ word: Word) -> UInt64 { CLinux_load_acquire64(pointer(word)) }

    func store(_ word: Word, _ value: UInt64) { CLinux_store_release64(pointer(word), value) }

    /// A lane's part.
    ///
    /// - Precondition: `index` is in 0..<`laneCount`.
    public func lane(_ index: Int) -> TraceLane {
        precondition((0..<laneCount).contains(index), "no such lane")
        return TraceLane(
            control: pointer(.epoch),
            base: mapping.base + Self.headerBytes + index * Self.laneBytes
        )
    }

    /// The NUMA node's number.
    public var node: Int { Int(truncatingIfNeeded: Int64(bitPattern: load(.node))) }
    /// Counts the worker's lives, from 1.
    public var incarnation: UInt32 { UInt32(truncatingIfNeeded: load(.incarnation)) }
    /// Whether the worker has taken the buffer up.
    public var isAttached: Bool { load(.pid) != 0 }

    /// Says which process writes.
    public func setProcess(_ pid: Int) { store(.pid, UInt64(pid)) }
}

/// What is captured of an interface's packets.
public struct CaptureSet: OptionSet, Hashable, Sendable {
    /// The bits, as they stand in shared memory.
    public var rawValue: UInt64

    /// Takes the bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// As they came in.
    public static var rx: CaptureSet { CaptureSet(rawValue: 1) }
    /// As they leave.
    public static var tx: CaptureSet { CaptureSet(rawValue: 2) }
    /// As they were dropped.
    public static var drop: CaptureSet { CaptureSet(rawValue: 4) }
    /// Before each call of a graph node, as that gets them; of all interfaces, and nothing else then.
    public static var dispatch: CaptureSet { CaptureSet(rawValue: 8) }

    /// The bits as they stand in `CapturedPacket.what`.
    public var mask: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
}
