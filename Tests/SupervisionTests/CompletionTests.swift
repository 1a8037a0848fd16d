import ControlProtocol
import Synchronization
import Testing

@testable import Supervision

@Suite struct CompletionTests {
    private func complete(_ line: String) async throws -> CompletionReply {
        await CommandRunner(dataplane: try FakeDataplane()).complete(line: line)
    }

    private func words(_ line: String) async throws -> [String] {
        try await complete(line).entries.filter { $0.kind != .argument }.map(\.word)
    }

    @Test func namesWhatAWordMayBecome() async throws {
        #expect(try await words("show inter") == ["interface"])
        #expect(try await complete("show inter").start == 5)
        #expect(try await words("sh interface ") == ["address", "rx-placement", "tap0", "tap1"])
        #expect(try await words("set interface state t") == ["tap0", "tap1"])
        #expect(try await words("set interface state tap0 ") == ["up", "down"])
        #expect(try await words("show runtime node ") == ["0", "1"])
        #expect(try await words("set logging class sup") == ["supervisor"])
        #expect(try await words("").contains("show"))
    }

    @Test func saysWhatStandsThere() async throws {
        let reply = try await complete("show interface ")
        #expect(reply.isComplete)
        let entry = reply.entries.first { $0.word == "INTERFACE" }
        #expect(entry?.kind == .argument)
        #expect(entry?.help == "only this one")
        #expect(try await complete("show interface").isComplete)
        #expect(try await !complete("show int").entries.isEmpty)
        #expect(try await !complete("set interface ").isComplete)
        #expect(try await complete("exec ").entries.map(\.kind) == [.path])
        #expect(try await complete("ip route add ").entries.map(\.word) == ["count", "A.B.C.D/L"])
        #expect(try await complete("ip route add 1").entries.map(\.word) == ["A.B.C.D/L"])
    }

    @Test func saysWhyNothingFits() async throws {
        let reply = try await complete("show nothing ")
        #expect(reply.entries.isEmpty)
        #expect(reply.error?.message == "unknown word \"nothing\" after \"show\"")
        #expect(reply.error?.position == 5)
        #expect(try await complete("echo \"open").error?.message == "the quote is not closed")
        #expect(try await complete("show # comment").entries.isEmpty)
        #expect(try await complete("s").entries.count > 3)
    }

    /// Every word that is offered is one that the line takes, at each place of every command.
    @Test func offersOnlyWhatTheLineTakes() async throws {
        let runner = CommandRunner(dataplane: try FakeDataplane())
        var pending = [""]
        var seen = 0
        while let line = pending.popLast(), seen < 1500 {
            seen += 1
            let reply = await runner.complete(line: line)
            #expect(reply.error == nil, "\(line)")
            guard line.split(separator: " ").count < 5 else { continue }
            for entry in reply.entries where entry.kind == .keyword || entry.kind == .name {
                pending.append(line + entry.word + " ")
            }
        }
        #expect(seen > 200)
    }

    @Test func scopesCommandsThatTakeANode() async throws {
        let dataplane = try FakeDataplane()
        let runner = CommandRunner(dataplane: dataplane)
        _ = await runner.run(line: "event-logger clear", scope: 1)
        _ = await runner.run(line: "event-logger clear node 0", scope: 1)
        _ = await runner.run(line: "event-logger clear")
        #expect(dataplane.recorded.withLock { $0.eventChanges.map(\.node) } == [1, 0, nil])
        // What takes no node is as ever, and no other argument takes the scope for its own.
        #expect(await runner.run(line: "show version", scope: 1).failure == nil)
        let incomplete = await runner.run(line: "set interface handoff tap0", scope: 1)
        #expect(incomplete.failure?.kind == .syntax)
        #expect(await runner.run(line: "echo a", scope: 1).text == "a\n")
    }

    @Test func handsTheShellsCommandsBack() async throws {
        let runner = CommandRunner(dataplane: try FakeDataplane())
        func shell(_ line: String) async -> [String]? {
            (await runner.run(line: line).result as? ShellCommand)?.shell
        }
        #expect(await shell("sc n 1") == ["scope", "node", "1"])
        #expect(await shell("defi x \"a b\" ?c") == ["define", "x", "a b", "?c"])
        #expect(
            await shell("set term pag lim 100") == ["set", "terminal", "pager", "limit", "100"]
        )
        #expect(await shell("q") == ["quit"])
        #expect(await shell("show version") == nil)
        #expect(await runner.run(line: "scope node 7").failure?.kind == .syntax)
        #expect(await runner.run(line: "ex").failure?.expected == ["exec", "exit"])
    }
}
