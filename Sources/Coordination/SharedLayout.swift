/// The form of something that processes share, so that two builds can tell whether they fit together.
///
/// A version says what the words mean, and goes up by hand; the checksum is of the places and sizes that
/// this build was compiled with, so that a layout which changed without its version is told apart too.
public struct SharedLayout: Hashable, Sendable {
    /// What is shared.
    public var name: String
    /// The version and the checksum, such as `2-8c1f03aa`.
    public var version: String

    /// Names a layout.
    ///
    /// - Parameters:
    ///   - name: what is shared.
    ///   - number: its version.
    ///   - parts: places and sizes, always in the same order.
    public init(_ name: String, version number: UInt64, parts: [Int]) {
        self.name = name
        // FNV-1a, 32 bits: nobody forges a layout.
        var sum: UInt32 = 0x811C_9DC5
        for part in parts {
            for shift in stride(from: 0, to: 64, by: 8) {
                sum = (sum ^ UInt32(UInt64(bitPattern: Int64(part)) >> shift & 0xFF)) &* 0x0100_0193
            }
        }
        let digits = String(sum, radix: 16)
        version = "\(number)-" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The layouts of shared memory.
    public static let memory = [segment, handoffRings, handoverRecord, eventLog]

    private static let segment = SharedLayout(
        "segment",
        version: WorkerSegment.magic & 0xFFFF,
        parts: [
            WorkerSegment.byteCount(lanes: 1), WorkerSegment.nameTableOffset,
            WorkerSegment.errorTableOffset, WorkerSegment.interfaceTableOffset,
            WorkerSegment.directoryOffset, WorkerSegment.ratesOffset,
            WorkerSegment.processTableOffset, WorkerSegment.lanesOffset,
            StatisticsEntry.byteCount, LaneBlock.byteCount, LaneBlock.nodesOffset,
            LaneBlock.errorsOffset, LaneBlock.interfacesOffset, LaneBlock.peersOffset,
        ] + WorkerSegment.Word.allCases.map(\.rawValue) + LaneBlock.Word.allCases.map(\.rawValue)
            + LaneBlock.NodeWord.allCases.map(\.rawValue)
            + LaneBlock.InterfaceWord.allCases.map(\.rawValue)
            + LaneBlock.PeerWord.allCases.map(\.rawValue)
            + PortSegment.Word.allCases.map(\.rawValue)
    )

    private static let handoffRings: SharedLayout = {
        let layout = HandoffLayout(destinationLanes: 2, sourceLanes: 3, cells: 8)
        return SharedLayout(
            "handoff",
            version: HandoffLayout.version,
            parts: [
                layout.byteCount, layout.ringBytes, layout.ringOffset(source: 1, destination: 1),
                layout.doorbellOffset(destination: 1), layout.signalsOffset(destination: 1),
                HandoffLayout.cellBytes, LaneSignals.byteCount,
            ]
        )
    }()

    private static let handoverRecord = SharedLayout(
        "handover",
        version: HandoverRecord.magic & 0xFFFF,
        parts: [
            HandoverRecord.byteCount(lanes: 1), MemoryLayout<HandoverRecord.Held>.stride,
            MemoryLayout<HandoverRecord.Stream>.stride, HandoverRecord.heldPerLane,
        ]
    )

    private static let eventLog = SharedLayout(
        "events",
        version: EventLog.magic & 0xFFFF,
        parts: [
            EventLog.textOffset, EventLog.ringsOffset, EventLog.ringHeaderBytes,
            EventWriter.recordBytes,
        ]
    )
}
