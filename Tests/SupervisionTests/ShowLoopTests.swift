import ControlProtocol
import Coordination
import Synchronization
import Testing

@testable import Supervision

/// What `show` says of the loops: modes, rates, processes, calls, clocks.
@Suite struct ShowLoopTests {
    private func text(_ line: String, _ dataplane: FakeDataplane) async -> String {
        let outcome = await CommandRunner(dataplane: dataplane).run(line: line)
        #expect(!outcome.isError, "\(line): \(outcome.text)")
        return outcome.text
    }

    private func words(_ line: Substring) -> [String] {
        line.split(separator: " ").map(String.init)
    }

    @Test func showsLoopRatesStatesAndTheBusiestCall() async throws {
        let dataplane = try FakeDataplane()
        let block = dataplane.segments[0].lane(0)
        block.pointer(.loopRate).pointee = 12_345.678.bitPattern
        for (word, value) in [
            (LaneBlock.NodeWord.calls, UInt64(4)), (.vectors, 100), (.clocks, 12_345),
            (.maximumClocks, 9000), (.vectorsAtMaximum, 90),
            (.state, LaneNodeState.interrupt.rawValue),
        ] { block.node(0)[word.rawValue] = value }
        let table = await text("show runtime node 0 lane 0", dataplane)
        #expect(table.contains("loops/sec 12345.68"))
        #expect(table.contains("interrupt wait"))
        #expect(!table.contains("lane 1"))
        let maximum = await text("show runtime max node 0 lane 0", dataplane)
        #expect(
            words(maximum.split(separator: "\n")[4])
                == ["ethernet-input", "9.00e3", "90", "1.00e2", "1.23e2", "25.00"]
        )
        // The counter of the test's segments has a gigahertz: a clock is a nanosecond.
        let time = await text("show runtime time node 0 lane 0", dataplane)
        #expect(time.contains("Nanoseconds") && time.contains("1.23e2"))
        #expect(!(await text("show runtime summary", dataplane)).contains("ethernet-input"))
    }

    @Test func showsProcessesInTheirStates() async throws {
        let dataplane = try FakeDataplane()
        dataplane.segments[1].writeProcess(
            0,
            ProcessReading(
                name: "clock-verify",
                wait: .clock,
                calls: 4,
                suspends: 5,
                events: 6,
                clocks: 400,
                maximumClocks: 300
            )
        )
        dataplane.segments[1].store(.processCount, 1)
        let text = await text("show processes", dataplane)
        #expect(
            words(text.split(separator: "\n")[1])
                == ["1", "clock-verify", "clock", "wait", "4", "5", "6", "1.00e2", "3.00e2"]
        )
        let runtime = await self.text("show runtime", dataplane)
        #expect(runtime.contains("NUMA node 1 control lane (pid 201, cpu 0)"))
        #expect(runtime.contains("clock-verify"))
        #expect(!(await self.text("show runtime lane 0", dataplane)).contains("clock-verify"))
    }

    @Test func countsCallsAndThoseWithoutRoom() async throws {
        let dataplane = try FakeDataplane()
        dataplane.segments[0].lane(1).pointer(.controlCalls).pointee = 11
        dataplane.segments[0].lane(1).pointer(.controlCallsRefused).pointee = 2
        dataplane.segments[0].store(.reportsSent, 9)
        dataplane.segments[0].store(.reportsRefused, 1)
        let lines = await text("show rpc", dataplane).split(separator: "\n")
        #expect(words(lines[2]) == ["cw-n0-l1", "cw-n0-control", "11", "2", "1024"])
        #expect(words(lines[3]) == ["cw-n0-control", "supervisor", "9", "1", "socket"])
        #expect(lines.count == 8)
    }

    @Test func showsWhichLaneLooksAfterWhichQueue() async throws {
        let dataplane = try FakeDataplane()
        #expect(
            await text("show interface rx-placement", dataplane) == """
                NUMA node 0 lane 0:
                  node tap-input:
                    tap0 queue 0 (polling)
                NUMA node 1 lane 0:
                  node tap-input:
                    tap1 queue 0 (polling)

                """
        )
    }

    @Test func holdsTheWorkersClocksAgainstTheSupervisors() async throws {
        let dataplane = try FakeDataplane()
        let base = TimeBase(anchorTSC: 1000, anchorNanoseconds: 5_000, hertz: 1e9)
        var ahead = base
        ahead.anchorNanoseconds += 1_500
        PublishedTimeBase(dataplane.segments[0].pointer(.timeBase)).publish(ahead)
        dataplane.segments[0].store(.clockMillihertzMeasured, 1_000_000_000_000)
        dataplane.segments[0].store(.clockError, UInt64(bitPattern: -250))
        dataplane.segments[0].store(.clockChecks, 3)
        dataplane.segments[0].lane(1).pointer(.clockHeld).pointee = 7
        dataplane.recorded.withLock {
            $0.clock = ClockStatus(
                base: base,
                tsc: 2_000_001_000,
                hertz: 1e9,
                checks: 2,
                jumps: 0,
                errorNanoseconds: 40
            )
        }
        let lines = await text("show clock verbose", dataplane).split(separator: "\n")
        #expect(lines[0] == "Time now 2.000005 s since the supervisor's start")
        #expect(words(lines[2]) == ["supervisor", "1000.000000", "-", "0.040", "2", "0", "0"])
        #expect(words(lines[3]) == ["cw-n0", "1000.000000", "1.500", "-0.250", "3", "0", "0"])
        #expect(words(lines[5]).last == "7")
        #expect(await text("show clock", dataplane).split(separator: "\n").count == 5)
        // With the supervisor's clock known, the age of a lane's last turn is too.
        let threads = await text("show threads", dataplane).split(separator: "\n")
        #expect(words(threads[1]).last == "0.000s")
    }

    @Test(arguments: [
        ("polling", RxMode.polling), ("interrupt", .interrupt), ("adaptive", .adaptive),
    ])
    func setsTheRxMode(word: String, mode: RxMode) async throws {
        let dataplane = try FakeDataplane()
        _ = await text("set interface rx-mode tap0 \(word)", dataplane)
        guard case .rxMode("tap0", nil, mode) = dataplane.changes[0] else {
            Issue.record("\(dataplane.changes)")
            return
        }
    }

    @Test func setsTheRxModeOfOneQueueOrTheDefault() async throws {
        let dataplane = try FakeDataplane()
        for line in ["queue 0 interrupt", "queue 0 default", "default"] {
            #expect(await text("set interface rx-mode tap0 \(line)", dataplane) == "")
        }
        guard case .rxMode("tap0", 0, .interrupt) = dataplane.changes[0],
            case .rxMode("tap0", 0, nil) = dataplane.changes[1],
            case .rxMode("tap0", nil, nil) = dataplane.changes[2]
        else {
            Issue.record("\(dataplane.changes)")
            return
        }
        let outcome = await CommandRunner(dataplane: dataplane).run(
            line: "set interface rx-mode tap0 queue 128 polling"
        )
        #expect(outcome.isError && outcome.text.contains("tap0 has queue"), "\(outcome.text)")
        #expect(dataplane.changes.count == 3)
    }

    @Test func aQueuesOwnModeHoldsUntilTheInterfaceIsSet() {
        var record = InterfaceRecord(index: 1, name: "a", node: 0, mac: MACAddress())
        func modes() -> [RxMode] { (0..<3).map { record.rxMode(ofQueue: $0) } }
        record.setRxMode(.adaptive, queue: nil)
        record.setRxMode(.interrupt, queue: 1)
        #expect(modes() == [.adaptive, .interrupt, .adaptive])
        record.setRxMode(nil, queue: 1)
        #expect(modes() == [.adaptive, .adaptive, .adaptive])
        record.setRxMode(.interrupt, queue: 2)
        record.setRxMode(.polling, queue: nil)
        #expect(modes() == [.polling, .polling, .polling])
        record.setRxMode(.interrupt, queue: 0)
        record.setRxMode(nil, queue: nil)
        #expect(modes() == [.polling, .polling, .polling] && record.queueModes.isEmpty)
    }

    @Test func refusesARxModeThatThereIsNot() async throws {
        let outcome = await CommandRunner(dataplane: try FakeDataplane()).run(
            line: "set interface rx-mode tap0 adaptiv1"
        )
        #expect(outcome.isError && outcome.text.contains("adaptive"))
    }
}
