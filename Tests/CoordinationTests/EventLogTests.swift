import Coordination
import Glibc
import LinuxSystem
import SystemPackage
import Testing

@Suite struct EventLogTests {
    private let file = TemporaryFile()

    private func makeLog(
        writers: Int = 1,
        events: Int = EventLog.minimumEvents,
        traces: EventTraces = .standard
    ) throws -> EventLog {
        try EventLog.create(
            path: file.path,
            node: 0,
            incarnation: 3,
            writers: writers,
            events: events,
            traces: traces
        )
    }

    @Test func keepsEveryFieldOfAnEvent() throws {
        let log = try makeLog()
        log.writer(0).record(
            .journal,
            at: 0x1234_5678_9ABC_DEF0,
            small: 0xFFFF,
            middle: 0xFEDC_BA98,
            value: .max
        )
        let event = try #require(log.read().events.first)
        #expect(event.tsc == 0x1234_5678_9ABC_DEF0)
        #expect(event.kind == .journal)
        #expect(event.small == 0xFFFF)
        #expect(event.middle == 0xFEDC_BA98)
        #expect(event.value == .max)
        #expect(log.count == 1)
    }

    @Test(arguments: [1, 2, 3, 5, 9, 65]) func holdsAsManyEventsAsAsked(writers: Int) throws {
        for events in [EventLog.minimumEvents, EventLog.defaultEvents] {
            let log = try makeLog(writers: writers, events: events)
            #expect(log.capacity >= events)
            let perRing = log.capacity / writers
            #expect(perRing & (perRing - 1) == 0)
            #expect(perRing / 2 * writers < max(events, 2 * writers))
        }
    }

    @Test func keepsTheNewestWhenItIsFull() throws {
        let log = try makeLog()
        let writer = log.writer(0)
        let total = log.capacity * 2 + 17
        for number in 0..<total {
            writer.record(.journal, at: UInt64(number), value: UInt64(number))
        }
        let reading = log.read()
        #expect(reading.events.count == log.capacity)
        #expect(reading.tornCount == 0)
        #expect(reading.events.map(\.value) == (total - log.capacity..<total).map(UInt64.init))
    }

    @Test func aRecordThatIsBeingWrittenIsRecognised() throws {
        let log = try makeLog()
        for number in 0..<10 { log.writer(0).record(.journal, at: UInt64(number)) }
        // The ring lies behind a header of 4096 bytes; records are four words each.
        let records = (log.mapping.base + 65_536 + 4096).assumingMemoryBound(to: UInt64.self)
        records[4 * 4] = .max
        records[7 * 4] = 99
        let reading = log.read()
        #expect(reading.tornCount == 2)
        #expect(reading.events.map(\.tsc) == [0, 1, 2, 3, 5, 6, 8, 9])
    }

    @Test func aWriterThatDiedBetweenItsMarksLeavesATornRecord() throws {
        let log = try makeLog()
        log.writer(0).record(.journal, at: 1)
        let records = (log.mapping.base + 65_536 + 4096).assumingMemoryBound(to: UInt64.self)
        records[4] = .max
        let reading = log.read()
        #expect(reading.events.count == 1)
        #expect(reading.tornCount == 1)
    }

    @Test func readersNeverSeeAMixtureOfTwoEvents() throws {
        let log = try makeLog()
        let stop = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        stop.initialize(to: 0)
        defer { stop.deallocate() }
        let writing = WritingThread(writer: log.writer(0), stop: stop)
        var seen = 0
        while seen < 20_000 || log.count < log.capacity {
            for event in log.read().events {
                seen += 1
                #expect(event.value == ~event.tsc)
                #expect(event.middle == UInt32(truncatingIfNeeded: event.tsc))
            }
        }
        writing.end()
    }

    @Test func takesOnlyWhatItWasToldTo() throws {
        let log = try makeLog()
        let writer = log.writer(0)
        func count(_ kind: EventKind) -> Int {
            let before = log.count
            writer.record(kind, at: 1)
            return log.count - before
        }
        #expect(count(.command) == 1)
        #expect(count(.dispatch) == 0)
        log.setTraces([.running, .dispatch])
        #expect(count(.dispatch) == 1)
        #expect(count(.command) == 0)
        #expect(count(.laneStarted) == 1)
        log.setTraces(.dispatch)
        for kind in EventKind.allCases { #expect(count(kind) == 0) }
        for kind in EventKind.allCases {
            log.setTraces(kind.trace.union(.running))
            #expect(count(kind) == 1)
        }
    }

    @Test func clearingForgetsAndGoesOn() throws {
        let log = try makeLog(writers: 2)
        log.writer(0).record(.journal, at: 1)
        log.writer(1).record(.journal, at: 2)
        log.clear()
        #expect(log.count == 0)
        #expect(log.read().events.isEmpty)
        log.writer(1).record(.journal, at: 3)
        #expect(log.read().events.map(\.tsc) == [3])
    }

    @Test func aLogOfAnotherSizeStartsEmptyAndHoldsThatMany() throws {
        let log = try makeLog(writers: 2)
        let writer = log.writer(1)
        for number in 0..<100 { writer.record(.journal, at: UInt64(number)) }
        for events in [8192, 1024, 4096] {
            try log.resize(events: events, path: file.path)
            #expect(log.read().events.isEmpty)
            #expect(log.capacity >= events)
            let total = log.capacity
            for number in 0..<total { writer.record(.journal, at: UInt64(number)) }
            let reading = log.read()
            #expect(reading.events.count == log.capacity / 2)
            #expect(reading.tornCount == 0)
        }
        for events in [0, EventLog.minimumEvents - 1, EventLog.maximumEvents + 1] {
            #expect(throws: Errno.invalidArgument) {
                try log.resize(events: events, path: file.path)
            }
        }
    }

