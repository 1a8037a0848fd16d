internal import ControlClient
internal import ControlProtocol
internal import Glibc

extension Shell {
    /// Runs the line that was typed.
    mutating func submit() async {
        let line = editor.line
        finishLine()
        if editor.history.add(line) { historyFile?.append(line) }
        editor.clear()
        let words = line.split(separator: " ").map(String.init)
        if words.isEmpty || words[0].hasPrefix("#") { return edit() }
        if ShellVerb(words) == .quit { return isLeaving = true }
        do throws(Macros.Fault) {
            start(CommandLineSession.absolute(try macros.expand(line), in: surroundings.folder))
        } catch { show("\(error)\n") }
    }

    private mutating func start(_ line: String) {
        requests += 1
        let (number, backend, post, scope) = (requests, backend, post, scope)
        let task = Task {
            do throws(ControlClientError) {
                let reply = try await backend.run(line, scope: scope)
                post.yield(.answer(number, .success(reply)))
            } catch { post.yield(.answer(number, .failure(error))) }
        }
        mode = .running(number, task, line: line)
    }

    /// Shows the answer to the command that runs.
    mutating func take(
        _ answer: Result<CommandReply<JSONValue>, ControlClientError>,
        of number: Int
    ) async {
        guard case .running(number, _, let line) = mode else { return }
        switch answer {
        case .success(let reply):
            isConnected = true
            if let words = reply.shell { return await perform(words) }
            if let fault = reply.error { return show(fault.text(about: line)) }
            show(reply.text ?? "")
        case .failure(let error):
            isConnected = false
            // What needs no supervisor works without one, as long as it is written in full.
            let words = line.split(separator: " ").map(String.init)
            if ShellVerb(words) != nil { return await perform(words) }
            show("\(error)\n")
        }
    }

    /// Shows a text, page by page if it is long, and takes a new line afterwards.
    mutating func show(_ text: String) {
        let harmless = TextWidth.harmless(text)
        let ended = text.isEmpty || text.hasSuffix("\n") ? harmless : harmless + "\n"
        if settings.hasPager,
            var pager = Pager(ended, size: terminal.size, limit: settings.pagerLimit)
        {
            say(pager.begin())
            return mode = .paging(pager)
        }
        say(ended)
        edit()
    }

    private mutating func perform(_ words: [String]) async {
        guard let verb = ShellVerb(words) else {
            return show("\"\(words.joined(separator: " "))\" is not known to this causewayctl\n")
        }
        switch verb {
        case .quit: isLeaving = true
        case .scope(let node):
            scope = node
            edit()
        case .define(let name, let value):
            do throws(Macros.Fault) {
                try macros.define(name, value)
                edit()
            } catch { show("\(error)\n") }
        case .undefine(let name):
            show(macros.undefine(name) ? "" : "there is no macro \"\(name)\"\n")
        case .showMacro: show(macros.text)
        case .history:
            let lines = editor.history.lines.enumerated().map { "\($0 + 1)  \($1)\n" }
            show(lines.joined())
        case .clearHistory:
            editor.history.clear()
            editor.clear()
            historyFile?.replace(with: [])
            edit()
        case .showTerminal: show(terminalText)
        case .pager, .pagerLimit, .keepHistory, .historyLimit: change(verb)
        case .top: await showTop()
        case .stats(let words): runStatistics(words)
        }
    }

    private mutating func change(_ verb: ShellVerb) {
        switch verb {
        case .pager(let isOn): overrides.hasPager = isOn
        case .pagerLimit(let lines): overrides.pagerLimit = lines
        case .keepHistory(let isOn): overrides.historyLimit = isOn ? 50 : 0
        case .historyLimit(let lines):
            overrides.historyLimit = lines == 0 ? History.largestLimit : lines
        default: break
        }
        editor.history.keep(atMost: settings.historyLimit)
        editor.clear()
        edit()
    }

    private var terminalText: String {
        let size = terminal.size
        func text(_ limit: Int) -> String { limit == 0 ? "none" : "\(limit)" }
        return """
            terminal width:        \(size.columns)
            terminal height:       \(size.rows)
            pager:                 \(settings.hasPager ? "on" : "off")
            pager line limit:      \(text(settings.pagerLimit))
            history line limit:    \(settings.historyLimit)
            history file:          \(historyFile?.path ?? "none")
            prompt:                \(prompt)
            scope:                 \(scope.map { "node \($0)" } ?? "all")

            """
    }

    /// Runs `stats` until it ends or Ctrl-C.
    private mutating func runStatistics(_ words: [String]) {
        let session = StatisticsSession(
            runtimeDirectory: surroundings.runtimeDirectory,
            terminal: SessionOutput(terminal: terminal),
            isJSON: false
        )
        let (number, post) = (requests, post)
        if words.first == "watch" { say("\u{1B}[H\u{1B}[2J") }
        let task = Task {
            _ = await session.run(words)
            post.yield(.ended(number))
        }
        mode = .running(number, task, line: "stats")
    }

    private mutating func showTop() async {
        let top = TopSession(
            terminal: terminal,
            sampler: TopSampler(
                runtimeDirectory: surroundings.runtimeDirectory,
                client: backend as? ControlClient
            ),
            title: settings.instance
        )
        let signal = await top.run(&events, post)
        if signal != 0 {
            self.signal = signal
            isLeaving = true
        }
        edit()
    }
}

/// Shows what `stats` says on the shell's terminal.
private struct SessionOutput: SessionTerminal {
    let terminal: any ShellTerminal
    let isInteractive = true

    func write(_ text: String) { terminal.write(text) }
    func complain(_ text: String) { terminal.write(text) }
}
