import ControlProtocol
import Coordination
import Synchronization
import Testing

@testable import Supervision

@Suite struct ShowCommandTests {
    private func text(_ line: String, _ dataplane: FakeDataplane) async -> String {
        let outcome = await CommandRunner(dataplane: dataplane).run(line: line)
        #expect(!outcome.isError, "\(line): \(outcome.text)")
        return outcome.text
    }

    private func json(_ line: String, _ dataplane: FakeDataplane) async -> String {
        let outcome = await CommandRunner(dataplane: dataplane).run(line: line)
        return outcome.json.map { String(decoding: $0, as: UTF8.self) } ?? outcome.text
    }

    private func count(
        _ dataplane: FakeDataplane,
        node: Int,
        lane: Int,
        interface: Int,
        _ word: LaneBlock.InterfaceWord,
        _ value: UInt64
    ) {
        dataplane.segments[node].lane(lane).interface(interface)[word.rawValue] = value
    }

    @Test func sumsInterfaceCountersOverLanesAndNodes() async throws {
        let dataplane = try FakeDataplane()
        count(dataplane, node: 0, lane: 0, interface: 1, .rxPackets, 10)
        count(dataplane, node: 0, lane: 1, interface: 1, .rxPackets, 5)
        count(dataplane, node: 1, lane: 0, interface: 1, .drops, 2)
        count(dataplane, node: 1, lane: 0, interface: 2, .txPackets, 13)
        count(dataplane, node: 1, lane: 0, interface: 2, .txBytes, 1300)
        let text = await text("show interface", dataplane)
        #expect(
            text == """
                Name                               Idx  State MTU (L3/IP4/IP6/MPLS) Counter                     Count
                local0                               0   down        0/0/0/0
                tap0                                 1     up      1500/0/0/0       rx packets                     15
                                                                                    drops                           2
                tap1                                 2   down      9000/0/0/0       tx packets                     13
                                                                                    tx bytes                     1300

                """
        )
        let one = await self.text("show interface tap1", dataplane)
        #expect(one.split(separator: "\n").count == 3)
    }

    @Test func countsFromTheLastClear() async throws {
        let dataplane = try FakeDataplane()
        count(dataplane, node: 0, lane: 0, interface: 1, .rxPackets, 10)
        _ = await text("clear interfaces", dataplane)
        count(dataplane, node: 0, lane: 0, interface: 1, .rxPackets, 17)
        let json = await json("show interface tap0", dataplane)
        #expect(json.contains("\"rxPackets\":7,"), "\(json)")
    }

    @Test func givesInterfacesStableFieldNames() async throws {
        let json = await json("show interface tap0", try FakeDataplane())
        #expect(
            json == """
                {"interfaces":[{"addresses":["10.0.0.1/24"],"counters":{"drops":0,"punts":0,"rxBytes":0,\
                "rxErrors":0,"rxPackets":0,"txBytes":0,"txErrors":0,"txPackets":0},"handoffNodes":[],\
                "index":1,"isPromiscuous":false,"isUp":true,"mac":"02:fe:00:00:00:01","mtu":1500,\
                "name":"tap0","numaNode":0}]}
                """
        )
    }

    @Test func listsAddresses() async throws {
        #expect(
            await text("show int addr", try FakeDataplane())
                == "tap0 (up):\n  L3 10.0.0.1/24\ntap1 (dn):\n"
        )
    }

    @Test func dividesClocksByPacketsInRuntime() async throws {
        let dataplane = try FakeDataplane()
        let block = dataplane.segments[0].lane(0)
        block.node(1)[LaneBlock.NodeWord.calls.rawValue] = 4
        block.node(1)[LaneBlock.NodeWord.vectors.rawValue] = 100
        block.node(1)[LaneBlock.NodeWord.clocks.rawValue] = 12_345
        block.node(1)[LaneBlock.NodeWord.maximumClocks.rawValue] = 9000
        block.pointer(.inputVectors).pointee = 500
        block.pointer(.internalCalls).pointee = 8
        block.pointer(.internalVectors).pointee = 200
        count(dataplane, node: 0, lane: 0, interface: 2, .txPackets, 400)
        let text = await text("show runtime node 0", dataplane)
        let first = text.components(of: "---------------\n")[0]
        #expect(
            first == """
                NUMA node 0 lane 0 (pid 200, cpu 1)
                Time 2.0, internal node vector rate 25.00 loops/sec 0.00
                  vector rates in 2.5000e2, out 2.0000e2, drop 0.0000e0
                              Name                  State                Calls          Vectors     \
                Suspends       Clocks Vectors/Call
                           ip4-input                active                   4              100            \
                0       1.23e2        25.00

                """
        )
        #expect(!text.contains("NUMA node 1"))
        #expect(await self.text("show runtime verbose", dataplane).contains("ip4-lookup"))
        #expect(await self.text("show runtime max", dataplane).contains("Max Clocks"))
        #expect(!(await self.text("show runtime summary", dataplane)).contains("ip4-input"))
        #expect(await json("show runtime", dataplane).contains("\"clocks\":123.45"))
    }

    @Test func sumsErrorsAndKeepsLanesApartIfVerbose() async throws {
        let dataplane = try FakeDataplane()
        dataplane.segments[0].lane(0).errors[1] = 3
        dataplane.segments[0].lane(1).errors[1] = 4
        dataplane.segments[1].lane(0).errors[0] = 1
        let text = await text("show errors", dataplane)
        #expect(
            text == """
                     Count                     Node                               Reason Severity
                         7                ip4-input                         ip4 ttl <= 1    error
                         1           ethernet-input                unknown ethernet type    error

                """
        )
        let verbose = await self.text("show errors verbose", dataplane)
        #expect(verbose.contains("cw-n0-l0") && verbose.contains("cw-n0-l1"))
    }

    @Test func pairsWhatWasSentWithWhatWasReceived() async throws {
        let dataplane = try FakeDataplane()
        // Lanes are numbered through: node 0 has 0 and 1, node 1 has 2.
        let sent = dataplane.segments[0].lane(1).peer(2)
        sent[LaneBlock.PeerWord.packets.rawValue] = 100
        sent[LaneBlock.PeerWord.cells.rawValue] = 250
        sent[LaneBlock.PeerWord.fullDrops.rawValue] = 6
        sent[LaneBlock.PeerWord.downDrops.rawValue] = 7
        dataplane.segments[1].lane(0).peer(1)[LaneBlock.PeerWord.received.rawValue] = 99
        let text = await text("show handoff", dataplane)
        let lines = text.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(
            lines[2].split(separator: " ") == [
                "cw-n0-l1", "cw-n1-l0", "100", "250", "6", "7", "99",
            ]
        )
    }

    @Test func listsLanesAsThreads() async throws {
        let dataplane = try FakeDataplane()
        dataplane.segments[1].lane(0).pointer(.asleep).pointee = 1
        let lines = await text("show threads", dataplane).split(separator: "\n")
        #expect(
            lines[0].split(separator: " ")
                == [
                    "ID", "Name", "Type", "Node", "PID", "Life", "LWP", "CPU", "State", "Loops",
                    "Loops/s", "Sleeps", "Wakeups", "Device", "Heartbeat",
                ]
        )
        #expect(
            lines[1].split(separator: " ")
                == [
                    "0", "cw-n0-l0", "lane", "0", "200", "1", "1000", "1", "stuck", "0", "0", "0",
                    "0", "0", "-",
                ]
        )
        #expect(
            lines[3].split(separator: " ")
                == [
                    "2", "cw-n1-l0", "lane", "1", "201", "1", "1010", "3", "sleeping", "0", "0",
                    "0", "0", "0", "-",
                ]
        )
        #expect(
            lines[4].split(separator: " ")
                == [
                    "3", "cw-n0-control", "control", "0", "200", "1", "200", "0", "forwarding", "0",
                    "-", "0", "0", "0", "-",
                ]
        )
    }

    @Test func listsProcesses() async throws {
        let text = await text("show nodes", try FakeDataplane())
        #expect(
            text.split(separator: "\n")[1].split(separator: " ")
                == ["0", "100", "ready", "200", "forwarding", "-", "none", "1", "0", "7", "2"]
        )
        #expect(text.hasSuffix("last change 7, up 12.5 s\n"))
    }

    @Test func showsPoolsHeapsTopologyAndLog() async throws {
        let dataplane = try FakeDataplane()
        let buffers = await text("show buffers", dataplane)
        #expect(
            buffers.split(separator: "\n")[1].split(separator: " ")
                == ["node-0", "0", "2048", "16384", "16000", "384", "0", "0"]
        )
        let memory = await text("show memory", dataplane)
        #expect(
            memory.split(separator: "\n")[1].split(separator: " ")
                == ["0", "-", "2.00M", "64.00M", "16.00M", "48.00M", "25.0", "64.00M"]
        )
        let topology = await text("show topology", dataplane)
        #expect(topology.contains("lanes on cpus 1,2, control on 0"))
        #expect(topology.contains("port 2 tap1: tap cw-tap1"))
        #expect(
            await json("show topology", dataplane).hasPrefix("{\"housekeeping\":[0],\"nodes\":[")
        )
        #expect(await text("show log", dataplane) == "level=info message=\"started\"\n")
        #expect(
            await json("show log", dataplane)
                == "{\"log\":[\"level=info message=\\\"started\\\"\"]}"
        )
    }

    @Test func showsPortsEvenIfTheirKeeperIsSilent() async throws {
        let dataplane = try FakeDataplane()
        dataplane.recorded.withLock {
            $0.ports = [
                PortStatus(
                    interface: 1,
                    driver: "net_tap",
                    mac: MACAddress(bits: 5),
                    isLinkUp: true,
                    speedMegabits: 10_000,
                    isFullDuplex: true,
                    mtu: 1500,
                    rxQueues: 2,
                    txQueues: 2,
                    numaNode: -1,
                    rxPackets: 77
                )
            ]
        }
        let text = await text("show hardware-interfaces", dataplane)
        #expect(text.contains("Link speed: 10 Gbps"))
        #expect(text.contains("rx frames ok 77"))
        #expect(text.contains("the keeper of NUMA node 1 does not answer"))
        #expect(!(await self.text("show hardware tap0", dataplane)).contains("tap1"))
    }

    @Test func givesLaneTotalsThatMakeRates() async throws {
        let dataplane = try FakeDataplane()
        let block = dataplane.segments[0].lane(0)
        block.pointer(.inputVectors).pointee = 1000
        block.node(0)[LaneBlock.NodeWord.clocks.rawValue] = 64_000
        block.peer(2)[LaneBlock.PeerWord.packets.rawValue] = 10
        block.errors[2] = 3
        let readings = await dataplane.view().readings()
        let before = LanesReport(readings).totals
        #expect(before.lanes.map(\.cpu) == [1, 2, 3])
        block.pointer(.inputVectors).pointee = 3000
        block.node(0)[LaneBlock.NodeWord.clocks.rawValue] = 192_000
        block.pointer(.internalCalls).pointee = 100
        block.pointer(.internalVectors).pointee = 2000
        block.pointer(.heartbeatTSC).pointee += 2_000_000_000
        let now = LanesReport(await dataplane.view().readings()).totals
        let rates = LaneRates.between(before, now)[0]
        #expect(rates.packetsPerSecond == 1000)
        #expect(rates.clocksPerPacket == 64)
        #expect(rates.vectorsPerFrame == 20)
        #expect(rates.handoffsPerSecond == 0)
        #expect(await text("show lanes", dataplane).split(separator: "\n").count == 4)
    }

    @Test func hasJSONForEveryShow() async throws {
        let dataplane = try FakeDataplane()
        for line in [
            "version", "threads", "processes", "rpc", "clock", "clock verbose",
            "interface rx-placement", "runtime max", "runtime time", "lanes", "nodes", "topology",
            "buffers", "memory", "log",
            "interface",
            "interface addr", "hardware-interfaces", "packet-generator", "runtime", "errors",
            "handoff",
            "ip fib", "ip fib summary", "ip neighbors",
        ] {
            #expect(await json("show \(line)", dataplane).hasPrefix("{\""), "\(line)")
        }
    }

    @Test func formatsFigures() {
        #expect(Figure.fixed(1.005, digits: 1) == "1.0")
        #expect(Figure.fixed(-0.04, digits: 1) == "0.0")
        #expect(Figure.fixed(99.999) == "100.00")
        #expect(Figure.fixed(.infinity) == "-")
        #expect(Figure.scientific(0) == "0.00e0")
        #expect(Figure.scientific(9.999) == "1.00e1")
        #expect(Figure.scientific(0.00123) == "1.23e-3")
        #expect(Figure.bytes(1023) == "1023")
        #expect(Figure.bytes(3 << 30) == "3.00G")
    }
}

extension String {
    /// The parts between occurrences of a separator.
    fileprivate func components(of separator: String) -> [String] {
        var parts: [String] = [""]
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(separator) {
                parts.append("")
                rest = rest.dropFirst(separator.count)
            } else {
                parts[parts.count - 1].append(rest.removeFirst())
            }
        }
        return parts
    }
}
