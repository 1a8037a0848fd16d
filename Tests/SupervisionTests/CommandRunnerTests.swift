import ControlProtocol
import Coordination
import Logging
import Routing
import Synchronization
import Testing

@testable import Supervision

@Suite struct CommandRunnerTests {
    /// What a line asks the dataplane for.
    private func changes(_ lines: String...) async throws -> [String] {
        let dataplane = try FakeDataplane()
        for line in lines {
            let outcome = await CommandRunner(dataplane: dataplane).run(line: line)
            #expect(!outcome.isError, "\(line): \(outcome.text)")
        }
        return dataplane.changes.map { "\($0)" }
    }

    private func refusal(_ line: String) async throws -> CommandFailure? {
        let dataplane = try FakeDataplane()
        let outcome = await CommandRunner(dataplane: dataplane).run(line: line)
        #expect(dataplane.changes.isEmpty)
        return outcome.failure
    }

    @Test func setsAnInterfaceUpAndDown() async throws {
        let dataplane = try FakeDataplane()
        let runner = CommandRunner(dataplane: dataplane)
        let up = await runner.run(line: "set interface state tap1 up")
        #expect(up.text == "")
        #expect(up.json.map { String(decoding: $0, as: UTF8.self) } == "{\"change\":1}")
        _ = await runner.run(line: "set int state tap1 down")
        guard case .interfaceState("tap1", true) = dataplane.changes[0],
            case .interfaceState("tap1", false) = dataplane.changes[1]
        else {
            Issue.record("\(dataplane.changes)")
            return
        }
    }

    @Test func keepsTheHostBitsOfAnInterfaceAddress() async throws {
        let dataplane = try FakeDataplane()
        let runner = CommandRunner(dataplane: dataplane)
        _ = await runner.run(line: "set interface ip address tap0 10.0.0.1/24")
        _ = await runner.run(line: "set interface ip address del tap0 10.0.0.1/24")
        let address = InterfaceAddress(address: 0x0A00_0001, prefixLength: 24)
        guard case .addAddress("tap0", address) = dataplane.changes[0],
            case .removeAddress("tap0", address) = dataplane.changes[1]
        else {
            Issue.record("\(dataplane.changes)")
            return
        }
    }

