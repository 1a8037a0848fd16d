public import CDPDK
internal import Coordination
internal import PacketBuffers

/// What a lane sees of single packets, while somebody looks: traces and captured packets.
///
/// The lane asks once a turn whether there is anything new to look for (`isCalled`), and once more before it
/// runs frames (`isBusy`). Only then does it go the way that looks at each packet (`DispatcherState+Observed`).
/// The lane's thread alone uses it; all it writes to was made with the worker.
public struct LaneTracer {
    /// Changes with what is wanted; another thread or process writes it.
    @usableFromInline let epoch: UnsafeMutablePointer<UInt64>
    /// The epoch of which nothing is left to do.
    @usableFromInline var seen: UInt64 = 0
    /// Whether packets in the lane's frames may be traced, or are to be captured.
    @usableFromInline var isBusy = false
    /// What is captured.
    var captures = CaptureSet()
    /// Whether that is the packets of all calls.
    @usableFromInline var capturesCalls = false
    /// Where records go; nil: this lane never traces.
    let area: TraceLane?
    /// The lane's number in its worker.
    let lane: UInt32
    /// By graph index, what a node means for captures: the bits of a `CaptureSet`.
    let roles: UnsafeMutablePointer<UInt8>
    /// The graph index of `handoff-input`.
    let handoffNode: UInt16
    /// The first number of a trace since the last clearing.
    var firstIndex: UInt64 = 0
    /// The traced packets of the frame that is being worked on; `frameCapacity` entries.
    let called: UnsafeMutablePointer<CalledPacket>
    var calledCount = 0
    /// Of each frame that waited before an input node was polled: its packets then.
    let before: UnsafeMutablePointer<Int32>
    var beforeCount = 0

    /// A traced packet whose graph node has been called.
    struct CalledPacket {
        var mbuf: Mbuf
        /// Its place in the frame, and that of its record.
        var place: Int32
        var position: Int32
        var headroom: Int32
    }

    /// Makes the tracer of a lane.
    ///
    /// - Parameters:
    ///   - area: the lane's part of its worker's buffer; nil: there is none.
    ///   - lane: the lane's number in its worker.
    ///   - graph: the lane's nodes.
    ///   - frameLimit: the most frames that the lane has.
    init(area: TraceLane?, lane: Int, graph: GraphDescription, frameLimit: Int) {
        let never = UnsafeMutablePointer<UInt64>.allocate(capacity: 8)
        never.initialize(repeating: 0, count: 8)
        epoch = area?.control ?? never
        self.area = area
        self.lane = UInt32(truncatingIfNeeded: lane)
        roles = .allocate(capacity: WorkerSegment.maximumNodes)
        roles.initialize(repeating: 0, count: WorkerSegment.maximumNodes)
        for (index, entry) in graph.entries.enumerated() {
            roles[index] = UInt8(Self.role(of: entry).rawValue)
        }
        handoffNode = UInt16(graph.index(of: "handoff-input") ?? 0)
        called = .allocate(capacity: frameCapacity)
        before = .allocate(capacity: frameLimit)
        before.initialize(repeating: 0, count: frameLimit)
    }

    private static func role(of entry: GraphDescription.Entry) -> CaptureSet {
        if entry.name == "error-drop" { return [.drop, .dispatch] }
        if entry.isInput {
            return ["dpdk-input", "tap-input", "pg-input"].contains(entry.name) ? .rx : []
        }
        return entry.name.hasSuffix("-tx") ? [.tx, .dispatch] : .dispatch
    }

    /// Whether there is something to look for at input nodes.
    @inlinable @inline(__always)
    var isCalled: Bool { cw_load_relaxed64(epoch) != seen }

    /// Takes up what is wanted now.
    mutating func refresh() {
        guard let area else { return }
        let epoch = cw_load_acquire64(epoch)
        let clearEpoch = area.load(TraceBuffer.Word.clearEpoch)
        if area.load(TraceLane.Word.clearSeen) != clearEpoch { forget(area, clearEpoch) }
        let captureEpoch = area.load(TraceBuffer.Word.captureEpoch)
        if area.load(TraceLane.Word.captureSeen) != captureEpoch {
            area.store(.captured, 0)
            area.store(.capturedBytes, 0)
            area.store(.captureLost, 0)
            area.store(.captureSeen, captureEpoch)
        }
        captures = CaptureSet(rawValue: area.load(TraceBuffer.Word.captures))
        capturesCalls = captures.contains(.dispatch)
        if !captures.isEmpty { isBusy = true }
        if captures.isEmpty, !isWanted(area) { seen = epoch }
    }

