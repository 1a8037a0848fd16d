internal import CLinux
internal import LinuxSystem
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

extension TraceBuffer {
    /// Where the buffer of a life lies whose segment is in `segment`.
    public static func path(besideSegment segment: String) -> String { segment + ".trace" }

    /// Makes the buffer of a worker's new life.
    ///
    /// - Parameters:
    ///   - path: the file; one that is there is replaced.
    ///   - node: the NUMA node's number in the placement.
    ///   - incarnation: counts the worker's lives, from 1.
    ///   - lanes: its lanes, from 1.
    ///   - hardwareNode: the operating system's NUMA node of its memory; nil: any.
    /// - Returns: the buffer, empty, with memory for its headers.
    /// - Throws: the `Errno` of the file; no file is left then.
    public static func create(
        path: String,
        node: Int,
        incarnation: UInt32,
        lanes: Int,
        hardwareNode: Int? = nil
    ) throws(Errno) -> TraceBuffer {
        precondition((1...HandoffLayout.maximumDestinationLanes).contains(lanes), "lanes")
        let mapping = try SharedMapping.create(path: path, byteCount: byteCount(lanes: lanes))
        let buffer = TraceBuffer(mapping: mapping, laneCount: lanes)
        do throws(Errno) {
            if let hardwareNode {
                try systemCall {
                    CLinux_mbind(mapping.base, mapping.byteCount, Int32(hardwareNode))
                }
            }
            let headers = (0..<lanes).map { buffer.range(of: $0, 0, TraceLane.recordsOffset) }
            try reserve(path, [0..<headerBytes] + headers)
        } catch {
            SmallFile.remove(path)
            throw error
        }
        buffer.store(.node, UInt64(bitPattern: Int64(node)))
        buffer.store(.incarnation, UInt64(incarnation))
        buffer.store(.laneCount, UInt64(lanes))
        buffer.store(.magic, magic)
        return buffer
    }

    /// Maps an existing buffer.
    ///
    /// - Parameters:
    ///   - path: the file that `create` made.
    ///   - writable: false for readers, to whom a store is a SIGSEGV.
    /// - Returns: the buffer as it stands; its worker may be writing it, or be dead.
    /// - Throws: `EPROTO` for a file of another layout, else the `Errno` of the file.
    public static func open(path: String, writable: Bool) throws(Errno) -> TraceBuffer {
        let mapping = try SharedMapping.open(path: path, writable: writable)
        guard mapping.byteCount >= headerBytes else { throw .protocolError }
        let header = TraceBuffer(mapping: mapping, laneCount: 0)
        let lanes = Int(clamping: header.load(.laneCount))
        guard header.load(.magic) == magic,
            (1...HandoffLayout.maximumDestinationLanes).contains(lanes),
            mapping.byteCount >= byteCount(lanes: lanes)
        else { throw .protocolError }
        return TraceBuffer(mapping: mapping, laneCount: lanes)
    }

    /// Takes the memory of traces, of captured packets, or of both.
    ///
    /// - Parameters:
    ///   - path: the buffer's file.
    ///   - records: whether traces are to have room.
    ///   - captureBytes: room for captured packets of each lane, at most `captureLimit`.
    /// - Throws: the `Errno` of the memory; the lanes write nothing there then.
    public func reserve(
        path: String,
        records: Bool,
        captureBytes: Int = 0
    ) throws(Errno) {
        let recordBytes = Self.recordLimit * TraceRecord.strideBytes
        let captureStart = TraceLane.recordsOffset + recordBytes
        let capture = min(captureBytes, Self.captureLimit)
        var ranges: [Range<Int>] = []
        for lane in 0..<laneCount {
            if records, load(.records) == 0 {
                ranges.append(range(of: lane, TraceLane.recordsOffset, recordBytes))
            }
            if capture > load(.captureBytes) {
                ranges.append(range(of: lane, captureStart, capture))
            }
        }
        try Self.reserve(path, ranges)
        if records { store(.records, UInt64(Self.recordLimit)) }
        if capture > load(.captureBytes) { store(.captureBytes, UInt64(capture)) }
    }

    private func range(of lane: Int, _ offset: Int, _ bytes: Int) -> Range<Int> {
        let start = Self.headerBytes + lane * Self.laneBytes + offset
        return start..<start + bytes
    }

    /// Takes memory now: what is missing is an error here, and a SIGBUS of a lane later.
    private static func reserve(_ path: String, _ ranges: [Range<Int>]) throws(Errno) {
        let descriptor = try systemCall { Glibc.open(path, O_RDWR | O_CLOEXEC) }
        defer { close(descriptor) }
        for range in ranges {
            let code = posix_fallocate(descriptor, range.lowerBound, range.count)
            guard code == 0 else { throw Errno(rawValue: code) }
        }
    }
}

extension TraceBuffer {
    /// Has every lane trace further packets of an input node.
    ///
    /// - Parameters:
    ///   - packets: how many more of each lane; 0: no further ones.
    ///   - node: the input node's graph index.
    /// - Precondition: `reserve` has been called for records.
    public func add(packets: Int, of node: Int) {
        guard (0..<WorkerSegment.maximumNodes).contains(node) else { return }
        for index in 0..<laneCount {
            let lane = lane(index)
            let done = CLinux_load_acquire64(lane.counts + node)
            let limit = CLinux_load_acquire64(lane.limits + node)
            let left = limit > done ? limit - done : 0
            let wanted = packets == 0 ? 0 : left &+ UInt64(clamping: packets)
            CLinux_store_release64(lane.limits + node, done &+ wanted)
        }
        announce()
    }

    /// Has no lane trace further packets.
    public func stop() {
        for node in 0..<WorkerSegment.maximumNodes { withdraw(node) }
        announce()
    }

    private func withdraw(_ node: Int) {
        for index in 0..<laneCount {
            let lane = lane(index)
            CLinux_store_release64(lane.limits + node, CLinux_load_acquire64(lane.counts + node))
        }
    }

    /// Forgets what has been traced, and traces no further packets.
    public func clear() {
        store(.clearEpoch, load(.clearEpoch) + 1)
        stop()
    }

    /// Tells the lanes that something has changed.
    func announce() { store(.epoch, load(.epoch) + 1) }
}

extension TraceBuffer {
    /// Has every lane capture packets, from none on.
    ///
    /// - Parameters:
    ///   - captures: which.
    ///   - interface: only packets of this `sw_if_index`; 0: of all interfaces.
    ///   - packets: the most of each lane.
    /// - Precondition: `reserve` has been called for them.
    public func startCapture(_ captures: CaptureSet, interface: Int, packets: Int) {
        store(.captureInterface, UInt64(interface))
        store(.capturePackets, UInt64(packets))
        store(.captureEpoch, load(.captureEpoch) + 1)
        store(.captures, captures.rawValue)
        announce()
    }

    /// Has no lane capture packets any more; those that are there stay until the next capture.
    public func stopCapture() {
        store(.captures, 0)
        announce()
    }
}