    @Test func setsMTUWithAndWithoutVPPsWord() async throws {
        let made = try await changes(
            "set interface mtu 9000 tap0",
            "set interface mtu packet 576 tap1"
        )
        #expect(
            made == [
                "mtu(interface: \"tap0\", bytes: 9000)", "mtu(interface: \"tap1\", bytes: 576)",
            ]
        )
    }

    @Test func setsEthernetAddressAndRefusesGroups() async throws {
        let made = try await changes("set interface mac address tap0 02:00:00:00:00:09")
        #expect(made == ["mac(interface: \"tap0\", 02:00:00:00:00:09)"])
        #expect(
            try await refusal("set interface mac address tap0 01:00:5e:00:00:01")?.kind == .refused
        )
    }

    @Test func setsPromiscuousMode() async throws {
        let made = try await changes(
            "set interface promiscuous on tap0",
            "set interface promiscuous off tap0"
        )
        #expect(
            made == [
                "promiscuous(interface: \"tap0\", isOn: true)",
                "promiscuous(interface: \"tap0\", isOn: false)",
            ]
        )
    }

    @Test func spreadsAnInterfaceOverNodesThatExist() async throws {
        let dataplane = try FakeDataplane()
        let runner = CommandRunner(dataplane: dataplane)
        _ = await runner.run(line: "set interface handoff tap0 nodes 1,0 symmetrical")
        _ = await runner.run(line: "set interface handoff tap0 disable")
        guard
            case .handoff("tap0", HandoffTarget(nodes: [1, 0], isSymmetric: true)) =
                dataplane.changes[0],
            case .handoff("tap0", HandoffTarget()) = dataplane.changes[1]
        else {
            Issue.record("\(dataplane.changes)")
            return
        }
        #expect(
            try await refusal("set interface handoff tap0 nodes 0,2")?.message
                == "no NUMA node 2 runs a worker; there are: 0, 1"
        )
    }

    @Test func setsAndForgetsNeighbours() async throws {
        let made = try await changes(
            "set ip neighbor tap0 10.0.0.2 02:00:00:00:00:02 static",
            "set ip neighbor del tap0 10.0.0.2",
            "set ip neighbor del tap0 10.0.0.2 0200.0000.0002"
        )
        #expect(
            made == [
                "neighbour(interface: \"tap0\", 10.0.0.2, 02:00:00:00:00:02)",
                "removeNeighbour(interface: \"tap0\", 10.0.0.2)",
                "removeNeighbour(interface: \"tap0\", 10.0.0.2)",
            ]
        )
    }

    @Test func passesOnWhyAChangeIsRefused() async throws {
        let dataplane = try FakeDataplane()
        dataplane.recorded.withLock { $0.refuse = { _ in "the heap of node 1 is full" } }
        let outcome = await CommandRunner(dataplane: dataplane).run(
            line: "set interface state tap0 up"
        )
        #expect(
            outcome.failure == CommandFailure(kind: .refused, message: "the heap of node 1 is full")
        )
        #expect(outcome.json == nil)
    }

    @Test func keepsTheLastCommands() async throws {
        let dataplane = try FakeDataplane()
        let runner = CommandRunner(dataplane: dataplane)
        _ = await runner.run(line: "show version")
        _ = await runner.run(line: "shw \"version\"")
        _ = await runner.run(line: "")
        let lines = dataplane.history.lines
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix(" \"show version\" done") == true, "\(lines)")
        #expect(lines.last?.contains("refused (") == true, "\(lines)")
        for _ in 0..<CommandHistory.defaultCapacity { _ = await runner.run(words: ["help"]) }
        #expect(dataplane.history.lines.count == CommandHistory.defaultCapacity)
        #expect(dataplane.history.lines.allSatisfy { $0.hasSuffix(" help done") })
    }

    @Test func keepsAsManyCommandsAsItWasTold() {
        let history = CommandHistory(capacity: 3)
        for number in 0..<8 { history.add("show \(number)", failure: nil) }
        #expect(
            history.lines.map { $0.split(separator: "\"")[1] } == ["show 5", "show 6", "show 7"]
        )
        let none = CommandHistory(capacity: 0)
        none.add("show version", failure: nil)
        #expect(none.lines.isEmpty)
    }

    @Test func setsWhatIsLogged() async throws {
        let dataplane = try FakeDataplane()
        let runner = CommandRunner(dataplane: dataplane)
        for line in [
            "set logging class worker level debug rate-limit 200",
            "set logging class supervisor syslog-level err level info",
            "set logging size 2048", "set logging unthrottle-time 5", "clear logging",
        ] { #expect(!(await runner.run(line: line)).isError, "\(line)") }
        let changes = dataplane.recorded.withLock { $0.logging }
        try #require(changes.count == 5)
        guard case .classSettings(let worker) = changes[0],
            case .classSettings(let supervisor) = changes[1],
            case .size(2048) = changes[2], case .unthrottle(seconds: 5) = changes[3],
            case .clear = changes[4]
        else {
            Issue.record("\(changes)")
            return
        }
        #expect(worker.name == "worker" && worker.settings.level == .debug)
        #expect(worker.settings.rateLimit == 200 && worker.settings.syslogLevel == nil)
        #expect(supervisor.settings.syslogLevel == .error && supervisor.settings.level == .info)
        let wrong = await runner.run(line: "set logging class wroker level debug")
        #expect(wrong.text.contains("there is no class wroker"))
        #expect((await runner.run(line: "set logging class worker level loud")).isError)
        let table = (await runner.run(line: "show logging configuration")).text
        #expect(table.contains("supervisor   notice") && table.contains("50/s"))
    }

    @Test func clearsCounters() async throws {
        let dataplane = try FakeDataplane()
        for what in ["runtime", "errors", "interfaces", "handoff"] {
            let outcome = await CommandRunner(dataplane: dataplane).run(line: "clear \(what)")
            #expect(!outcome.isError)
        }
        #expect(
            dataplane.recorded.withLock { $0.cleared } == [
                .runtime, .errors, .interfaces, .handoff,
            ]
        )
    }

    @Test func takesEmptyLinesAndComments() async throws {
        let made = try await changes("", "   ", "# set interface state tap0 up")
        #expect(made.isEmpty)
    }

    @Test func helpsWhereALineEndsWithAQuestionMark() async throws {
        let runner = CommandRunner(dataplane: try FakeDataplane())
        let all = await runner.run(line: "?").text
        #expect(all.contains("  show") && all.contains("  packet-generator"))
        let some = await runner.run(line: "set interface state ?").text
        #expect(some == "  INTERFACE        the interface (tap0, tap1)\n")
        let started = await runner.run(line: "show h?").text
        #expect(started.contains("hardware-interfaces") && started.contains("handoff"))
        #expect(!started.contains("version"))
        #expect(await runner.run(line: "show errors ?").text.contains("<end of line>"))
        #expect(await runner.run(line: "shw ?").isError)
        #expect(
            await runner.run(line: "help").text.contains(
                "set interface state INTERFACE {up | down}"
            )
        )
    }
}

