import Testing

@testable import CommandShell

@Suite struct LineEditorTests {
    /// Feeds text, with `^X` for Ctrl-X, and gives the line with `|` where the cursor is.
    private func edited(_ text: String, _ keys: Key..., history: [String] = []) -> String {
        var editor = LineEditor(history: History(lines: history))
        for character in text { _ = editor.handle(.character(character)) }
        for key in keys { _ = editor.handle(key) }
        return shown(editor)
    }

    private func shown(_ editor: LineEditor) -> String {
        editor.head + "|" + editor.line.dropFirst(editor.head.count)
    }

    @Test func movesAndRemoves() {
        #expect(edited("show int", .left, .backspace, .character("x")) == "show ix|t")
        #expect(edited("show", .home, .delete) == "|how")
        #expect(edited("show int", .control("a"), .control("f"), .control("k")) == "s|")
        #expect(edited("show int", .wordLeft, .control("u")) == "|int")
        #expect(edited("show  int  ", .control("w")) == "show  |")
        #expect(edited("a-b c", .alt("\u{7F}"), .alt("b"), .alt("d")) == "a-| ")
        #expect(edited("show int", .control("w"), .home, .control("y")) == "int|show ")
        #expect(edited("hsow", .home, .right, .control("t")) == "sh|ow")
        #expect(edited("", .backspace, .left, .control("k")) == "|")
        #expect(edited("ab", .alt("b"), .alt("f"), .right) == "ab|")
    }

    @Test func countsCharactersAsPeopleSeeThem() {
        #expect(edited("é😀x", .left, .backspace) == "é|x")
        // A combining accent joins the letter before it.
        #expect(edited("e", .character("\u{301}"), .backspace) == "|")
        #expect(edited("日本", .left, .character("-")) == "日-|本")
    }

    @Test func saysWhatKeysAskFor() {
        var editor = LineEditor()
        let keys: [Key] = [
            .control("d"), .character("?"), .tab, .control("l"), .control("c"), .control("z"),
            .character("a"), .control("d"), .enter,
        ]
        let effects = keys.map { editor.handle($0) }
        #expect(
            effects == [
                .leave, .help, .complete, .clearScreen, .cancel, .suspend, .draw, .refuse, .submit,
            ]
        )
        // Within quotes, after Ctrl-V and in pasted text a question mark is one.
        _ = editor.handle(.character("\""))
        let quoted = editor.handle(.character("?"))
        #expect(quoted == .draw)
        _ = editor.handle(.character("\""))
        _ = editor.handle(.control("v"))
        _ = editor.handle(.character("?"))
        _ = editor.handle(.paste("?\t"))
        #expect(editor.line == "a\"?\"?? ")
    }

    @Test func goesThroughTheHistory() {
        let history = ["show version", "show interface", "show ip fib"]
        #expect(edited("abc", .up, .up, history: history) == "show interface|")
        #expect(edited("abc", .up, .up, .down, .down, history: history) == "abc|")
        #expect(edited("", .pageUp, .up, history: history) == "show version|")
        #expect(edited("x", .down, history: history) == "x|")
    }

    @Test func searchesBackwards() {
        let history = ["show version", "show interface", "set interface state a up", "show ip fib"]
        var editor = LineEditor(history: History(lines: history))
        _ = editor.handle(.control("r"))
        for character in "int" { _ = editor.handle(.character(character)) }
        #expect(editor.searchView?.prompt == "(reverse-i-search)'int': ")
        #expect(editor.searchView.map { String($0.text) } == "set interface state a up")
        _ = editor.handle(.control("r"))
        #expect(editor.searchView.map { String($0.text) } == "show interface")
        let older = editor.handle(.control("r"))
        #expect(older == .refuse)
        #expect(editor.searchView.map { String($0.text) } == "show interface")
        _ = editor.handle(.end)
        #expect(editor.searchView == nil)
        #expect(shown(editor) == "show interface|")
        // Ctrl-G leaves the line as it was; Enter runs what was found.
        _ = editor.handle(.control("r"))
        _ = editor.handle(.character("v"))
        _ = editor.handle(.control("g"))
        #expect(editor.line == "show interface")
        _ = editor.handle(.control("r"))
        for character in "vers" { _ = editor.handle(.character(character)) }
        let found = editor.handle(.enter)
        #expect(found == .submit)
        #expect(editor.line == "show version")
        editor.clear()
        _ = editor.handle(.control("r"))
        let missing = editor.handle(.character("~"))
        #expect(missing == .refuse)
        #expect(editor.searchView?.prompt == "(failed reverse-i-search)'~': ")
    }

    @Test func keepsNoLineTwice() {
        var history = History(limit: 2)
        for line in ["a", "a", " secret", "", "b", "a"] { history.add(line) }
        #expect(history.lines == ["b", "a"])
        history.keep(atMost: 0)
        history.add("c")
        #expect(history.lines == [])
    }

    @Test func endsWithAnyKeys() {
        let letters = "abcdefghijklmnopqrstuvwxyz[]\\^_@".map { Key.control($0) }
        let others: [Key] = [
            .up, .down, .left, .right, .home, .end, .delete, .backspace, .wordLeft, .wordRight,
            .alt("b"), .alt("d"), .alt("\u{7F}"), .escape, .paste("x\u{0}\ny"), .pageUp, .unknown,
            .character("a"), .character(" "), .character("é"), .character("\u{301}"), .enter,
        ]
        var random = SystemRandomNumberGenerator()
        var editor = LineEditor(history: History(lines: ["one", "two words", "é😀"]))
        for _ in 0..<20_000 {
            _ = editor.handle((letters + others).randomElement(using: &random) ?? .enter)
            #expect(editor.cursor >= 0 && editor.cursor <= editor.text.count)
            if editor.text.count > 200 { editor.clear() }
        }
    }
}
