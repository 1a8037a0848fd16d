import Coordination
import Glibc
import LinuxSystem
import Synchronization
import TestSupport
import Testing

@testable import Supervision

/// `trace ...` and `show trace`.
@Suite struct TraceCommandTests {
    /// A dataplane of two workers, with three lanes, that trace.
    private final class Machine {
        let dataplane: FakeDataplane
        let runner: CommandRunner
        let lives: [TracedLife]

        init() throws {
            let dataplane = try FakeDataplane()
            self.dataplane = dataplane
            runner = CommandRunner(dataplane: dataplane)
            lives = try dataplane.segments.enumerated().map { node, segment in
                let number = UInt64.random(in: 0 ..< .max)
                let path = "/dev/shm/causeway-trace-\(getpid())-\(number)"
                let buffer = try TraceBuffer.create(
                    path: path,
                    node: node,
                    incarnation: 1,
                    lanes: segment.laneCount
                )
                buffer.setProcess(Int(getpid()))
                // Of the names of the segment, only this one is an input node.
                segment.lane(0).node(0)[LaneBlock.NodeWord.state.rawValue] =
                    LaneNodeState.polling.rawValue
                return TracedLife(buffer: buffer, path: path, segment: segment, isOver: false)
            }
            let lives = lives
            dataplane.recorded.withLock { $0.traced = lives }
        }

        deinit { for life in lives { SmallFile.remove(life.path) } }

        func run(_ line: String) async throws -> String {
            let outcome = await runner.run(line: line)
            #expect(!outcome.isError, "\(line): \(outcome.text)")
            return outcome.text
        }

        func refusal(_ line: String) async -> String {
            let outcome = await runner.run(line: line)
            #expect(outcome.isError, "\(line) was taken")
            return outcome.text
        }

        /// The limits of the first graph node, lane after lane.
        var limits: [UInt64] {
            lives.flatMap { life in
                (0..<life.buffer.laneCount).map { life.buffer.lane($0).limits[0] }
            }
        }
    }

    @Test func addsPacketsForEveryLaneOrThoseOfANode() async throws {
        let machine = try Machine()
        #expect(try await machine.run("trace add ethernet-input 5") == "")
        #expect(machine.limits == [5, 5, 5])
        #expect(try await machine.run("trace add ethernet-input 2 node 1 verbose") == "")
        #expect(machine.limits == [5, 5, 7])
        #expect(machine.dataplane.tracing.isVerbose)
        // Packets may be handed to any node, so that all have memory.
        for life in machine.lives { #expect(life.buffer.load(.records) > 0) }
        #expect(try await machine.run("trace add ethernet-input 0 node 0") == "")
        #expect(machine.limits == [0, 0, 7])
    }

    @Test func aFilterEndsWhatIsTracedNow() async throws {
        let machine = try Machine()
        _ = try await machine.run("trace add ethernet-input 5")
        #expect(try await machine.run("trace filter include ip4-lookup 3") == "")
        #expect(machine.limits == [0, 0, 0])
        let expected = TraceFilter(isInclude: true, node: "ip4-lookup", packets: 3)
        #expect(machine.dataplane.tracing.filter == expected)
        #expect(try await machine.run("show trace").contains("Filter: include ip4-lookup 3"))
        _ = try await machine.run("trace filter none")
        #expect(machine.dataplane.tracing.filter == nil)
        #expect(try await machine.run("show trace") == "No packets in trace buffer\n")
    }

    @Test func clearingForgetsAndEnds() async throws {
        let machine = try Machine()
        _ = try await machine.run("trace add ethernet-input 5")
        _ = try await machine.run("clear trace node 1")
        #expect(machine.limits == [5, 5, 0])
        #expect(machine.lives.map { $0.buffer.load(.clearEpoch) } == [0, 1])
        _ = try await machine.run("clear trace")
        #expect(machine.limits == [0, 0, 0])
    }

    @Test func refusalsSayWhatToChange() async throws {
        let machine = try Machine()
        let noInput = await machine.refusal("trace add ip4-lookup 5")
        #expect(noInput.contains("choose one of ethernet-input"))
        #expect(await machine.refusal("trace add ethernet-input").contains("0...1000000"))
        #expect(await machine.refusal("trace add ethernet-input 5 node 7").contains("NUMA node"))
        let unknown = await machine.refusal("trace filter include ip6-lookup 5")
        #expect(unknown.contains("no graph node ip6-lookup"))
        #expect(await machine.refusal("trace filter include ip4-lookup").contains("1...1000000"))
        #expect(await machine.refusal("set trace timestamp-format x").contains("relative"))
        #expect(await machine.refusal("show trace max 0").contains("1...1000000"))
        machine.dataplane.recorded.withLock { $0.traced = [] }
        #expect(await machine.refusal("trace add ethernet-input 5").contains("no worker runs"))
    }

    @Test func theTimeFormatIsChosen() async throws {
        let machine = try Machine()
        for format in TraceTimeFormat.allCases {
            _ = try await machine.run("set trace timestamp-format \(format.rawValue)")
            #expect(machine.dataplane.tracing.timeFormat == format)
        }
    }
}

/// Packets' ways in words.
@Suite struct TraceReportTests {
    private static let names = ["error-drop", "ethernet-input", "handoff-input", "ip4-lookup"]

