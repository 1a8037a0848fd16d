internal import CLinux
internal import LinuxSystem
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

extension EventLog {
    /// Makes the log of a process's new life.
    ///
    /// - Parameters:
    ///   - path: the file; one that is there is replaced.
    ///   - node: the NUMA node's number in the placement, or `supervisorNode`.
    ///   - incarnation: counts the process's lives, from 1.
    ///   - writers: its rings, 1...`maximumWriters`.
    ///   - events: records of all rings together at least; each gets a power of two.
    ///   - traces: what it takes.
    ///   - hardwareNode: the operating system's NUMA node of its memory; nil: any.
    /// - Returns: the log, empty.
    /// - Throws: the `Errno` of the file; `ENOSPC` if the memory is not there. No file is left
    ///   then.
    public static func create(
        path: String,
        node: Int,
        incarnation: UInt32,
        writers: Int,
        events: Int = defaultEvents,
        traces: EventTraces = .standard,
        hardwareNode: Int? = nil
    ) throws(Errno) -> EventLog {
        precondition((1...maximumWriters).contains(writers), "writers of an event log")
        let limit = ringRecords(events: maximumEvents, writers: writers)
        let records = ringRecords(events: events, writers: writers)
        let mapping = try SharedMapping.create(
            path: path,
            byteCount: byteCount(writers: writers, ringLimit: limit)
        )
        let log = EventLog(mapping: mapping, writerCount: writers, ringLimit: limit)
        do throws(Errno) {
            if let hardwareNode {
                try systemCall {
                    CLinux_mbind(mapping.base, mapping.byteCount, Int32(hardwareNode))
                }
            }
            try log.reserve(path: path, records: records)
        } catch {
            SmallFile.remove(path)
            throw error
        }
        log.store(.node, UInt64(bitPattern: Int64(node)))
        log.store(.incarnation, UInt64(incarnation))
        log.store(.writerCount, UInt64(writers))
        log.store(.ringLimit, UInt64(limit))
        log.store(.traces, traces.rawValue)
        log.store(.mask, UInt64(records - 1))
        let now = EventClock.Instant.now
        log.store(.baseTSC, now.tsc)
        log.store(.baseNanoseconds, now.nanoseconds)
        log.store(.baseUnixNanoseconds, EventClock.unixNanoseconds)
        log.store(.magic, magic)
        return log
    }

    /// Maps an existing log.
    ///
    /// - Parameters:
    ///   - path: the file that `create` made.
    ///   - writable: false for readers, to whom a store is a SIGSEGV.
    /// - Returns: the log as it stands; its process may be writing it, or be dead.
    /// - Throws: `EPROTO` for a file of another layout, else the `Errno` of the file.
    public static func open(path: String, writable: Bool) throws(Errno) -> EventLog {
        let mapping = try SharedMapping.open(path: path, writable: writable)
        guard mapping.byteCount >= ringsOffset else { throw .protocolError }
        let header = EventLog(mapping: mapping, writerCount: 0, ringLimit: 0)
        let writers = Int(clamping: header.load(.writerCount))
        let limit = Int(clamping: header.load(.ringLimit))
        guard header.load(.magic) == magic, (1...maximumWriters).contains(writers),
            (1...maximumEvents).contains(limit), limit & (limit - 1) == 0,
            mapping.byteCount >= byteCount(writers: writers, ringLimit: limit)
        else { throw .protocolError }
        return EventLog(mapping: mapping, writerCount: writers, ringLimit: limit)
    }

    /// Takes the memory now: what is missing is an error here, and a SIGBUS of the writer later.
    private func reserve(path: String, records: Int) throws(Errno) {
        let descriptor = try systemCall { Glibc.open(path, O_RDWR | O_CLOEXEC) }
        defer { close(descriptor) }
        var ranges = [(offset: 0, bytes: Self.ringsOffset)]
        for index in 0..<writerCount {
            let start = UnsafeRawPointer(ring(index)) - UnsafeRawPointer(mapping.base)
            ranges.append((start, Self.ringHeaderBytes + records * EventWriter.recordBytes))
        }
        for range in ranges {
            let code = posix_fallocate(descriptor, range.offset, range.bytes)
            guard code == 0 else { throw Errno(rawValue: code) }
        }
    }

    /// Takes another number of events; those in the log are forgotten.
    ///
    /// - Parameters:
    ///   - events: records of all rings together at least, `minimumEvents`...`maximumEvents`.
    ///   - path: the log's file.
    /// - Returns: the records that it has now.
    /// - Throws: `EINVAL` for a number beyond the limits; the `Errno` of the memory; nothing is
    ///   changed then.
    @discardableResult
    public func resize(events: Int, path: String) throws(Errno) -> Int {
        guard (Self.minimumEvents...Self.maximumEvents).contains(events) else {
            throw .invalidArgument
        }
        let before = capacity / writerCount
        let records = Self.ringRecords(events: events, writers: writerCount)
        if records > before { try reserve(path: path, records: records) }
        store(.mask, UInt64(records - 1))
        clear()
        if records < before { release(from: records, to: before) }
        return capacity
    }

    /// Gives memory back; what a writer still stores there makes new pages.
    private func release(from records: Int, to before: Int) {
        for index in 0..<writerCount {
            let bytes = records * EventWriter.recordBytes
            let start = (bytes + 4095) / 4096 * 4096
            let end = before * EventWriter.recordBytes
            // MADV_REMOVE
            if end > start {
                madvise(UnsafeMutableRawPointer(self.records(index)) + start, end - start, 9)
            }
        }
    }

    /// Maps the memory in use into the calling process, so that no writer waits for the kernel.
    public func populate() {
        for index in 0..<writerCount {
            let bytes = Self.ringHeaderBytes + capacity / writerCount * EventWriter.recordBytes
            // MADV_POPULATE_WRITE; a kernel before 5.14 lets the first round of the ring pay.
            madvise(UnsafeMutableRawPointer(ring(index)), bytes, 23)
        }
    }
}

extension EventLog {
    /// What the log takes.
    public var traces: EventTraces { EventTraces(rawValue: load(.traces)) }

    /// Sets what the log takes.
    public func setTraces(_ traces: EventTraces) { store(.traces, traces.rawValue) }

    /// Records in use of all rings together.
    public var capacity: Int { ringRecords * writerCount }

    /// Records in use of each ring.
    var ringRecords: Int {
        let records = Int(clamping: load(.mask)) &+ 1
        return (1...ringLimit).contains(records) && records & (records - 1) == 0
            ? records : ringLimit
    }

    /// Forgets what has been recorded so far; stops nobody.
    public func clear() {
        for index in 0..<writerCount {
            let ring = ring(index)
            CLinux_store_release64(ring + Self.firstShown, CLinux_load_acquire64(ring))
        }
    }
}
