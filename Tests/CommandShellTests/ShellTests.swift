import ControlClient
import ControlProtocol
import Foundation
import Synchronization
import Testing

@testable import CommandShell

@Suite(.serialized) struct ShellTests {
    /// Types into a shell with a backend of its own, and looks at its screen.
    private final class Session: Sendable {
        let terminal = FakeTerminal()
        let backend = FakeBackend()
        let folder: String
        private let events: AsyncStream<TerminalEvent>.Continuation
        private let running: Task<Int32, Never>

        init(historyLines: [String] = []) {
            let folder =
                FileManager.default.temporaryDirectory.path + "/cw-shell-\(UUID().uuidString)"
            self.folder = folder
            try? FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            HistoryFile(path: folder + "/history").replace(with: historyLines)
            let (stream, events) = AsyncStream.makeStream(of: TerminalEvent.self)
            self.events = events
            let (terminal, backend) = (terminal, backend)
            running = Task {
                var shell = Shell(
                    backend: backend,
                    terminal: terminal,
                    events: stream,
                    surroundings: Shell.Surroundings(
                        folder: folder,
                        runtimeDirectory: folder,
                        variable: { $0 == "CAUSEWAY_HISTORY" ? folder + "/history" : nil }
                    )
                )
                return await shell.run()
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func press(_ keys: Key...) { for key in keys { events.yield(.key(key)) } }

        func send(_ event: TerminalEvent) { events.yield(event) }

        func type(_ text: String) {
            for character in text { press(character == "\n" ? .enter : .character(character)) }
        }

        /// Waits until the screen's text has this in it.
        ///
        /// Blanks at the ends of lines are not seen.
        func see(_ wanted: String, _ place: SourceLocation = #_sourceLocation) async {
            let text = wanted.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.hasSuffix(" ") ? $0.dropLast() : $0 }.joined(separator: "\n")
            // Looks, not seconds: other tests may keep all threads for long.
            for _ in 0..<1500 {
                if terminal.screen.lines.joined(separator: "\n").contains(text) { return }
                try? await Task.sleep(for: .milliseconds(20))
            }
            Issue.record(
                "\"\(text)\" is not on the screen:\n\(terminal.screen.lines.joined(separator: "\n"))",
                sourceLocation: place
            )
        }

        func end() async -> Int32 {
            events.finish()
            return await running.value
        }
    }

    @Test func runsLinesAndShowsAnswers() async {
        let session = Session()
        await session.see("causeway# ")
        session.type("show version\n")
        await session.see("causeway# show version\nran show version\ncauseway#")
        session.type("bad\n")
        await session.see("unknown command \"bad\"\n  bad\n  ^\n  expected: show, set\n")
        session.type("# a comment\n\n")
        session.type("show x\n")
        await session.see("ran show x")
        #expect(session.backend.lines == ["show version", "bad", "show x"])
        session.type("quit\n")
        #expect(await session.end() == 0)
        #expect(session.terminal.isLeft)
        #expect(session.terminal.screen.faults == [])
    }

    @Test func helpsAtAnyPlace() async {
        let session = Session()
        session.type("show i?")
        await session.see("  interface  packets and bytes\n  ip         IPv4\ncauseway# show i")
        session.type("p\n")
        await session.see("ran show ip")
        session.type("show version ?")
        await session.see("  <cr>\ncauseway# show version")
        _ = await session.end()
    }

    @Test func completesWords() async {
        let session = Session()
        session.type("sh")
        session.press(.tab)
        await session.see("causeway# show ")
        session.type("int")
        session.press(.tab)
        await session.see("causeway# show interface")
        session.type("t")
        session.press(.tab)
        await session.see("causeway# show interface tap")
        session.press(.tab, .tab)
        await session.see("tap0  tap1\ncauseway# show interface tap")
        session.type("1\n")
        await session.see("ran show interface tap1")
        _ = await session.end()
        #expect(session.backend.lines == ["show interface tap1"])
    }

    @Test func completesWithoutASupervisor() async {
        let session = Session()
        session.backend.fail(true)
        session.type("sh")
        session.press(.tab)
        await session.see("causeway# show ")
        session.type("versi")
        session.press(.tab)
        await session.see("causeway# show version ")
        _ = await session.end()
    }

