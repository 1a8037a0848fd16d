internal import CLinux

extension EventLog {
    /// Reads what is there, while its process goes on writing or after its death.
    public func read() -> EventReading {
        let texts = texts()
        var events: [Event] = []
        var torn = 0
        var threads: [Int] = []
        for index in 0..<writerCount {
            read(ring: index, into: &events, torn: &torn)
            threads.append(Int(clamping: CLinux_load_acquire64(ring(index) + 1)))
        }
        events.sort { ($0.tsc, $0.writer) < ($1.tsc, $1.writer) }
        return EventReading(
            source: EventReading.Source(
                node: node,
                incarnation: incarnation,
                pid: pid,
                threads: threads
            ),
            events: events,
            tornCount: torn,
            capacity: capacity,
            traces: traces,
            texts: texts,
            nodeNames: nodeNames(among: texts)
        )
    }

    private func read(ring index: Int, into events: inout [Event], torn: inout Int) {
        let header = ring(index)
        let records = records(index)
        let count = UInt64(ringRecords)
        let end = CLinux_load_acquire64(header)
        let shown = CLinux_load_acquire64(header + Self.firstShown)
        let oldest = end > count ? end - count : 0
        let first = min(max(oldest, shown), end)
        events.reserveCapacity(events.count + Int(end - first))
        for position in first..<end {
            let record = records + Int(position & (count - 1)) * 4
            if let event = Self.read(record, position: position, writer: index) {
                events.append(event)
            } else {
                torn += 1
            }
        }
        // The writer may have died between its marks: that record has no position yet.
        let next = records + Int(end & (count - 1)) * 4
        if CLinux_load_acquire64(next) == .max { torn += 1 }
    }

    /// A record; nil: it is being written, or another one stands there.
    private static func read(
        _ record: UnsafeMutablePointer<UInt64>,
        position: UInt64,
        writer: Int
    ) -> Event? {
        guard CLinux_load_acquire64(record) == position &+ 1 else { return nil }
        let tsc = CLinux_load_relaxed64(record + 1)
        let fields = CLinux_load_relaxed64(record + 2)
        let value = CLinux_load_relaxed64(record + 3)
        // The words above are read before the mark is looked at again.
        CLinux_full_fence()
        guard CLinux_load_relaxed64(record) == position &+ 1 else { return nil }
        return Event(
            tsc: tsc,
            rawKind: UInt16(truncatingIfNeeded: fields),
            small: UInt16(truncatingIfNeeded: fields >> 16),
            middle: UInt32(truncatingIfNeeded: fields >> 32),
            value: value,
            writer: writer
        )
    }

    /// How many events a reader would find now.
    public var count: Int {
        (0..<writerCount).reduce(0) { sum, index in
            let header = ring(index)
            let end = CLinux_load_acquire64(header)
            let shown = CLinux_load_acquire64(header + Self.firstShown)
            let held = min(end, UInt64(ringRecords))
            return sum + Int(min(held, end > shown ? end - shown : 0))
        }
    }
}
