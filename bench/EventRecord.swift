import CBench
import Coordination
import LinuxSystem
import PacketGraph

#if canImport(Glibc)
    import Glibc
#endif

/// What an event costs the lane that records it, the reading of the clock left out.
final class EventRecord: Subject {
    let unit = "clocks/record"
    let parts: [String] = []
    var checksum: UInt64 { UInt64(log.read().events.count) &+ position.pointee }

    private let log: EventLog
    private let writer: EventWriter
    private var reference: CBench_records
    private let control: UnsafeMutablePointer<UInt64>
    private let position: UnsafeMutablePointer<UInt64>
    private let records: UnsafeMutablePointer<UInt64>
    private static let recordsInBatch = 4096

    /// Makes two logs of the default size.
    ///
    /// - Throws: what shared memory refuses.
    init() throws {
        let path = "/dev/shm/causeway-bench-\(getpid()).events"
        log = try EventLog.create(
            path: path,
            node: 0,
            incarnation: 1,
            writers: 1,
            traces: [.running, .dispatch]
        )
        SmallFile.remove(path)
        log.populate()
        writer = log.writer(0)
        let capacity = EventLog.defaultEvents
        control = .allocate(capacity: 8)
        control.initialize(repeating: 0, count: 8)
        control[0] = log.traces.rawValue
        control[1] = UInt64(capacity - 1)
        position = .allocate(capacity: 8)
        position.initialize(repeating: 0, count: 8)
        records = UnsafeMutableRawPointer.allocate(byteCount: capacity * 32, alignment: 4096)
            .bindMemory(to: UInt64.self, capacity: capacity * 4)
        records.initialize(repeating: 0, count: capacity * 4)
        reference = CBench_records(
            control: control,
            position: position,
            records: records,
            limit: UInt64(capacity - 1),
            wanted: log.traces.rawValue
        )
    }

    deinit {
        control.deallocate()
        position.deallocate()
        records.deallocate()
    }

    func run(batches: Int, into values: UnsafeMutablePointer<Double>) {
        for batch in 0..<batches {
            let switches = contextSwitches()
            let start = timestamp()
            var number: UInt64 = 0
            while number < UInt64(Self.recordsInBatch) {
                writer.record(.dispatch, at: start &+ number, small: 7, middle: 256, value: number)
                number &+= 1
            }
            let clocks = Double(timestamp() &- start)
            values[batch] =
                contextSwitches() == switches ? clocks / Double(Self.recordsInBatch) : .nan
        }
    }

    func runReference(batches: Int, into values: UnsafeMutablePointer<Double>) {
        for batch in 0..<batches {
            let switches = contextSwitches()
            let start = timestamp()
            CBench_records_write(
                &reference,
                start,
                256 << 32 | 7 << 16 | 5,
                UInt32(Self.recordsInBatch)
            )
            let clocks = Double(timestamp() &- start)
            values[batch] =
                contextSwitches() == switches ? clocks / Double(Self.recordsInBatch) : .nan
        }
    }
}
