/// Shows a long text page by page.
struct Pager {
    /// What a key came to.
    enum Step: Hashable {
        /// Write this and go on.
        case write(String)
        /// Write this; the pager is done.
        case end(String)
    }

    private let text: String
    /// The text as rows of the screen.
    private var rows: [Substring]
    private var size: TerminalSize
    /// The row below the last one on the screen.
    private var next = 0
    /// What is being looked for; nil: nothing is typed.
    private var typed: String?
    private var word = ""
    private var note = ""

    /// Makes a pager; nil: the text fits the screen, or has more lines than a pager takes.
    init?(_ text: String, size: TerminalSize, limit: Int) {
        self.text = text
        self.size = size
        rows = Self.rows(of: text, columns: size.columns)
        guard rows.count > size.rows - 1, size.rows > 2, limit == 0 || rows.count <= limit else {
            return nil
        }
    }

    private static func rows(of text: String, columns: Int) -> [Substring] {
        var rows: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            // Nearly all lines are plain and short.
            if line.utf8.count <= columns {
                rows.append(line)
                continue
            }
            var rest = line
            repeat {
                let row = TextWidth.prefix(String(rest), columns: columns).count
                rows.append(rest.prefix(max(1, row)))
                rest = rest.dropFirst(max(1, row))
            } while !rest.isEmpty
        }
        if rows.last?.isEmpty == true { rows.removeLast() }
        return rows
    }

    private var page: Int { size.rows - 1 }
    private var top: Int { max(0, next - page) }

    /// The first page.
    mutating func begin() -> String { forward(page) }

    /// Takes the window's new size, and draws the page anew.
    mutating func resize(_ size: TerminalSize) -> String {
        let first = top
        self.size = size
        rows = Self.rows(of: text, columns: size.columns)
        next = 0
        return jump(to: min(first, max(0, rows.count - 1)))
    }

    /// Does what a key means.
    mutating func handle(_ key: Key) -> Step {
        if typed != nil { return handleTyping(key) }
        note = ""
        switch key {
        case .character(" "), .character("f"), .pageDown, .control("f"), .control("v"):
            return next >= rows.count ? end : .write(forward(page))
        case .enter, .down, .character("j"), .control("n"):
            return next >= rows.count ? end : .write(forward(1))
        case .character("d"), .control("d"):
            return next >= rows.count ? end : .write(forward(max(1, page / 2)))
        case .character("b"), .pageUp, .control("b"), .alt("v"): return .write(jump(to: top - page))
        case .up, .character("k"), .character("y"), .control("p"):
            return .write(jump(to: top - 1))
        case .character("u"), .control("u"): return .write(jump(to: top - page / 2))
        case .home, .character("g"), .character("<"): return .write(jump(to: 0))
        case .end, .character("G"), .character(">"): return .write(jump(to: rows.count - page))
        case .character("/"):
            typed = ""
            return .write(status)
        case .character("n"): return .write(find())
        case .character("q"), .character("Q"), .control("c"), .escape: return end
        case .character("h"), .character("?"):
            note = "space/b page, enter/k line, g/G start/end, /word n search, q quit"
            return .write(status)
        default: return .write("\u{07}")
        }
    }

    private var end: Step { .end("\r\u{1B}[K") }

    private mutating func handleTyping(_ key: Key) -> Step {
        switch key {
        case .character(let character): typed?.append(character)
        case .backspace:
            if typed?.isEmpty == true { typed = nil } else { typed?.removeLast() }
        case .enter:
            if let typed, !typed.isEmpty { word = typed }
            typed = nil
            return .write(find())
        case .escape, .control("c"), .control("g"): typed = nil
        default: break
        }
        return .write(status)
    }

    private mutating func find() -> String {
        guard !word.isEmpty else {
            note = "nothing to search for"
            return status
        }
        let found = rows.indices.dropFirst(top + 1).first { rows[$0].contains(word) }
        guard let found else {
            note = "not found: \(word)"
            return status
        }
        return jump(to: min(found, max(0, rows.count - page)))
    }

    private mutating func forward(_ count: Int) -> String {
        let end = min(rows.count, next + count)
        let part = rows[next..<end].map { marked($0) + "\r\n" }.joined()
        next = end
        return "\r\u{1B}[K" + part + status
    }

    private mutating func jump(to row: Int) -> String {
        let first = max(0, min(row, rows.count - 1))
        next = min(rows.count, first + page)
        let part = rows[first..<next].map { marked($0) + "\r\n" }.joined()
        return "\u{1B}[H\u{1B}[2J" + part + status
    }

    /// A row with what is looked for in reverse video.
    private func marked(_ row: Substring) -> String {
        word.isEmpty
            ? String(row) : String(row).replacing(word, with: "\u{1B}[7m\(word)\u{1B}[27m")
    }

    private var status: String {
        if let typed { return "\r\u{1B}[K/" + typed }
        let state = next >= rows.count ? "end" : "more"
        let plain =
            note.isEmpty
            ? "-- \(state) -- (\(top + 1)-\(next)/\(rows.count))" : "-- \(state) -- \(note)"
        return "\r\u{1B}[K\u{1B}[1m" + TextWidth.prefix(plain, columns: size.columns - 1)
            + "\u{1B}[0m"
    }
}