    @Test func keepsTheHistory() async {
        let session = Session(historyLines: ["show from-before"])
        session.press(.up, .enter)
        await session.see("ran show from-before")
        session.type("show a\nshow b\n")
        await session.see("ran show b")
        session.press(.up, .up, .enter)
        await session.see("ran show b\ncauseway# show a\nran show a")
        session.press(.control("r"))
        session.type("from")
        await session.see("(reverse-i-search)'from': show from-before")
        session.press(.enter)
        session.type("history\n")
        await session.see(
            "1  show from-before\n2  show a\n3  show b\n4  show a\n5  show from-before"
        )
        let path = session.folder + "/history"
        let kept = try? String(contentsOfFile: path, encoding: .utf8)
        #expect(
            kept == "show from-before\nshow a\nshow b\nshow a\nshow from-before\nhistory\n"
        )
        let mode =
            try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        _ = await session.end()
    }

    @Test func leavesAHistoryAloneThatIsNoPlainFile() throws {
        let session = Session()
        let path = session.folder + "/link"
        try FileManager.default.createSymbolicLink(
            atPath: path,
            withDestinationPath: "/dev/null"
        )
        HistoryFile(path: path).replace(with: ["a line"])
        HistoryFile(path: path).append("a line")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/dev/null")
    }

    @Test func cancelsTheLineWhileItIsCompleted() async {
        let session = Session()
        session.type("sh")
        session.press(.tab, .control("c"))
        await session.see("^C\ncauseway#")
        session.type("show x\n")
        await session.see("ran show x")
        #expect(session.backend.lines == ["show x"])
        _ = await session.end()
    }

    @Test func letsNoTextCommandTheTerminal() async {
        let session = Session()
        session.press(.paste("define a x\u{1B}]0;y\u{7}z\u{9B}31m"), .enter)
        session.type("show macro\n")
        await session.see("a = x\u{FFFD}]0;y\u{FFFD}z\u{FFFD}31m\ncauseway#")
        #expect(session.terminal.screen.faults == [])
        _ = await session.end()
    }

    @Test func replacesMacros() async {
        let session = Session()
        session.type("define net 10.0.0.0/8\nshow ip fib $net\nshow macro\nshow $none\n")
        await session.see("there is no macro \"none\"")
        await session.see("net = 10.0.0.0/8")
        #expect(session.backend.lines.contains("show ip fib 10.0.0.0/8"))
        _ = await session.end()
    }

    @Test func changesItsScope() async {
        let session = Session()
        session.type("scope node 1\n")
        await session.see("causeway[node1]# ")
        session.type("show runtime\n")
        await session.see("ran show runtime for node 1")
        session.type("scope all\nshow runtime\n")
        await session.see("causeway# show runtime\nran show runtime\ncauseway#")
        _ = await session.end()
    }

    @Test func showsLongAnswersPageByPage() async {
        let session = Session()
        session.type("show long\n")
        await session.see("-- more -- (1-23/100)")
        session.press(.character(" "))
        await session.see("-- more -- (24-46/100)")
        session.press(.character("q"))
        await session.see("46\ncauseway#")
        session.type("set terminal pager off\nshow long\n")
        await session.see("100\ncauseway#")
        _ = await session.end()
    }

    @Test func givesUpACommandAtControlC() async {
        let session = Session()
        session.type("hang\n")
        while session.backend.lines.isEmpty {
            try? await Task.sleep(for: .milliseconds(5))
        }
        session.press(.control("c"))
        await session.see("causeway# hang\n^C\ncauseway#")
        session.type("show x\n")
        await session.see("ran show x")
        session.type("half")
        session.press(.control("c"))
        await session.see("causeway# half\n^C\ncauseway#")
        session.press(.control("d"))
        #expect(await session.end() == 0)
    }

    @Test func takesKeysWhileACommandRuns() async {
        let session = Session()
        session.type("slow\nshow after\n")
        await session.see("ran slow\ncauseway# show after\nran show after")
        _ = await session.end()
    }

    @Test func runsPastedLinesOneByOne() async {
        let session = Session()
        session.press(.paste("show a\r\nshow b?\nshow c"))
        await session.see("ran show a\ncauseway# show b?\nran show b?\ncauseway# show c")
        session.press(.enter)
        await session.see("ran show c")
        _ = await session.end()
    }

    @Test func saysWhenTheSupervisorGoesAndComes() async {
        let session = Session()
        await session.see("causeway# ")
        session.backend.fail(true)
        await session.see("-- the supervisor does not answer; waiting for it")
        session.type("show x\n")
        await session.see("cannot reach the supervisor at /nowhere")
        // What needs no supervisor is done, and the shell stays.
        session.type("define a b\nshow macro\n")
        await session.see("a = b")
        session.backend.fail(false, pid: 2)
        await session.see("-- a supervisor answers: process 2")
        session.type("show y\n")
        await session.see("ran show y")
        _ = await session.end()
    }

