/// A line that is being typed: text, cursor, history and search, without a terminal.
struct LineEditor {
    /// What a key asks of whoever owns the editor.
    enum Effect: Hashable {
        /// Draw the line anew.
        case draw
        /// Nothing can be done.
        case refuse
        /// The line is complete.
        case submit
        /// Forget the line.
        case cancel
        /// Nobody wants to go on.
        case leave
        /// Say what may come next.
        case help
        /// Complete the word at the cursor.
        case complete
        /// Draw on an empty screen.
        case clearScreen
        /// Stop the program.
        case suspend
    }

    private(set) var text: [Character] = []
    /// The place of the next character, 0...text.count.
    private(set) var cursor = 0
    /// What Ctrl-K, Ctrl-U and the like took out last.
    private var killed: [Character] = []
    /// The line that is shown of the history; its end: the one that is being typed.
    private var place: Int
    private var typed: [Character] = []
    /// What is looked for backwards, and where it was found; nil: nothing is looked for.
    private(set) var search: (word: String, place: Int?)?
    private var isNextLiteral = false
    var history: History

    /// A line that is longer takes no more, in characters.
    static let longestLine = 65_536

    init(history: History = History()) {
        self.history = history
        place = history.lines.count
    }

    var line: String { String(text) }
    /// What stands before the cursor.
    var head: String { String(text[..<cursor]) }

    /// Whether the cursor stands within quotes.
    var isQuoted: Bool { !text[..<cursor].count { $0 == "\"" }.isMultiple(of: 2) }

    /// Starts an empty line.
    mutating func clear() {
        text = []
        cursor = 0
        search = nil
        isNextLiteral = false
        place = history.lines.count
        typed = []
    }

    /// Replaces the last `count` characters before the cursor.
    mutating func replace(last count: Int, with word: String) {
        let start = max(0, cursor - count)
        text.removeSubrange(start..<cursor)
        cursor = start
        insert(word)
    }

    mutating func insert(_ string: String) {
        guard text.count + string.count <= Self.longestLine else { return }
        // A mark that combines with the character before belongs to it.
        if cursor > 0, let first = string.unicodeScalars.first, TextWidth.of(Character(first)) == 0
        {
            let joined = Array(String(text[cursor - 1]) + string)
            text.replaceSubrange(cursor - 1..<cursor, with: joined)
            cursor += joined.count - 1
            return
        }
        let characters = Array(string)
        text.insert(contentsOf: characters, at: cursor)
        cursor += characters.count
    }