    private mutating func forget(_ area: TraceLane, _ clearEpoch: UInt64) {
        area.store(.written, 0)
        area.store(.lostRecords, 0)
        area.store(.refusedPackets, 0)
        firstIndex = area.load(TraceLane.Word.nextIndex)
        area.store(.clearSeen, clearEpoch)
    }

    /// Whether an input node has packets to trace yet.
    private func isWanted(_ area: TraceLane) -> Bool {
        var node = 0
        while node < WorkerSegment.maximumNodes {
            if cw_load_relaxed64(area.limits + node) > area.counts[node] { return true }
            node &+= 1
        }
        return false
    }

    /// Whether a packet belongs to a trace that is still kept; one of another is traced no longer.
    @inline(__always)
    func keeps(_ mbuf: Mbuf) -> Bool {
        let flags = mbuf.flags
        guard flags & MbufFlags.traced != 0 else { return false }
        let index = mbuf.trace & TraceRecord.indexMask
        let first = UInt32(truncatingIfNeeded: firstIndex)
        let distance = (index &- first) & TraceRecord.indexMask
        if mbuf.trace >> 24 == lane, distance < TraceRecord.indexMask / 2 { return true }
        mbuf.flags = flags & ~MbufFlags.traced
        return false
    }
}

extension LaneTracer {
    /// Begins to trace packets that an input node has taken, as far as that is wanted.
    ///
    /// - Parameters:
    ///   - mbuf: the packet.
    ///   - node: the input node's graph index.
    ///   - next: that of the node that gets the packet.
    mutating func start(_ mbuf: Mbuf, node: UInt16, next: UInt16) {
        guard let area, mbuf.flags & MbufFlags.traced == 0 else { return }
        let count = area.counts + Int(node)
        guard count.pointee < cw_load_relaxed64(area.limits + Int(node)) else { return }
        count.pointee &+= 1
        var record = TraceRecord()
        record.kind = TraceRecord.Kind.start.rawValue
        begin(mbuf, &record, node: node, next: next, area)
    }

    /// Goes on with packets that another lane has traced so far.
    ///
    /// - Parameters:
    ///   - mbuf: a traced packet, with `trace` as the other lane left it; of another worker's also that
    ///     worker's life in `adjacency`.
    ///   - peer: the other lane's number among all lanes.
    ///   - kind: `fromLane` or `fromWorker`.
    mutating func adopt(_ mbuf: Mbuf, peer: UInt16, kind: TraceRecord.Kind) {
        var record = TraceRecord()
        record.kind = kind.rawValue
        record.peer = peer
        record.previous = mbuf.trace
        if kind == .fromWorker {
            record.previousIncarnation = mbuf.adjacency
            mbuf.adjacency = 0
        }
        guard let area else {
            mbuf.flags &= ~MbufFlags.traced
            return
        }
        begin(mbuf, &record, node: handoffNode, next: TraceRecord.ended, area)
    }

    /// Gives a packet a number and its trace the first record; without room it is not traced.
    private mutating func begin(
        _ mbuf: Mbuf,
        _ record: inout TraceRecord,
        node: UInt16,
        next: UInt16,
        _ area: TraceLane
    ) {
        let index = area.pointer(.nextIndex)
        let number = UInt32(truncatingIfNeeded: index.pointee) & TraceRecord.indexMask
        mbuf.trace = lane &<< 24 | number
        mbuf.flags |= MbufFlags.traced
        record.next = next
        guard put(mbuf, &record, node: node, .complete, area) >= 0 else {
            mbuf.flags &= ~MbufFlags.traced
            let refused = area.pointer(.refusedPackets)
            area.store(.refusedPackets, refused.pointee &+ 1)
            return
        }
        index.pointee &+= 1
        isBusy = true
    }

