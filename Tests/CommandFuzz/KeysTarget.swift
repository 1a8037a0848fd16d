import CommandShell
import ControlClient
import ControlProtocol
import Supervision
import Synchronization

/// Bytes as a terminal sends them, to a whole shell whose supervisor answers, refuses or is not there.
struct KeysTarget: FuzzTarget {
    let name = "keys"
    let words = [
        "\r", "\t", "\t\t\t", "?", "\u{1B}[A", "\u{1B}[B", "\u{1B}[C", "\u{1B}[D", "\u{1B}[H",
        "\u{1B}[3~", "\u{1B}",
        "\u{1B}b", "\u{1B}f", "\u{1B}d", "\u{1B}<", "\u{1B}[1;5D", "\u{1}", "\u{3}", "\u{4}",
        "\u{5}", "\u{B}",
        "\u{C}", "\u{12}", "\u{14}", "\u{15}", "\u{16}", "\u{17}", "\u{19}", "\u{1A}", "\u{7F}",
        " ", "q", "/",
        "\u{1B}[200~", "\u{1B}[201~", "\u{1B}]0;x\u{7}", "é", "日本", "e\u{301}", "👨‍👩‍👧", "\u{200D}",
        "define x $y\r",
        "define y $x$x\r", "echo $x\r", "show macro\r", "history\r", "help\r", "top\r",
        "show terminal\r",
        "scope node 1\r", "set terminal pager limit 5\r", "set terminal history limit 2\r",
        "stats ls x\r",
        "\u{1B}[99999999999999999999A", "\u{1B}[;;;;~", "\u{1B}O", "\u{9B}A", "exec /usr/",
    ]
    /// Out of wherever the text has led: a search, a page, a live view, a line.
    private static let wayOut: [Key] = {
        let line: [Key] = [.control("u")] + "quit".map { .character($0) } + [.enter]
        return [.enter, .enter, .enter, .character("q")] + line
    }()
    private let markers = [
        "-- more --", "-- end --", "reverse-i-search", "failed", "<cr>", "\u{7}", "no macro",
        "deep", "unknown",
        "ambiguous", "not complete", "not closed", "terminal width", "^C", "nothing fits", "q quit",
        "cannot reach", "is not known", "1  ", "is not",
    ]

    func seed(_ line: String) -> [UInt8] { Array((line + "\r").utf8) }

    func examine(_ text: [UInt8]) async throws(FuzzFault) -> String {
        let columns = 1 + (text.first.map(Int.init) ?? 80)
        let terminal = RecordingTerminal(rows: 2 + text.count % 40, columns: columns)
        let (events, post) = AsyncStream.makeStream(of: TerminalEvent.self)
        var decoder = KeyDecoder()
        // In two parts: a sequence may come in pieces, and the window changes between them.
        for key in decoder.feed(text.prefix(text.count / 2)) { post.yield(.key(key)) }
        post.yield(.resized)
        for key in decoder.feed(text.dropFirst(text.count / 2)) + decoder.flush() {
            post.yield(.key(key))
        }
        // Keys that come while a command runs are for the next line, so the way out is tried until it is found.
        let leaving = Task {
            var rounds = 0
            while !Task.isCancelled {
                for key in Self.wayOut { post.yield(.key(key)) }
                for _ in 0..<20 { await Task.yield() }
                rounds += 1
                // A sleep fails only when it is cancelled, which the loop looks at.
                if rounds > 2 { try? await Task.sleep(for: .milliseconds(1)) }
            }
        }
        defer {
            leaving.cancel()
            post.finish()
        }
        var shell = Shell(
            backend: GrammarBackend(isThere: !text.count.isMultiple(of: 7)),
            terminal: terminal,
            events: events,
            surroundings: Shell.Surroundings(
                folder: "/usr",
                runtimeDirectory: "/nowhere",
                variable: { _ in nil }
            )
        )
        let signal = await shell.run()
        guard signal == 0, !terminal.isRaw else {
            throw FuzzFault(description: "the shell left with signal \(signal)")
        }
        let output = terminal.output
        if let fault = Self.strangeSequence(in: output) { throw FuzzFault(description: fault) }
        let shown = markers.indices.filter { output.contains(markers[$0]) }
        return
            "\(shown) \(terminal.alternateScreens.bitWidth - terminal.alternateScreens.leadingZeroBitCount)"
    }