    /// Does what a key means.
    mutating func handle(_ key: Key) -> Effect {
        if isNextLiteral {
            isNextLiteral = false
            if case .character(let character) = key { insert(String(character)) }
            return .draw
        }
        if search != nil, let effect = handleInSearch(key) { return effect }
        switch key {
        case .character("?") where !isQuoted: return .help
        case .character(let character):
            insert(String(character))
            return .draw
        case .paste(let text):
            insert(String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 }))
            return .draw
        case .enter: return .submit
        case .tab: return .complete
        case .control(let letter): return handle(control: letter)
        case .alt(let character): return handle(alt: character)
        default: return handle(named: key)
        }
    }

    private mutating func handle(named key: Key) -> Effect {
        switch key {
        case .backspace: return remove(cursor - 1..<cursor)
        case .delete: return remove(cursor..<cursor + 1)
        case .left: return move(to: cursor - 1)
        case .right: return move(to: cursor + 1)
        case .home: return move(to: 0)
        case .end: return move(to: text.count)
        case .wordLeft: return move(to: wordStart)
        case .wordRight: return move(to: wordEnd)
        case .up: return show(place - 1)
        case .down: return show(place + 1)
        case .pageUp: return show(0)
        case .pageDown: return show(history.lines.count)
        default: return .refuse
        }
    }

    private mutating func handle(control letter: Character) -> Effect {
        switch letter {
        case "a": return move(to: 0)
        case "b": return move(to: cursor - 1)
        case "c": return .cancel
        case "d": return text.isEmpty ? .leave : remove(cursor..<cursor + 1)
        case "e": return move(to: text.count)
        case "f": return move(to: cursor + 1)
        case "k": return kill(cursor..<text.count)
        case "l": return .clearScreen
        case "n": return show(place + 1)
        case "p": return show(place - 1)
        case "r":
            search = ("", nil)
            return .draw
        case "t": return transpose()
        case "u": return kill(0..<cursor)
        case "v":
            isNextLiteral = true
            return .draw
        case "w": return kill(blankWordStart..<cursor)
        case "y":
            insert(String(killed))
            return .draw
        case "z": return .suspend
        default: return .refuse
        }
    }

    private mutating func handle(alt character: Character) -> Effect {
        switch character {
        case "b": return move(to: wordStart)
        case "f": return move(to: wordEnd)
        case "d": return kill(cursor..<wordEnd)
        case "\u{7F}": return kill(wordStart..<cursor)
        case "<": return show(0)
        case ">": return show(history.lines.count)
        default: return .refuse
        }
    }

    private mutating func move(to place: Int) -> Effect {
        guard 0...text.count ~= place else { return .refuse }
        cursor = place
        return .draw
    }

    private mutating func remove(_ range: Range<Int>) -> Effect {
        guard range.lowerBound >= 0, range.upperBound <= text.count else { return .refuse }
        text.removeSubrange(range)
        cursor = range.lowerBound
        return .draw
    }

    private mutating func kill(_ range: Range<Int>) -> Effect {
        guard !range.isEmpty else { return .refuse }
        killed = Array(text[range])
        return remove(range)
    }

    private mutating func transpose() -> Effect {
        guard cursor > 0, text.count > 1 else { return .refuse }
        let right = min(cursor, text.count - 1)
        text.swapAt(right - 1, right)
        cursor = right + 1
        return .draw
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber
    }

    private var wordStart: Int {
        var place = cursor
        while place > 0, !Self.isWord(text[place - 1]) { place -= 1 }
        while place > 0, Self.isWord(text[place - 1]) { place -= 1 }
        return place
    }

    private var wordEnd: Int {
        var place = cursor
        while place < text.count, !Self.isWord(text[place]) { place += 1 }
        while place < text.count, Self.isWord(text[place]) { place += 1 }
        return place
    }

    private var blankWordStart: Int {
        var place = cursor
        while place > 0, text[place - 1] == " " { place -= 1 }
        while place > 0, text[place - 1] != " " { place -= 1 }
        return place
    }

    private mutating func show(_ wanted: Int) -> Effect {
        guard 0...history.lines.count ~= wanted, wanted != place else { return .refuse }
        if place == history.lines.count { typed = text }
        place = wanted
        text = wanted == history.lines.count ? typed : Array(history.lines[wanted])
        cursor = text.count
        return .draw
    }
}

extension LineEditor {
    /// What a key means while something is looked for; nil: the search ends, and the key is as ever.
    private mutating func handleInSearch(_ key: Key) -> Effect? {
        guard let (word, place) = search else { return nil }
        switch key {
        case .character(let character):
            return look(for: word + String(character), from: place ?? history.lines.count - 1)
        case .backspace:
            return look(for: String(word.dropLast()), from: history.lines.count - 1)
        case .control("r"):
            return look(for: word, from: (place ?? history.lines.count) - 1)
        case .control("g"), .control("c"), .escape:
            search = nil
            return .draw
        default:
            take()
            if key == .enter { return .submit }
            return key == .tab ? .draw : nil
        }
    }

    /// Ends a search with the line that was found.
    private mutating func take() {
        if let place = search?.place { _ = show(place) }
        search = nil
    }

    private mutating func look(for word: String, from start: Int) -> Effect {
        guard !word.isEmpty else {
            search = ("", nil)
            return .draw
        }
        let found = start < 0 ? nil : history.lines[...start].lastIndex { $0.contains(word) }
        let former = search?.place
        search = (word, found ?? (search?.word == word ? former : nil))
        return found == nil ? .refuse : .draw
    }

    /// The prompt, text and cursor that a search shows; nil: nothing is looked for.
    var searchView: (prompt: String, text: [Character], cursor: Int)? {
        guard let (word, place) = search else { return nil }
        let line = place.map { history.lines[$0] } ?? ""
        let start = line.ranges(of: word).last.map {
            line.distance(from: line.startIndex, to: $0.lowerBound)
        }
        let failed = place == nil && !word.isEmpty ? "failed " : ""
        return ("(\(failed)reverse-i-search)'\(word)': ", Array(line), start ?? 0)
    }
}