    /// Writes a record and publishes it.
    ///
    /// - Returns: its position; -1: there is no room.
    private func put(
        _ mbuf: Mbuf,
        _ record: inout TraceRecord,
        node: UInt16,
        _ state: TraceRecord.State,
        _ area: TraceLane
    ) -> Int {
        let written = area.pointer(.written).pointee
        let room = min(
            area.load(TraceBuffer.Word.records),
            UInt64(TraceBuffer.recordLimit)
        )
        guard written < room else { return -1 }
        let address = area.record(Int(truncatingIfNeeded: written))
        record.time = cw_timestamp()
        record.node = node
        Self.fill(&record, from: mbuf)
        Self.copyData(&record, mbuf, to: address)
        record.mark =
            UInt64(mbuf.trace & TraceRecord.indexMask) | state.rawValue &<< 32
        address.storeBytes(of: record, as: TraceRecord.self)
        area.store(.written, written &+ 1)
        return Int(truncatingIfNeeded: written)
    }

    @inline(__always)
    private static func fill(_ record: inout TraceRecord, from mbuf: Mbuf) {
        record.rxInterface = mbuf.rxInterface
        record.txInterface = mbuf.txInterface
        record.adjacency = mbuf.adjacency
        record.flowHash = mbuf.flowHash
        record.error = mbuf.error
        record.flags = mbuf.flags
        record.l3Offset = mbuf.l3Offset
    }

    @inline(__always)
    private static func copyData(
        _ record: inout TraceRecord,
        _ mbuf: Mbuf,
        to address: UnsafeMutableRawPointer
    ) {
        let count = min(mbuf.length, TraceRecord.dataBytes)
        record.length = UInt16(truncatingIfNeeded: mbuf.length)
        record.headroom = UInt16(truncatingIfNeeded: mbuf.headroom)
        record.dataCount = UInt16(truncatingIfNeeded: count)
        (address + TraceRecord.headerBytes).copyMemory(from: mbuf.data, byteCount: count)
    }

    /// Writes a record for each traced packet of a frame, before the frame's node is called.
    mutating func callBegins(_ mbufs: UnsafePointer<Mbuf>, count: Int, node: UInt16) {
        calledCount = 0
        guard let area else { return }
        var place = 0
        while place < count {
            let mbuf = mbufs[place]
            if keeps(mbuf) {
                var record = TraceRecord()
                let position = put(mbuf, &record, node: node, .called, area)
                if position >= 0 {
                    (called + calledCount).initialize(
                        to: CalledPacket(
                            mbuf: mbuf,
                            place: Int32(truncatingIfNeeded: place),
                            position: Int32(truncatingIfNeeded: position),
                            headroom: Int32(truncatingIfNeeded: mbuf.headroom)
                        )
                    )
                    calledCount &+= 1
                } else {
                    let lost = area.pointer(.lostRecords).pointee
                    area.store(.lostRecords, lost &+ 1)
                }
            }
            place &+= 1
        }
    }

    /// Completes the records of `callBegins`.
    ///
    /// - Parameters:
    ///   - nexts: the frame's exits.
    ///   - slot: the node that was called.
    ///   - dropNode: the graph index of `error-drop`.
    mutating func callEnds(_ nexts: UnsafePointer<UInt16>, slot: NodeSlot, dropNode: UInt16) {
        guard let area else { return }
        var index = 0
        while index < calledCount {
            let packet = called[index]
            let exit = slot.exitCount == 0 ? UInt16.max : nexts[Int(packet.place)]
            let address = area.record(Int(packet.position))
            var record = address.load(as: TraceRecord.self)
            if exit != .max {
                // The packet is in the next node's frame: nobody else has it.
                let mbuf = packet.mbuf
                record.next = exit < slot.exitCount ? slot.wiring[Int(exit)] : dropNode
                Self.fill(&record, from: mbuf)
                if mbuf.headroom < Int(packet.headroom) {
                    Self.copyData(&record, mbuf, to: address)
                }
            }
            let state = TraceRecord.State.complete.rawValue
            let mark = record.mark & 0xFFFF_FFFF | state &<< 32
            address.storeBytes(of: record, as: TraceRecord.self)
            cw_store_release64((address + 8).assumingMemoryBound(to: UInt64.self), mark)
            index &+= 1
        }
        calledCount = 0
    }
}