    @Test func isReadByAnotherProcessesMappingAfterItsDeath() throws {
        let path = file.path
        do {
            let log = try makeLog()
            log.setProcess(4711)
            log.writer(0).setThread(4712)
            log.writer(0).record(.workerState, at: 5, small: 3)
        }
        let reading = try EventLog.open(path: path, writable: false).read()
        #expect(reading.source == .init(node: 0, incarnation: 3, pid: 4711, threads: [4712]))
        #expect(reading.events.map(\.kind) == [.workerState])
    }

    @Test func textsAreFoundByNumberAndTheirRoomIsBounded() throws {
        let log = try makeLog()
        log.addNodeNames(["ip4-input", "ip4-lookup"])
        let number = log.addText("show interface")
        let reading = log.read()
        #expect(reading.nodeName(1) == "ip4-lookup")
        #expect(reading.nodeName(2) == "node-2")
        #expect(reading.text(number) == "show interface")
        #expect(reading.text(9999) == "")
        let long = String(repeating: "x", count: 1000)
        var refused = 0
        for _ in 0..<2000 where log.addText(long) == 0 { refused += 1 }
        #expect(refused > 1000)
        #expect(log.read().texts.allSatisfy { $0.utf8.count <= EventLog.longestText })
        log.writer(0).record(.journal, at: 1)
        #expect(log.count == 1)
    }

    @Test func refusesFilesOfAnotherForm() throws {
        let log = try makeLog()
        let words = log.mapping.base.assumingMemoryBound(to: UInt64.self)
        for (word, value) in [(0, UInt64(1)), (3, 0), (3, 66), (4, 3), (4, 1 << 40)] {
            let right = words[word]
            words[word] = value
            #expect(throws: Errno.protocolError) {
                try EventLog.open(path: file.path, writable: false)
            }
            words[word] = right
        }
        _ = try EventLog.open(path: file.path, writable: false)
        try SmallFile.write(file.path, "short")
        #expect(throws: Errno.protocolError) {
            try EventLog.open(path: file.path, writable: false)
        }
    }

    @Test func aReaderTrustsNoWordOfTheFile() throws {
        let log = try makeLog(writers: 2)
        for number in 0..<100 { log.writer(1).record(.journal, at: UInt64(number)) }
        log.addNodeNames(["a", "b"])
        var random = SystemRandomNumberGenerator()
        let words = log.mapping.base.assumingMemoryBound(to: UInt64.self)
        // All words of the header that a reader uses, the texts, and the first of both rings; not
        // those that `open` has checked.
        let ring = 65_536 / 8
        let places = Array(64..<72) + Array(128..<136) + Array(512..<520) + Array(ring..<ring + 16)
        for round in 0..<200 {
            for place in places {
                words[place] = round % 2 == 0 ? random.next() : random.next() & 0xFFF
            }
            let reading = log.read()
            #expect(reading.events.count <= log.capacity)
            _ = TraceFile([reading], clock: log.clock)
        }
    }
}

/// Writes events as fast as it can, whose words belong together.
private final class WritingThread {
    private struct Work {
        let writer: EventWriter
        let stop: UnsafeMutablePointer<UInt64>
    }

    private var thread = pthread_t()
    private let work: UnsafeMutablePointer<Work>

    init(writer: EventWriter, stop: UnsafeMutablePointer<UInt64>) {
        work = .allocate(capacity: 1)
        work.initialize(to: Work(writer: writer, stop: stop))
        pthread_create(
            &thread,
            nil,
            { argument in
                guard let work = argument?.assumingMemoryBound(to: Work.self) else { return nil }
                var number: UInt64 = 0
                while work.pointee.stop.pointee == 0 || number < 5000 {
                    number &+= 0x9E37_79B9_7F4A_7C15
                    work.pointee.writer.record(
                        .journal,
                        at: number,
                        middle: UInt32(truncatingIfNeeded: number),
                        value: ~number
                    )
                }
                return nil
            },
            work
        )
    }

    func end() {
        work.pointee.stop.pointee = 1
        pthread_join(thread, nil)
        work.deallocate()
    }
}