@Suite struct CommandRouteTests {
    private func run(_ line: String) async throws -> (FakeDataplane, CommandOutcome) {
        let dataplane = try FakeDataplane()
        return (dataplane, await CommandRunner(dataplane: dataplane).run(line: line))
    }

    /// Prefixes and target of the single change that a line makes.
    private func added(_ line: String) async throws -> (prefixes: [IPv4Prefix], RouteTarget)? {
        let (dataplane, outcome) = try await run(line)
        #expect(!outcome.isError, "\(line): \(outcome.text)")
        guard dataplane.changes.count == 1,
            case .addRoutes(let prefixes, let target, replace: false) = dataplane.changes[0]
        else { return nil }
        return (prefixes, target)
    }

    private func prefix(_ text: String) throws -> IPv4Prefix { try #require(IPv4Prefix(text)) }

    @Test func addsARouteWithEveryKindOfTarget() async throws {
        let hop = IPv4Address("10.0.0.2")
        let expected: [(String, RouteTarget)] = [
            ("via 10.0.0.2", .paths([RoutePath(nextHop: hop, interface: nil)])),
            ("via 10.0.0.2 tap0", .paths([RoutePath(nextHop: hop, interface: "tap0")])),
            (
                "via 10.0.0.2 tap0 weight 3 via tap1",
                .paths([
                    RoutePath(nextHop: hop, interface: "tap0", weight: 3),
                    RoutePath(nextHop: nil, interface: "tap1"),
                ])
            ),
            ("drop", .drop), ("via drop", .drop), ("unreachable", .unreachable),
            ("prohibit", .prohibited), ("via local", .local),
        ]
        for (text, target) in expected {
            let (prefixes, made) = try #require(
                try await added("ip route add 192.168.7.9/16 \(text)")
            )
            #expect(prefixes == [try prefix("192.168.0.0/16")])
            #expect(made == target, "\(text)")
        }
    }

    @Test func countsPrefixesOfOneLengthFromTheFirst() async throws {
        for line in [
            "ip route add count 3 10.0.255.0/24 via 10.0.0.2",
            "ip route add 10.0.255.0/24 count 3 drop",
        ] {
            let prefixes = try #require(try await added(line)).prefixes
            #expect(
                prefixes.map(\.description) == ["10.0.255.0/24", "10.1.0.0/24", "10.1.1.0/24"]
            )
        }
        let million = try #require(try await added("ip route add count 1000000 1.0.0.0/24 drop"))
        #expect(million.prefixes.count == 1_000_000)
        #expect(million.prefixes.last == (try prefix("16.66.63.0/24")))
    }

    @Test func refusesACountThatLeavesTheAddressSpace() async throws {
        let (dataplane, outcome) = try await run("ip route add count 3 255.255.254.0/24 drop")
        #expect(
            outcome.failure?.message
                == "from 255.255.254.0/24 on there are 2 prefixes of that length, not 3"
        )
        #expect(dataplane.changes.isEmpty)
        #expect(try await run("ip route add count 2 255.255.254.0/24 drop").1.isError == false)
        #expect(try await run("ip route add count 2 0.0.0.0/0 drop").1.isError)
    }

    @Test func takesRoutesAwayWithAndWithoutPaths() async throws {
        let (all, _) = try await run("ip route del 10.1.0.0/16")
        guard case .removeRoutes(_, nil) = all.changes[0] else {
            Issue.record("\(all.changes)")
            return
        }
        let (one, _) = try await run("ip route del 10.1.0.0/16 via 10.0.0.2")
        guard case .removeRoutes(_, .paths) = one.changes[0] else {
            Issue.record("\(one.changes)")
            return
        }
    }

    @Test func saysWhatARouteLacks() async throws {
        let (_, missing) = try await run("ip route add 10.1.0.0/16")
        #expect(
            missing.failure?.expected == [
                "count", "drop", "unreachable", "prohibit", "local", "via",
            ]
        )
        let (_, wrong) = try await run("ip route add 10.1.0.0/33 via 10.0.0.2")
        #expect(
            wrong.failure?.message
                == "\"10.1.0.0/33\" after \"ip route add\" is not an IPv4 prefix such as 10.0.0.1/24"
        )
        #expect(try await run("ip route add 10.1.0.0/16 via tap9").1.failure?.position == 29)
    }
}