    private static func step(
        _ time: UInt64,
        _ index: UInt32,
        _ node: UInt16,
        _ change: (inout TraceRecord) -> Void = { _ in }
    ) -> TracedStep {
        var record = TraceRecord()
        record.time = time
        record.mark = UInt64(index) | TraceRecord.State.complete.rawValue << 32
        record.node = node
        record.rxInterface = 1
        record.headroom = UInt16(TraceRecord.frameHeadroom)
        change(&record)
        return TracedStep(record: record, bytes: [])
    }

    private static func reading(_ node: Int, _ life: UInt32, _ lanes: [[TracedStep]])
        -> TraceReading
    {
        TraceReading(
            node: node,
            incarnation: life,
            lanes: lanes.enumerated().map { LaneTraces(lane: $0.offset, steps: $0.element) },
            nodeNames: names,
            reasons: [WorkerSegment.ErrorName(node: 1, reason: "l3 mac mismatch")]
        )
    }

    private static func form(_ maximum: Int = 50, filter: TraceFilter? = nil) -> TraceReport.Form {
        TraceReport.Form(
            interfaces: [1: "eth0"],
            lanes: [(0, 0), (0, 1), (1, 0)],
            clock: EventClock(baseTSC: 0, hertz: 1e9, unixNanoseconds: 1_795_448_096_000_000_000),
            timeFormat: .relative,
            isVerbose: false,
            filter: filter,
            maximum: maximum
        )
    }

    /// A packet that comes to lane 0 of node 0, goes to lane 1 there, and from there to node 1.
    private static func crossing(lives: (UInt32, UInt32) = (3, 3)) -> [TraceReading] {
        [
            reading(
                0,
                lives.0,
                [
                    [step(1_000, 7, 1)],
                    [
                        step(3_000, 2, 2) {
                            $0.kind = TraceRecord.Kind.fromLane.rawValue
                            $0.previous = 7
                        },
                        step(4_000, 2, 1),
                    ],
                ]
            ),
            reading(
                1,
                9,
                [
                    [
                        step(9_000, 0, 2) {
                            $0.kind = TraceRecord.Kind.fromWorker.rawValue
                            $0.peer = 1
                            $0.previous = 1 << 24 | 2
                            $0.previousIncarnation = lives.1
                        },
                        step(9_500, 0, 0),
                    ]
                ]
            ),
        ]
    }

    @Test func aWayOverHandoffsReadsAsOne() {
        let report = TraceReport(Self.crossing(), Self.form())
        #expect(report.total == 1)
        #expect(
            report.packets.map { $0.records.map(\.node) } == [
                [
                    "ethernet-input", "handoff-input", "ethernet-input", "handoff-input",
                    "error-drop",
                ]
            ]
        )
        #expect(
            report.text == """
                ------------------- Start of node 0 lane 0 -------------------
                Packet 1

                00:00:00:000001: ethernet-input
                  ethernet header of 0 bytes
                ---- handed over: node 0 lane 0 -> node 0 lane 1, after 2.0 us ----
                00:00:00:000003: handoff-input
                  HANDED-OFF: from node 0 lane 0 trace index 7
                  ethernet header of 0 bytes
                00:00:00:000004: ethernet-input
                  ethernet header of 0 bytes
                ---- handed over: node 0 lane 1 -> node 1 lane 0, after 5.0 us ----
                00:00:00:000009: handoff-input
                  HANDED-OFF: from node 0 lane 1 trace index 2
                  ethernet header of 0 bytes
                00:00:00:000009: error-drop
                  rx:eth0
                  ethernet-input: l3 mac mismatch
                  ethernet header of 0 bytes


                """
        )
    }

    @Test func partsOfAnotherLifeStayApart() {
        let report = TraceReport(Self.crossing(lives: (4, 3)), Self.form())
        #expect(report.packets.map { $0.records.count } == [3, 2])
        #expect(report.packets.map(\.numaNode) == [0, 1])
    }

    @Test func aRecordThatNamesItselfIsItsOwnBegin() {
        let loop = Self.reading(
            0,
            1,
            [
                [
                    Self.step(1, 5, 2) {
                        $0.kind = TraceRecord.Kind.fromLane.rawValue
                        $0.previous = 5
                    }
                ]
            ]
        )
        #expect(TraceReport([loop], Self.form()).packets.map { $0.records.count } == [1])
    }

    @Test func filtersGoByTheWholeWay() {
        let plain = Self.reading(0, 1, [[Self.step(20_000, 1, 1), Self.step(21_000, 2, 3)]])
        let readings = Self.crossing() + [plain]
        func nodes(_ filter: TraceFilter?, _ maximum: Int = 50) -> [Int] {
            TraceReport(readings, Self.form(maximum, filter: filter)).packets.map(\.records.count)
        }
        #expect(nodes(nil) == [5, 1, 1])
        #expect(nodes(TraceFilter(isInclude: true, node: "error-drop", packets: 9)) == [5])
        #expect(nodes(TraceFilter(isInclude: false, node: "error-drop", packets: 9)) == [1, 1])
        #expect(nodes(TraceFilter(isInclude: false, node: "error-drop", packets: 1)) == [1])
        #expect(nodes(nil, 1) == [5, 1])
        let text = TraceReport(readings, Self.form(1)).text
        #expect(text.contains("2 of 3 packets; show trace max N"))
    }

    @Test func saysWhatDidNotReturnAndWhatFoundNoRoom() {
        var reading = Self.reading(
            0,
            1,
            [
                [
                    Self.step(1, 5, 3) { $0.mark = 5 | TraceRecord.State.called.rawValue << 32 }
                ]
            ]
        )
        reading.isOver = true
        reading.lanes[0].lostRecords = 4
        reading.lanes[0].refusedPackets = 2
        let text = TraceReport([reading], Self.form()).text
        #expect(text.contains("the graph node has not returned"))
        #expect(text.contains("node 0 lane 0 (life 1, ended)"))
        #expect(text.contains("No room was left for 4 records, and for 2 packets"))
    }

    @Test func timesAreOfTheirForm() {
        let clock = Self.form().clock
        let tsc: UInt64 = 3_723_000_456_789
        #expect(TraceTime(.relative, clock).text(of: tsc, since: 0) == "01:02:03:000456")
        #expect(TraceTime(.delta, clock).text(of: 5_500, since: 2_250) == "3.250 us")
        // date -u -d @1795448096
        #expect(
            TraceTime(.datetime, clock).text(of: 1_000, since: 0) == "2026-11-23T15:34:56.000001Z"
        )
        for (day, date) in [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_819, "2027-01-01")] {
            #expect(TraceTime.date(ofDay: day) == date)
        }
    }
}

