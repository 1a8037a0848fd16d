import Coordination
import FoundationEssentials
import Supervision
import Synchronization
import TestSupport
import Testing

@Suite struct EventLoggerCommandTests {
    private let dataplane: FakeDataplane
    private let runner: CommandRunner

    init() throws {
        dataplane = try FakeDataplane()
        runner = CommandRunner(dataplane: dataplane)
    }

    private func run(_ line: String) async throws -> String {
        let outcome = await runner.run(line: line)
        #expect(!outcome.isError, "\(line): \(outcome.text)")
        return outcome.text
    }

    private func refusal(_ line: String) async -> String {
        let outcome = await runner.run(line: line)
        #expect(outcome.isError, "\(line) was taken")
        return outcome.text
    }

    @Test func verbsSayWhatLogsShallDo() async throws {
        let lines: [(String, EventLogChange, Int?)] = [
            ("event-logger clear", .clear, nil), ("event-logger stop", .run(false), nil),
            ("event-logger restart node 1", .run(true), 1),
            ("event-logger resize 8192", .resize(8192), nil),
            (
                "event-logger trace dispatch barrier",
                .trace([.dispatch, .barrier], isOn: true), nil
            ),
            (
                "event-logger trace api cli tw_timer disable node 0",
                .trace([.api, .cli, .timers], isOn: false), 0
            ),
        ]
        for (line, _, _) in lines { _ = try await run(line) }
        let seen = dataplane.recorded.withLock { $0.eventChanges }
        #expect(seen.map(\.change) == lines.map(\.1))
        #expect(seen.map(\.node) == lines.map(\.2))
    }

    @Test func refusalsSayWhatToChange() async throws {
        #expect(await refusal("event-logger resize 10").contains("1024...4194304"))
        #expect(await refusal("event-logger resize").contains("1024...4194304"))
        #expect(await refusal("event-logger trace disable").contains("say what to disable"))
        #expect(await refusal("event-logger trace dispach").contains("dispatch"))
        #expect(await refusal("event-logger clear node 7").contains("NUMA node"))
        #expect(await refusal("event-logger save").contains("NAME"))
        for name in ["/tmp/x", "../x", ".hidden", "a/b", "a;b", String(repeating: "x", count: 101)]
        {
            let text = await refusal("event-logger save \(name)")
            #expect(text.contains("no folder") || text.contains("expected"), "\(name): \(text)")
        }
        #expect(dataplane.recorded.withLock { $0.saved.isEmpty })
        dataplane.recorded.withLock { $0.refuseEvents = "no room" }
        #expect(await refusal("event-logger resize 4096").contains("no room"))
    }

    @Test func showsTheLastEventsOldestFirst() async throws {
        let writer = dataplane.log.writer(1)
        let start = EventClock.ticks
        for number in 0..<300 {
            writer.record(.generation, at: start + UInt64(number), value: UInt64(number))
        }
        let lines = try await run("show event-logger").split(separator: "\n")
        #expect(lines.first == "300 of \(dataplane.log.capacity) events in buffer, logger running")
        #expect(lines.count == 251)
        #expect(lines[1].hasSuffix("cw-n0-l0: generation number 50"))
        #expect(lines[250].hasSuffix("cw-n0-l0: generation number 299"))
        // The command before this one is an event itself by now.
        let few = try await run("show event-logger 2").split(separator: "\n")
        #expect(few.count == 3)
        #expect(few[2].contains("cw-n0-control: show event-logger result done ("))
        #expect(try await run("show event-logger all").split(separator: "\n").count == 303)
        dataplane.log.setTraces([])
        #expect(try await run("show event-logger 1").contains("logger stopped\n"))
    }

    @Test func commandsAreEventsUnlessTheyAreNotTraced() async throws {
        _ = try await run("show version")
        _ = await refusal("set interface state tap0 up extra")
        dataplane.recorded.withLock { $0.refuse = { _ in "no" } }
        _ = await refusal("set interface state tap0 up")
        let reading = dataplane.log.read()
        let words = reading.events.map { EventDescription($0, in: reading).text }
        #expect(words == ["show version result done", "set interface state result refused"])
        dataplane.log.setTraces(.running)
        _ = try await run("show version")
        #expect(dataplane.log.read().events.count == 2)
        #expect(
            try await run("event-logger trace")
                == "api: off\ncli: off\ndispatch: off\ntw_timer: off\nbarrier: off\n"
        )
        dataplane.log.setTraces([.running, .dispatch])
        #expect(try await run("event-logger trace").contains("dispatch: on\n"))
    }

    @Test func savesAFileThatPerfettoOpens() async throws {
        dataplane.log.writer(2).record(.laneStarted, at: EventClock.ticks, small: 3, middle: 99)
        let text = try await run("event-logger save my-trace.json")
        #expect(text == "1 events saved to /run/test/my-trace.json\n")
        let bytes = try #require(dataplane.recorded.withLock { $0.saved["my-trace.json"] })
        let file = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
        let event = file["traceEvents"].elements.first { $0["ph"].string == "i" }
        #expect(event?["name"].string == "lane starts")
        #expect(event?["args"]["cpu"].int == 3)
    }

    @Test func theReportHasAJSONForm() async throws {
        _ = try await run("show version")
        let json = try #require(await runner.run(line: "show event-logger").json)
        let report = try JSONValue(parsing: String(decoding: json, as: UTF8.self))
        #expect(report["count"].int == 1)
        #expect(report["logger"].string == "running")
        #expect(report["events"].elements[0]["thread"].string == "cw-n0-control")
        #expect((report["events"].elements[0]["duration"].double ?? -1) >= 0)
    }

    @Test func theSegmentsRoomIsShown() async throws {
        let text = try await run("show statistics segment")
        #expect(text.contains("3/256"))
        #expect(try await run("show statistics segment verbose").contains("/err/ip4-input/bad ip4"))
    }
}