    /// A control character or escape sequence that the shell does not write by itself: somebody's text reached the
    /// terminal as it was.
    private static func strangeSequence(in output: String) -> String? {
        var bytes = Array(output.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == 0xC2, let next = bytes.first, next < 0xA0 { return "a C1 control" }
            guard byte < 0x20 || byte == 0x7F else { continue }
            if byte == 7 || byte == 9 || byte == 10 || byte == 13 { continue }
            guard byte == 0x1B, bytes.popFirst() == UInt8(ascii: "["),
                let end = bytes.firstIndex(where: { 0x40...0x7E ~= $0 }),
                "ACHJKmhl".utf8.contains(bytes[end])
            else { return "byte \(byte) reached the terminal before \(bytes.prefix(20))" }
            bytes = bytes[(end + 1)...]
        }
        return nil
    }
}

/// Knows what was written to it.
private final class RecordingTerminal: ShellTerminal {
    private let state = Mutex((output: "", isRaw: false, alternateScreens: 0))
    let size: TerminalSize

    init(rows: Int, columns: Int) { size = TerminalSize(rows: rows, columns: columns) }

    var output: String { state.withLock { $0.output } }
    var isRaw: Bool { state.withLock { $0.isRaw } }
    var alternateScreens: Int { state.withLock { $0.alternateScreens } }

    func write(_ text: String) { state.withLock { $0.output += text } }
    func enter() { state.withLock { $0.isRaw = true } }
    func leave() { state.withLock { $0.isRaw = false } }
    func noteAlternateScreen(_ isShown: Bool) {
        state.withLock { $0.alternateScreens += isShown ? 1 : 0 }
    }
    func stop() {}
}

/// Understands commands as the supervisor does, and carries out none.
private struct GrammarBackend: ShellBackend {
    let isThere: Bool

    private static let context = GrammarContext(interfaces: ["left0", "left1"], numaNodes: [0, 1])
    private static let shellWords: Set = [
        "scope", "define", "undefine", "history", "top", "stats", "quit", "exit",
    ]

    private func check() throws(ControlClientError) {
        if !isThere { throw .unreachable(socket: "/nowhere", reason: "nobody listens there") }
    }

    func run(_ line: String, scope: Int?) async throws(ControlClientError)
        -> CommandReply<JSONValue>
    {
        try check()
        do throws(CommandFailure) {
            let tokens = try CommandToken.split(line)
            let match = try CommandTable.grammar.match(
                tokens,
                length: line.utf8.count,
                context: Self.context
            )
            let keys = match.captures.map(\.key)
            if Self.shellWords.contains(keys.first ?? "") || keys.prefix(2) == ["show", "macro"]
                || keys.prefix(2) == ["show", "terminal"] || keys.prefix(2) == ["set", "terminal"]
            {
                return CommandReply(ok: true, shell: tokens.map(\.text))
            }
            let text = keys == ["help"] ? String(repeating: "a line\n", count: 100) : line + "\n"
            return CommandReply(ok: true, text: text)
        } catch {
            let fault = CommandFault(
                kind: error.kind.rawValue,
                message: error.message,
                position: error.position,
                expected: error.expected
            )
            return CommandReply(ok: false, error: fault)
        }
    }

    func complete(_ line: String) async throws(ControlClientError) -> CompletionReply {
        try check()
        return CommandTable.grammar.complete(line, context: Self.context)
    }

    func session() async throws(ControlClientError) -> SessionSettings {
        try check()
        return SessionSettings(pid: 1, version: "1")
    }
}
