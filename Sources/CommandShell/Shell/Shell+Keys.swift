internal import ControlClient
internal import ControlProtocol

extension Shell {
    /// Does what a key means now.
    mutating func take(_ key: Key) async {
        switch mode {
        case .editing: await type(key)
        case .paging(let pager): page(pager, key)
        case .running(_, let task, _):
            guard key == .control("c") else { return keep(key) }
            requests += 1
            task.cancel()
            ahead = []
            say("^C\n")
            edit()
        case .completing:
            guard key == .control("c") else { return keep(key) }
            requests += 1
            ahead = []
            mode = .editing
            await type(key)
        }
    }

    private mutating func keep(_ key: Key) {
        if ahead.count < Self.longestAhead { ahead.append(key) }
    }

    private mutating func page(_ pager: Pager, _ key: Key) {
        var pager = pager
        switch pager.handle(key) {
        case .write(let text):
            say(text)
            mode = .paging(pager)
        case .end(let text):
            say(text)
            edit()
        }
    }

    private mutating func type(_ key: Key) async {
        if case .paste(let text) = key, text.contains(where: \.isNewline) {
            return ahead.insert(contentsOf: Self.lines(of: text), at: 0)
        }
        let effect = editor.handle(key)
        if effect != .complete { listedAt = nil }
        switch effect {
        case .draw: drawLine()
        case .refuse: say("\u{07}")
        case .submit: await submit()
        case .help: ask(isHelp: true)
        case .complete: ask(isHelp: false)
        case .cancel:
            finishLine()
            say("^C\n")
            editor.clear()
            drawLine()
        case .leave:
            finishLine()
            isLeaving = true
        case .clearScreen:
            say("\u{1B}[H\u{1B}[2J")
            display.forget()
            drawLine()
        case .suspend:
            finishLine()
            terminal.stop()
        }
    }

    /// The keys of text that was pasted with line feeds in it.
    private static func lines(of text: String) -> [Key] {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        return lines.enumerated().flatMap { index, line -> [Key] in
            let word: [Key] = line.isEmpty ? [] : [.paste(String(line))]
            return word + (index < lines.count - 1 ? [.enter] : [])
        }
    }

    /// Asks the supervisor what may stand at the cursor.
    private mutating func ask(isHelp: Bool) {
        requests += 1
        let (number, backend, post) = (requests, backend, post)
        let line = expandedHead
        mode = .completing(number, isHelp: isHelp)
        Task {
            do throws(ControlClientError) {
                post.yield(.completion(number, .success(try await backend.complete(line))))
            } catch { post.yield(.completion(number, .failure(error))) }
        }
    }

    /// What stands before the cursor, with its macros replaced where they can be.
    private var expandedHead: String {
        (try? macros.expand(editor.head)) ?? editor.head
    }

    /// Shows or inserts what may stand at the cursor.
    mutating func take(_ answer: Result<CompletionReply, ControlClientError>, of number: Int) {
        guard case .completing(number, let isHelp) = mode else { return }
        mode = .editing
        let line = expandedHead
        let reply: CompletionReply
        switch answer {
        case .success(let found): reply = found
        case .failure: reply = CommandForms.complete(line)
        }
        let partial = String(decoding: line.utf8.dropFirst(reply.start), as: UTF8.self)
        var entries = reply.entries
        if entries.contains(where: { $0.kind == .path }) {
            entries += FileNames.matching(partial, in: surroundings.folder)
        }
        if isHelp { return help(reply, entries) }
        complete(entries.filter { $0.kind == .keyword || $0.kind == .name }.map(\.word), partial)
    }

    private mutating func help(_ reply: CompletionReply, _ entries: [CompletionReply.Entry]) {
        let width = min(32, entries.map { TextWidth.of($0.word) }.max() ?? 0)
        var text = entries.map { entry in
            let blanks = String(repeating: " ", count: max(1, width - TextWidth.of(entry.word) + 2))
            return entry.help.isEmpty
                ? "  \(entry.word)\n" : "  \(entry.word)\(blanks)\(entry.help)\n"
        }.joined()
        if reply.isComplete { text += "  <cr>\n" }
        if let error = reply.error { text = error.text(about: editor.head) }
        if text.isEmpty { text = "  nothing fits here\n" }
        finishLine()
        show(text)
    }

    private mutating func complete(_ words: [String], _ partial: String) {
        let words = Set(words).filter { $0.hasPrefix(partial) }.sorted()
        guard let first = words.first, editor.head.hasSuffix(partial) else { return say("\u{07}") }
        if words.count == 1 {
            editor.replace(last: partial.count, with: first + (first.hasSuffix("/") ? "" : " "))
            return drawLine()
        }
        let common = words.reduce(first) { $0.commonPrefix(with: $1) }
        if common.count > partial.count {
            editor.replace(last: partial.count, with: common)
            return drawLine()
        }
        // The first Tab that adds nothing rings, the next one lists.
        guard listedAt == editor.head else {
            listedAt = editor.head
            return say("\u{07}")
        }
        finishLine()
        show(Self.columns(words, width: terminal.size.columns))
    }

    /// Words side by side, ordered downwards.
    static func columns(_ words: [String], width: Int) -> String {
        let cell = (words.map { TextWidth.of($0) }.max() ?? 0) + 2
        let count = max(1, width / cell)
        let rows = (words.count + count - 1) / count
        return (0..<rows).map { row in
            let line = stride(from: row, to: words.count, by: rows).map { index in
                let blanks = max(0, cell - TextWidth.of(words[index]))
                return words[index] + String(repeating: " ", count: blanks)
            }.joined()
            return line.trimmingSuffix(" ") + "\n"
        }.joined()
    }
}

extension String {
    fileprivate func commonPrefix(with other: String) -> String {
        String(zip(self, other).prefix { $0 == $1 }.map(\.0))
    }

    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        return text
    }
}
