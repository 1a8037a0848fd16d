import ControlProtocol
import Glibc
import Routing
import Synchronization
import Testing

@testable import Supervision

@Suite struct CommandFileTests {
    /// Runs a file with this text.
    private func exec(
        _ text: String,
        on dataplane: FakeDataplane
    ) async throws -> (outcome: CommandOutcome, path: String) {
        let path = try Self.write(text)
        defer { unlink(path) }
        return (await CommandRunner(dataplane: dataplane).run(line: "exec \(path)"), path)
    }

    private static func write(_ text: String) throws -> String {
        var template = Array("/tmp/causeway-exec-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            try #require(count > 0)
            bytes = bytes.dropFirst(count)
        }
        close(descriptor)
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func routes(_ change: ConfigurationChange) -> (count: Int, RouteTarget)? {
        guard case .addRoutes(let prefixes, let target, _) = change else { return nil }
        return (prefixes.count, target)
    }

    @Test func runsCommandsInOrderAndSkipsComments() async throws {
        let dataplane = try FakeDataplane()
        let (outcome, path) = try await exec(
            """
            # two commands
            set interface state tap0 up

            set interface state tap1 up   # and a comment
            show version
            """,
            on: dataplane
        )
        #expect(!outcome.isError)
        #expect(dataplane.changes.count == 2)
        #expect(outcome.text.hasPrefix("causeway v"))
        let report = try #require(outcome.result as? ExecReport)
        #expect(report.file == path)
        #expect(report.commands == 3)
        #expect(report.lines == 5)
    }

    @Test func stopsAtTheFirstLineThatFailsAndNamesIt() async throws {
        let dataplane = try FakeDataplane()
        let (outcome, path) = try await exec(
            "set interface state tap0 up\nset interface stat tap0 up now\nset interface state tap1 up\n",
            on: dataplane
        )
        #expect(outcome.failure?.message.hasPrefix("\(path):2: unexpected \"now\"") == true)
        #expect(dataplane.changes.count == 1)
    }

    @Test func makesOneChangeOfAMillionRouteLines() async throws {
        let dataplane = try FakeDataplane()
        var text = "set interface state tap0 up\n"
        text.reserveCapacity(50_000_000)
        for index in 0..<1_000_000 {
            text +=
                "ip route add \(index >> 16 + 1).\(index >> 8 & 255).\(index & 255).0/24 via 10.0.0.2\n"
        }
        text += "set interface state tap1 up\n"
        let (outcome, _) = try await exec(text, on: dataplane)
        #expect(!outcome.isError, "\(outcome.text)")
        let changes = dataplane.changes
        let batches = changes.compactMap(routes)
        #expect(
            batches.count == (1_000_000 + CommandFile.maximumBatch - 1) / CommandFile.maximumBatch
        )
        #expect(batches.reduce(0) { $0 + $1.count } == 1_000_000)
        guard case .interfaceState("tap0", true) = changes.first,
            case .interfaceState("tap1", true) = changes.last
        else {
            Issue.record("routes were not kept between the lines around them")
            return
        }
    }

