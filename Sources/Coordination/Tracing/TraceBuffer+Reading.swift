internal import CLinux

/// A record with the bytes of its packet.
public struct TracedStep: Hashable, Sendable {
    /// What the lane wrote.
    public var record: TraceRecord
    /// The packet's first bytes, as the graph node got it; of one that put a header in front, as it left.
    public var bytes: [UInt8]

    /// Makes a step, for tests beside readers.
    public init(record: TraceRecord, bytes: [UInt8]) {
        self.record = record
        self.bytes = bytes
    }
}

/// What one lane has traced.
public struct LaneTraces: Hashable, Sendable {
    /// The lane's number in its worker.
    public var lane: Int
    /// In the order in which they were written.
    public var steps: [TracedStep]
    /// Records that found no room, and packets that were to be traced and found none.
    public var lostRecords: Int
    /// See `lostRecords`.
    public var refusedPackets: Int

    /// Makes what a lane has traced.
    public init(lane: Int, steps: [TracedStep] = [], lostRecords: Int = 0, refusedPackets: Int = 0)
    {
        self.lane = lane
        self.steps = steps
        self.lostRecords = lostRecords
        self.refusedPackets = refusedPackets
    }
}

extension TraceBuffer {
    /// Reads what a lane has traced, while it goes on or after its worker's death.
    ///
    /// - Parameter index: the lane's number in its worker.
    /// - Returns: nothing traced, if the lane has been told to forget it.
    public func traces(of index: Int) -> LaneTraces {
        let lane = lane(index)
        let epoch = load(.clearEpoch)
        guard lane.load(.clearSeen) == epoch else { return LaneTraces(lane: index) }
        let written = min(Int(clamping: lane.load(.written)), Self.recordLimit)
        var traces = LaneTraces(
            lane: index,
            lostRecords: Int(clamping: lane.load(.lostRecords)),
            refusedPackets: Int(clamping: lane.load(.refusedPackets))
        )
        traces.steps.reserveCapacity(written)
        for position in 0..<written { traces.steps.append(Self.read(lane.record(position))) }
        // Who was told to forget meanwhile may have written over what was read.
        return lane.load(.clearSeen) == epoch ? traces : LaneTraces(lane: index)
    }

    private static func read(_ address: UnsafeMutableRawPointer) -> TracedStep {
        let mark = (address + 8).assumingMemoryBound(to: UInt64.self)
        while true {
            let before = CLinux_load_acquire64(mark)
            let record = address.load(as: TraceRecord.self)
            let count = min(Int(record.dataCount), TraceRecord.dataBytes)
            let data = UnsafeRawBufferPointer(
                start: address + TraceRecord.headerBytes,
                count: count
            )
            let step = TracedStep(record: record, bytes: Array(data))
            CLinux_full_fence()
            // A record changes once: when the graph node comes back.
            if CLinux_load_relaxed64(mark) == before { return step }
        }
    }
}

/// What one lane has captured.
public struct LaneCapture: Sendable {
    /// A captured packet.
    public struct Packet: Hashable, Sendable {
        /// When, where and why.
        public var header: CapturedPacket
        /// The packet.
        public var bytes: [UInt8]

        /// Makes a packet, for tests beside readers.
        public init(header: CapturedPacket, bytes: [UInt8]) {
            self.header = header
            self.bytes = bytes
        }
    }

    /// In the order in which the lane saw them.
    public var packets: [Packet] = []
    /// Packets that found no room.
    public var lost = 0
}

extension TraceBuffer {
    /// Reads what a lane has captured since the last `startCapture`, while it goes on or after its worker's death.
    ///
    /// - Parameter index: the lane's number in its worker.
    /// - Returns: nothing, if the lane has not taken the order up.
    public func captured(of index: Int) -> LaneCapture {
        let lane = lane(index)
        guard lane.load(.captureSeen) == load(.captureEpoch) else { return LaneCapture() }
        var capture = LaneCapture()
        capture.lost = Int(clamping: lane.load(.captureLost))
        let end = min(Int(clamping: lane.load(.capturedBytes)), Self.captureLimit)
        var offset = 0
        while offset + CapturedPacket.headerBytes <= end {
            let header = (lane.capture + offset).load(as: CapturedPacket.self)
            let length = Int(header.length)
            offset += CapturedPacket.headerBytes
            guard length <= end - offset else { break }
            let bytes = UnsafeRawBufferPointer(start: lane.capture + offset, count: length)
            capture.packets.append(LaneCapture.Packet(header: header, bytes: Array(bytes)))
            offset += (length + 7) / 8 * 8
        }
        return capture
    }

    /// How many packets all lanes have captured, and how many found no room.
    public var captureCounts: (packets: Int, lost: Int) {
        (0..<laneCount).reduce((0, 0)) { sum, index in
            let lane = lane(index)
            guard lane.load(.captureSeen) == load(.captureEpoch) else { return sum }
            return (
                sum.0 + Int(clamping: lane.load(.captured)),
                sum.1 + Int(clamping: lane.load(.captureLost))
            )
        }
    }
}