    @Test func givesTheTerminalBackAtSignals() async {
        let session = Session()
        await session.see("causeway# ")
        session.send(.terminated(15))
        #expect(await session.end() == 15)
        #expect(session.terminal.isLeft)
    }

    @Test func drawsTheLineAnewWhenTheWindowChanges() async {
        let session = Session()
        session.type("show something that is long")
        await session.see("that is long")
        session.terminal.resize(rows: 24, columns: 20)
        session.send(.resized)
        await session.see("causeway# show somet\nhing that is long")
        session.type("\n")
        await session.see("ran show something")
        _ = await session.end()
    }
}

/// A screen that the shell writes to.
private final class FakeTerminal: ShellTerminal {
    private let state = Mutex(
        (screen: TestScreen(rows: 24, columns: 80), isRaw: false, wasRaw: false)
    )

    var screen: TestScreen { state.withLock { $0.screen } }
    /// Whether it was taken and given back.
    var isLeft: Bool { state.withLock { $0.wasRaw && !$0.isRaw } }
    var size: TerminalSize {
        state.withLock { TerminalSize(rows: $0.screen.rows, columns: $0.screen.columns) }
    }

    func resize(rows: Int, columns: Int) {
        state.withLock { $0.screen = TestScreen(rows: rows, columns: columns) }
    }

    func write(_ text: String) { state.withLock { $0.screen.write(text) } }
    func enter() { state.withLock { ($0.isRaw, $0.wasRaw) = (true, true) } }
    func leave() { state.withLock { $0.isRaw = false } }
    func noteAlternateScreen(_ isShown: Bool) {}
    func stop() {}
}

/// Answers every line; some of them slowly, not at all, or with a fault.
private final class FakeBackend: ShellBackend {
    private let state = Mutex((lines: [String](), isFailing: false, pid: Int32(1)))

    var lines: [String] { state.withLock { $0.lines } }

    func fail(_ isFailing: Bool, pid: Int32 = 1) {
        state.withLock { ($0.isFailing, $0.pid) = (isFailing, pid) }
    }

    private func check() throws(ControlClientError) {
        if state.withLock({ $0.isFailing }) {
            throw .unreachable(socket: "/nowhere", reason: "nobody listens there")
        }
    }

    func run(_ line: String, scope: Int?) async throws(ControlClientError)
        -> CommandReply<JSONValue>
    {
        try check()
        let words = line.split(separator: " ").map(String.init)
        if ShellVerb(words) != nil { return CommandReply(ok: true, shell: words) }
        state.withLock { $0.lines.append(line) }
        switch line {
        case "bad":
            let fault = CommandFault(
                kind: "syntax",
                message: "unknown command \"bad\"",
                position: 0,
                expected: ["show", "set"]
            )
            return CommandReply(ok: false, error: fault)
        case "show long":
            return CommandReply(ok: true, text: (1...100).map { "\($0)\n" }.joined())
        case "hang":
            try? await Task.sleep(for: .seconds(3600))
            throw .answer(socket: "/nowhere", reason: "it was given up")
        case "slow": try? await Task.sleep(for: .milliseconds(100))
        default: break
        }
        let suffix = scope.map { " for node \($0)" } ?? ""
        return CommandReply(ok: true, text: "ran \(line)\(suffix)\n")
    }

    func complete(_ line: String) async throws(ControlClientError) -> CompletionReply {
        try check()
        func entry(_ word: String, _ help: String, _ kind: CompletionReply.Kind = .keyword)
            -> CompletionReply.Entry
        { .init(word: word, help: help, kind: kind) }
        switch line {
        case "sh": return CompletionReply(start: 0, entries: [entry("show", "what there is")])
        case "show i", "show int":
            let all = [entry("interface", "packets and bytes"), entry("ip", "IPv4")]
            let partial = line.dropFirst(5)
            return CompletionReply(start: 5, entries: all.filter { $0.word.hasPrefix(partial) })
        case "show interface t", "show interface tap":
            return CompletionReply(
                start: 15,
                entries: [
                    entry("INTERFACE", "only this one", .argument), entry("tap0", "", .name),
                    entry("tap1", "", .name),
                ]
            )
        case "show version ": return CompletionReply(start: 13, entries: [], isComplete: true)
        default: return CompletionReply(start: line.utf8.count, entries: [])
        }
    }

    func session() async throws(ControlClientError) -> SessionSettings {
        try check()
        return SessionSettings(pid: state.withLock { $0.pid }, version: "1")
    }
}
