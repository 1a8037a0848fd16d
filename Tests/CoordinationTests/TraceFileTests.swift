import Coordination
import TestSupport
import Testing

@Suite struct TraceFileTests {
    /// One tick is a nanosecond.
    private let clock = EventClock(baseTSC: 1000, hertz: 1e9, unixNanoseconds: 77)

    private func reading(
        _ node: Int,
        _ events: [Event],
        pid: Int = 0,
        threads: [Int] = [0, 0],
        texts: [String] = []
    ) -> EventReading {
        EventReading(
            source: .init(node: node, incarnation: 1, pid: pid, threads: threads),
            events: events,
            texts: texts,
            nodeNames: ["ip4-input"]
        )
    }

    private func event(_ kind: EventKind, _ tsc: UInt64, writer: Int = 0, value: UInt64 = 0)
        -> Event
    {
        Event(tsc: tsc, rawKind: kind.rawValue, small: 0, middle: 0, value: value, writer: writer)
    }

    private func parsed(_ readings: [EventReading]) throws -> JSONValue {
        var file = TraceFile(readings, clock: clock)
        return try JSONValue(parsing: String(decoding: file.encoded(), as: UTF8.self))
    }

    @Test func eventsOfAllProcessesAreInTheOrderOfTheirTimes() {
        let merged = MergedEvents([
            reading(0, [event(.journal, 10), event(.journal, 30), event(.journal, 30)]),
            reading(1, [event(.journal, 5), event(.journal, 20), event(.journal, 30)]),
        ])
        #expect(merged.order.map { merged[$0].event.tsc } == [5, 10, 20, 30, 30, 30])
        #expect(merged.order.map(\.reading) == [1, 0, 1, 0, 0, 1])
    }

    @Test func everyEventHasWhatPerfettoNeeds() throws {
        let events = EventKind.allCases.enumerated().map { index, kind in
            event(kind, 1000 + UInt64(index) * 1500, writer: index % 2, value: 2500)
        }
        let file = try parsed([reading(0, events, pid: 12, threads: [12, 13])])
        let all = file["traceEvents"].elements
        let named = all.filter { $0["ph"].string == "M" }
        #expect(
            named.map { $0["name"].string } == [
                "process_name", "process_sort_index", "thread_name", "thread_name",
            ]
        )
        #expect(named[0]["args"]["name"].string == "node 0 worker 1")
        #expect(named[2]["args"]["name"].string == "cw-n0-control")
        #expect(named[3]["args"]["name"].string == "cw-n0-l0")
        let rest = all.filter { $0["ph"].string != "M" }
        #expect(rest.count == EventKind.allCases.count)
        for (index, (found, kind)) in zip(rest, EventKind.allCases).enumerated() {
            #expect(found["ph"].string == (kind.isSpan ? "X" : "i"))
            #expect(found["name"].string?.isEmpty == false)
            #expect(found["cat"].string == kind.category)
            #expect(found["pid"].int == 12)
            #expect(found["tid"].int == 12 + index % 2)
            #expect(found["ts"].double == Double(index) * 1.5)
            if kind.isSpan {
                #expect(found["dur"].double == 2.5)
            } else {
                #expect(found["s"].string == "t")
            }
        }
    }

    @Test func processesWithoutANumberGetOneEach() throws {
        let file = try parsed([
            reading(EventLog.supervisorNode, [event(.journal, 2000)], threads: [0]),
            reading(0, [event(.journal, 2000)]), reading(0, [event(.journal, 2000, writer: 1)]),
        ])
        let events = file["traceEvents"].elements.filter { $0["ph"].string == "i" }
        #expect(Set(events.compactMap { $0["pid"].int }).count == 3)
        #expect(Set(events.compactMap { $0["tid"].int }).count == 3)
    }

    @Test func textsAreQuoted() throws {
        let hostile = "a \"quoted\" \\ back\u{1}slash\n\u{7F}é\u{FFFD}"
        var request = event(.request, 500)
        request.middle = 0
        let file = try parsed([reading(0, [request], texts: [hostile])])
        let found = file["traceEvents"].elements.first { $0["ph"].string == "X" }
        #expect(found?["name"].string == hostile)
        #expect(found?["ts"].double == -0.5)
    }

    @Test func anUnknownKindIsShownAsSuch() throws {
        var unknown = event(.journal, 2000, value: 5)
        unknown.rawKind = 999
        let file = try parsed([reading(0, [unknown])])
        let found = file["traceEvents"].elements.first { $0["ph"].string == "i" }
        #expect(found?["name"].string == "event 999")
        #expect(found?["args"]["value"].int == 5)
    }

    @Test func anEmptyFileIsStillOne() throws {
        let file = try parsed([])
        #expect(file["traceEvents"].elements.isEmpty)
        #expect(file["displayTimeUnit"].string == "ns")
    }

    @Test func timesNeverOverflow() {
        for clock in [
            EventClock(baseTSC: .max, hertz: 1, unixNanoseconds: 0),
            EventClock(baseTSC: 0, hertz: .leastNonzeroMagnitude, unixNanoseconds: 0),
            EventClock(baseTSC: 0, hertz: 0, unixNanoseconds: 0),
        ] {
            for tsc in [0, 1, UInt64.max, 1 << 63] {
                _ = clock.nanoseconds(at: tsc)
                _ = clock.nanoseconds(ticks: tsc)
            }
        }
    }
}
