/// Event logs as a file in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open.
///
/// Each process is a process there and each ring a thread, with names as metadata events; spans are
/// complete events (`X`), others instants (`i`). Times are microseconds from the clock's base.
public struct TraceFile {
    /// How every file begins.
    public static let beginning =
        "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"program\":\"causeway\","

    private let merged: MergedEvents
    private let clock: EventClock
    private var bytes: [UInt8] = []

    /// Makes a file of what logs held.
    ///
    /// - Parameters:
    ///   - readings: the logs.
    ///   - clock: what time-stamp counters mean.
    public init(_ readings: [EventReading], clock: EventClock) {
        merged = MergedEvents(readings)
        self.clock = clock
    }

    /// The file's text in UTF-8.
    public mutating func encoded() -> [UInt8] {
        bytes.removeAll()
        bytes.reserveCapacity(4096 + merged.order.count * 128)
        put(Self.beginning)
        put("\"tscHertz\":\(Int64(clock.hertz)),")
        put("\"baseUnixNanoseconds\":\"\(clock.unixNanoseconds)\"},\n\"traceEvents\":[")
        var isFirst = true
        for (index, reading) in merged.readings.enumerated() {
            name(reading, index, isFirst: &isFirst)
        }
        for place in merged.order {
            let (reading, event) = merged[place]
            put(isFirst ? "\n" : ",\n")
            isFirst = false
            put(event, of: reading, place.reading)
        }
        put("\n]}\n")
        return bytes
    }

    /// Names a log's process and threads.
    private mutating func name(_ reading: EventReading, _ index: Int, isFirst: inout Bool) {
        let process = Self.process(reading.source, index)
        for (metadata, thread, key, value) in [
            ("process_name", 0, "name", Self.name(of: reading.source)),
            ("process_sort_index", 0, "sort_index", ""),
        ] {
            put(isFirst ? "\n" : ",\n")
            isFirst = false
            put("{\"ph\":\"M\",\"name\":\"\(metadata)\",\"pid\":\(process),\"tid\":\(thread),")
            put("\"args\":{\"\(key)\":")
            if value.isEmpty { put("\(index)") } else { quote(value) }
            put("}}")
        }
        for writer in reading.source.threads.indices {
            put(",\n{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":\(process),")
            put("\"tid\":\(Self.thread(writer, of: reading.source, index)),\"args\":{\"name\":")
            quote(Self.name(ofWriter: writer, reading.source))
            put("}}")
        }
    }

    private mutating func put(_ event: Event, of reading: EventReading, _ index: Int) {
        let words = EventDescription(event, in: reading)
        let isSpan = event.kind?.isSpan ?? false
        put("{\"ph\":\"\(isSpan ? "X" : "i")\",\"name\":")
        quote(words.name)
        put(",\"cat\":\"\(event.kind?.category ?? "unknown")\",\"pid\":")
        put("\(Self.process(reading.source, index)),\"tid\":")
        put("\(Self.thread(event.writer, of: reading.source, index)),\"ts\":")
        put(microseconds: clock.nanoseconds(at: event.tsc))
        if isSpan {
            put(",\"dur\":")
            put(microseconds: clock.nanoseconds(ticks: event.value))
        } else {
            put(",\"s\":\"t\"")
        }
        put(",\"args\":{")
        for (position, argument) in words.arguments.enumerated() {
            if position > 0 { put(",") }
            quote(argument.key)
            put(":")
            switch argument.value {
            case .number(let number): put("\(number)")
            case .text(let text): quote(text)
            }
        }
        put("}}")
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func put(microseconds nanoseconds: Int64) {
        if nanoseconds < 0 { put("-") }
        let size = nanoseconds.magnitude
        put("\(size / 1000).")
        let rest = size % 1000
        put(rest < 10 ? "00" : rest < 100 ? "0" : "")
        put("\(rest)")
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                put("\\u00")
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension TraceFile {
    /// The number of a process in the file: its own, or one beyond all that the kernel gives.
    private static func process(_ source: EventReading.Source, _ index: Int) -> Int {
        source.pid > 0 ? source.pid : firstMadeUp + index
    }

    /// The number of a thread in the file: its own, or one beyond all that the kernel gives.
    private static func thread(_ writer: Int, of source: EventReading.Source, _ index: Int) -> Int {
        let thread = source.threads.indices.contains(writer) ? source.threads[writer] : 0
        return thread > 0 ? thread : firstMadeUp + (index + 1) * EventLog.maximumWriters + writer
    }

    /// PID_MAX_LIMIT of 64-bit Linux.
    private static let firstMadeUp = 1 << 22

    /// What a log's process is called.
    public static func name(of source: EventReading.Source) -> String {
        source.node == EventLog.supervisorNode
            ? "supervisor" : "node \(source.node) worker \(source.incarnation)"
    }

    /// What a ring's thread is called.
    public static func name(ofWriter writer: Int, _ source: EventReading.Source) -> String {
        if source.node == EventLog.supervisorNode { return "commands" }
        return writer == 0
            ? "cw-n\(source.node)-control" : "cw-n\(source.node)-l\(writer - 1)"
    }
}