/// Headers in words.
@Suite struct HeaderTextTests {
    private static let ping: [UInt8] = [
        2, 0xFE, 0, 0, 0, 1, 2, 0xFE, 0, 0, 0, 0x19, 8, 0,
        0x45, 0, 0, 84, 0x12, 0x34, 0x40, 0, 64, 1, 0xAB, 0xCD, 10, 0, 0, 1, 10, 0, 1, 9,
        8, 0, 0x11, 0x22, 0, 7, 0, 1,
    ]

    @Test func aPingReadsAsInVPP() {
        #expect(
            HeaderText(Self.ping, length: 98).lines(.ethernet) == [
                "IP4: 02:fe:00:00:00:19 -> 02:fe:00:00:00:01", "ICMP: 10.0.0.1 -> 10.0.1.9",
                "  tos 0x00, ttl 64, length 84, checksum 0xabcd dscp 0 ecn 0",
                "  fragment id 0x1234, flags DONT_FRAGMENT",
                "ICMP echo_request checksum 0x1122 id 7",
            ]
        )
    }

    @Test func udpTcpAndARPHaveTheirLines() {
        var udp = Self.ping
        udp[23] = 17
        udp.replaceSubrange(34..., with: [0, 53, 4, 0, 0, 12, 0, 0])
        #expect(
            HeaderText(udp, length: 98).lines(.ethernet).suffix(2) == [
                "UDP: 53 -> 1024", "  length 12, checksum 0x0000",
            ]
        )
        var tcp = Self.ping
        tcp[23] = 6
        tcp.replaceSubrange(
            34...,
            with: [0, 80, 4, 0, 0, 0, 0, 9, 0, 0, 0, 8, 0x50, 0x12, 0, 0, 0, 0, 0, 0]
        )
        #expect(
            HeaderText(tcp, length: 98).lines(.ethernet).suffix(3) == [
                "TCP: 80 -> 1024", "  seq. 0x00000009 ack 0x00000008",
                "  flags 0x12 SYN ACK, tcp header: 20 bytes",
            ]
        )
        let arp: [UInt8] = [
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0xFE, 0, 0, 0, 9, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1,
        ]
        #expect(
            HeaderText(arp, length: 28).lines(.arp) == [
                "request, type ethernet/IP4, address size 6/4",
                "02:fe:00:00:00:09/10.0.0.9 -> 00:00:00:00:00:00/10.0.0.1",
            ]
        )
    }

    @Test func bytesThatEndAnywhereAreRead() {
        var generator = SeededNumbers(seed: 5)
        var longest = 0
        for _ in 0..<4_000 {
            var bytes = Self.ping
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                    in: 0...255,
                    using: &generator
                )
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
            for layer in [HeaderText.Layer.ethernet, .ipv4, .arp, .other] {
                let lines = HeaderText(bytes, length: bytes.count).lines(layer)
                longest = max(longest, lines.count)
            }
        }
        // A frame with tags, TCP, and all that can be said of it.
        #expect((6...8).contains(longest))
    }
}
