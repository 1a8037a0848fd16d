import Coordination
import Synchronization
import Testing

@testable import Supervision

/// Commands about the graph, and VPP's other names of commands.
@Suite struct GraphCommandTests {
    private static let answer = """
        dpdk-input\tinput\tethernet-input
        ethernet-input\tinternal\tip4-input,error-drop
        ip4-input\tinternal\tip4-lookup,error-drop
        ip4-lookup\tinternal\terror-drop
        error-drop\tinternal\t
        """

    private func machine() throws -> (FakeDataplane, CommandRunner) {
        let dataplane = try FakeDataplane()
        dataplane.recorded.withLock { $0.answers["graph"] = Self.answer }
        return (dataplane, CommandRunner(dataplane: dataplane))
    }

    private func run(_ line: String, _ runner: CommandRunner) async -> String {
        let outcome = await runner.run(line: line)
        #expect(!outcome.isError, "\(line): \(outcome.text)")
        return outcome.text
    }

    @Test func theGraphHasBothDirections() async throws {
        let (_, runner) = try machine()
        let report = GraphReport((0, Self.answer))
        #expect(report.nodes.map(\.name).last == "error-drop")
        #expect(report.nodes[0].isInput && !report.nodes[1].isInput)
        #expect(report.nodes[1].next == ["ip4-input", "error-drop"])
        #expect(report.nodes[4].previous == ["ethernet-input", "ip4-input", "ip4-lookup"])
        #expect(report.nodes[4].next.isEmpty && report.nodes[4].index == 4)
        let text = await run("show vlib graph", runner)
        let rows = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows[0] == ["Name", "Next", "Previous"])
        #expect(rows[1] == ["dpdk-input", "ethernet-input"])
        #expect(rows[2] == ["ethernet-input", "ip4-input", "dpdk-input"])
        #expect(rows[3] == ["error-drop"])
        let one = await run("show vlib graph of ip4-lookup", runner)
        #expect(one.split(separator: "\n").count == 2)
    }

    @Test func theDrawingHasEveryEdge() async throws {
        let (_, runner) = try machine()
        let text = await run("show vlib graphviz", runner)
        #expect(text.hasPrefix("digraph causeway {\n") && text.hasSuffix("}\n"))
        #expect(text.contains("  \"ip4-input\" -> \"ip4-lookup\";\n"))
        #expect(text.split(separator: "\n").filter { $0.contains("->") }.count == 6)
    }

    @Test func aGraphNodeIsShownWithItsCounters() async throws {
        let (dataplane, runner) = try machine()
        dataplane.segments[0].lane(0).node(1)[0] = 3
        dataplane.segments[0].lane(0).node(1)[1] = 77
        dataplane.segments[0].lane(0).errors[2] = 5
        let text = await run("show node ip4-input", runner)
        #expect(text.hasPrefix("node ip4-input, internal, index 2\n"))
        #expect(text.contains("  next nodes:\n    ip4-lookup\n    error-drop\n"))
        #expect(text.contains("  previous nodes:\n    ethernet-input\n"))
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.contains(["0", "0", "active", "3", "77"]))
        #expect(lines.contains(["5", "bad", "ip4", "checksum"]))
        #expect(await run("show node index 2", runner) == text)
        let other = await run("show node ip4-input node 1", runner)
        #expect(!other.contains(" 77"))
    }

    @Test func refusalsSayWhatThereIs() async throws {
        let (dataplane, runner) = try machine()
        let unknown = await runner.run(line: "show node ip4-nothing")
        #expect(unknown.isError && unknown.text.contains("show vlib graph lists them"))
        let beyond = await runner.run(line: "show node index 5")
        #expect(beyond.isError && beyond.text.contains("5 graph nodes"))
        dataplane.recorded.withLock { $0.answers = [:] }
        #expect(await runner.run(line: "show vlib graph").isError)
    }

    @Test(arguments: [
        ("show node counters", "show errors"), ("show frame-queue", "show handoff"),
        ("show cli", "help"), ("show api clients", "show cli-sessions"),
        ("show api trace-status", "api trace status"),
    ])
    func otherNamesShowTheSame(name: String, known: String) async throws {
        let (_, runner) = try machine()
        #expect(await run(name, runner) == run(known, runner))
    }

    @Test func openFilesAndRequestsAreListed() async throws {
        let (_, runner) = try machine()
        let files = await run("show files", runner)
        #expect(files.contains("supervisor"))
        #expect(files.split(separator: "\n").count > 3)
        let requests = await run("show api message-table", runner)
        #expect(requests.split(separator: "\n").count == ApiTable.routes.count + 1, "\(requests)")
        #expect(requests.contains("/v1/interfaces/{name}"))
    }
}