    @Test func collectsAlternatingTargetsSeparately() async throws {
        let dataplane = try FakeDataplane()
        var text = ""
        for index in 0..<1000 {
            text +=
                "ip route add 20.\(index >> 8).\(index & 255).0/24 via 10.0.0.\(2 + index % 4) tap0\r\n"
        }
        text += "  ip  route add 30.0.0.0/8 \t drop  \n"
        let (outcome, _) = try await exec(text, on: dataplane)
        #expect(!outcome.isError, "\(outcome.text)")
        let batches = dataplane.changes.compactMap(routes)
        #expect(batches.map(\.count) == [250, 250, 250, 250, 1])
        #expect(
            batches[3].1 == .paths([RoutePath(nextHop: IPv4Address("10.0.0.5"), interface: "tap0")])
        )
        #expect(batches[4].1 == .drop)
    }

    @Test func keepsTheOrderOfTargetsThatReplaceEachOther() async throws {
        let dataplane = try FakeDataplane()
        let (outcome, _) = try await exec(
            """
            ip route add 20.0.0.0/8 drop
            ip route add 20.0.0.0/8 via 10.0.0.2
            ip route add 21.0.0.0/8 via 10.0.0.3
            ip route add 21.0.0.0/8 unreachable
            ip route add 21.0.0.0/8 drop
            """,
            on: dataplane
        )
        #expect(!outcome.isError, "\(outcome.text)")
        let targets = dataplane.changes.compactMap { routes($0)?.1.description }
        #expect(targets == ["drop", "via 10.0.0.2", "via 10.0.0.3", "unreachable", "drop"])
    }

    @Test func readsPrefixesAsTheGrammarDoes() async throws {
        var random = SeededGenerator(seed: 7)
        var lines = ["ip route add 1.2.3.4/5 drop"]
        for _ in 0..<2000 {
            let parts = (0..<4).map { _ in String(Int.random(in: 0...300, using: &random)) }
            let zero = Bool.random(using: &random) ? "" : "0"
            let length = Int.random(in: 0...36, using: &random)
            lines.append("ip route add \(parts.joined(separator: "."))/\(zero)\(length) drop")
        }
        for line in lines {
            let tokens = try CommandToken.split(line)
            var batch = RouteBatch()
            batch.learn(
                RouteBatch.tail(of: try CommandToken.split(lines[0])),
                .drop,
                prefix: IPv4Prefix(address: IPv4Address(bits: 0), length: 0),
                line: 0
            )
            let bytes = Array(line.utf8)
            let isTaken = batch.take(bytes, 0..<bytes.count, line: 1)
            let expected = IPv4Prefix(tokens[3].text)
            // What the fast path does not take, the grammar judges.
            if isTaken { #expect(batch.groups[0].prefixes.last == expected, "\(line)") }
            if let expected, tokens[3].text == expected.description { #expect(isTaken, "\(line)") }
        }
    }

    @Test func findsTheLineOfARefusedRoute() async throws {
        let bad = try #require(IPv4Prefix("20.0.77.0/24"))
        let dataplane = try FakeDataplane()
        dataplane.recorded.withLock { state in
            state.refuse = { change in
                guard case .addRoutes(let prefixes, _, _) = change, prefixes.contains(bad) else {
                    return nil
                }
                return "no room for \(bad)"
            }
        }
        var text = "# a comment\n"
        for index in 0..<200 { text += "ip route add 20.0.\(index).0/24 via 10.0.0.2\n" }
        let (outcome, path) = try await exec(text, on: dataplane)
        #expect(outcome.failure?.message == "\(path):79: no room for 20.0.77.0/24")
        let applied = dataplane.changes.compactMap(routes).reduce(0) { $0 + $1.count }
        #expect(applied == 77)
    }

    @Test func tellsWhichFileCannotBeRead() async throws {
        let runner = CommandRunner(dataplane: try FakeDataplane())
        let outcome = await runner.run(file: "/nowhere/at/all")
        #expect(outcome.failure?.message.hasPrefix("cannot read /nowhere/at/all: ") == true)
        #expect(await runner.run(line: "exec relative").failure?.kind == .syntax)
        #expect(await runner.run(line: "exec /tmp").isError)
    }

    @Test func endsFilesThatNameThemselves() async throws {
        let path = try Self.write("")
        defer { unlink(path) }
        let descriptor = open(path, O_WRONLY)
        let line = Array("exec \(path)\n".utf8)
        _ = line.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        let outcome = await CommandRunner(dataplane: try FakeDataplane()).run(file: path)
        #expect(outcome.failure?.message.contains("more than 8 deep") == true)
        #expect(outcome.failure?.message.hasPrefix("\(path):1: \(path):1: ") == true)
    }
}
