public import CLinux

/// The writing end of one ring of an event log: used by one thread at a time.
///
/// Nobody is ever waited for: the oldest record is written over. A record is 32 bytes: a sequence
/// word, the time-stamp counter, kind and two small fields, and a value. Who writes what, in which
/// order:
/// - the sequence word becomes `UInt64.max` (torn), then the other words are stored, then the
///   sequence word becomes the record's position plus one (release), then the ring's position is
///   moved on (release);
/// - a reader takes the position (acquire), then each record whose sequence word is right before
///   and after its words were read.
///
/// So a record that is being written, or that its writer did not live to finish, is recognised.
/// The control words belong to the supervisor; whatever they say, a store stays within the ring,
/// because the mask is cut to what the ring was made for.
@frozen
public struct EventWriter: @unchecked Sendable {
    /// Two words of the log: `EventTraces`, and the records in use of every ring less one.
    @usableFromInline let control: UnsafeMutablePointer<UInt64>
    /// The ring's header: its first word is the number of records written so far.
    @usableFromInline let header: UnsafeMutablePointer<UInt64>
    @usableFromInline let records: UnsafeMutablePointer<UInt64>
    /// Records that the ring has room for, less one.
    @usableFromInline let limit: UInt64

    init(
        control: UnsafeMutablePointer<UInt64>,
        header: UnsafeMutablePointer<UInt64>,
        records: UnsafeMutablePointer<UInt64>,
        limit: UInt64
    ) {
        self.control = control
        self.header = header
        self.records = records
        self.limit = limit
    }

    /// Bytes of a record.
    public static let recordBytes = 32

    /// A writer to a log that never runs, for graphs in tests and benchmarks.
    public static let none: EventWriter = {
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 16)
        words.initialize(repeating: 0, count: 16)
        return EventWriter(control: words, header: words + 4, records: words + 8, limit: 0)
    }()

    /// Whether the log runs and wants these events.
    @inlinable @inline(__always)
    public func traces(_ wanted: EventTraces) -> Bool {
        let needed = wanted.rawValue | EventTraces.running.rawValue
        return CLinux_load_relaxed64(control) & needed == needed
    }

    /// Writes an event, if the log wants it.
    ///
    /// - Parameters:
    ///   - kind: what happened.
    ///   - time: the time-stamp counter then; of a span, at its beginning.
    ///   - small: as the kind says.
    ///   - middle: as the kind says.
    ///   - value: as the kind says.
    @inlinable @inline(__always)
    public func record(
        _ kind: EventKind,
        at time: UInt64,
        small: UInt16 = 0,
        middle: UInt32 = 0,
        value: UInt64 = 0
    ) {
        guard traces(kind.trace) else { return }
        write(
            time: time,
            UInt64(kind.rawValue) | UInt64(small) << 16 | UInt64(middle) << 32,
            value
        )
    }

    /// Writes a record of the ring, whatever the control words say.
    @inlinable @inline(__always)
    func write(time: UInt64, _ fields: UInt64, _ value: UInt64) {
        let position = header.pointee
        let slot = position & CLinux_load_relaxed64(control + 1) & limit
        let record = records + Int(truncatingIfNeeded: slot &* 4)
        CLinux_store_relaxed64(record, .max)
        CLinux_store_fence()
        CLinux_store_relaxed64(record + 1, time)
        CLinux_store_relaxed64(record + 2, fields)
        CLinux_store_relaxed64(record + 3, value)
        CLinux_store_release64(record, position &+ 1)
        CLinux_store_release64(header, position &+ 1)
    }

    /// Says which thread writes here; it is the thread's number in a trace file.
    public func setThread(_ id: Int) { CLinux_store_release64(header + 1, UInt64(id)) }
}
