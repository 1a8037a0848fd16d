import Testing

@testable import CommandShell

@Suite struct PagerTests {
    private let text = (1...30).map { "line \($0)\n" }.joined()

    /// What a screen of 11 rows shows after the keys; nil: the pager ended.
    private func shown(_ keys: [Key], size: TerminalSize = .init(rows: 11, columns: 40))
        -> [String]?
    {
        guard var pager = Pager(text, size: size, limit: 0) else { return [] }
        var screen = TestScreen(rows: size.rows, columns: size.columns)
        screen.write(pager.begin())
        for key in keys {
            switch pager.handle(key) {
            case .write(let text): screen.write(text)
            case .end: return nil
            }
        }
        #expect(screen.faults == [])
        return screen.lines
    }

    private func lines(_ first: Int, _ last: Int, _ status: String) -> [String] {
        (first...last).map { "line \($0)" } + [status]
    }

    @Test func showsPagesAndLines() {
        #expect(shown([]) == lines(1, 10, "-- more -- (1-10/30)"))
        #expect(shown([.character(" ")]) == lines(11, 20, "-- more -- (11-20/30)"))
        #expect(shown([.enter, .down]) == lines(3, 12, "-- more -- (3-12/30)"))
        #expect(shown([.character(" "), .character("b")]) == lines(1, 10, "-- more -- (1-10/30)"))
        #expect(shown([.character("G")]) == lines(21, 30, "-- end -- (21-30/30)"))
        #expect(shown([.character("G"), .up]) == lines(20, 29, "-- more -- (20-29/30)"))
        #expect(shown([.character("G"), .character("g")]) == lines(1, 10, "-- more -- (1-10/30)"))
    }

    @Test func endsAtTheEndOrWhenAsked() {
        #expect(shown([.character("q")]) == nil)
        #expect(shown([.control("c")]) == nil)
        #expect(shown([.character(" "), .character(" ")]) != nil)
        #expect(shown([.character(" "), .character(" "), .character(" ")]) == nil)
    }

    @Test func findsText() {
        let search: [Key] = [.character("/"), .character("2"), .character("5"), .enter]
        #expect(shown(search) == lines(21, 30, "-- end -- (21-30/30)"))
        let one: [Key] = [.character("/"), .character("1"), .character("7"), .enter]
        #expect(shown(one) == lines(17, 26, "-- more -- (17-26/30)"))
        #expect(shown(one + [.character("n")])?.last == "-- more -- not found: 17")
        #expect(shown([.character("/"), .character("x"), .backspace, .backspace]) != nil)
        #expect(shown([.character("/"), .character("5"), .escape])?.last == "-- more -- (1-10/30)")
    }

    @Test func pagesOnlyWhatIsLongerThanTheScreen() {
        let size = TerminalSize(rows: 11, columns: 40)
        #expect(Pager("line\n", size: size, limit: 0) == nil)
        #expect(Pager((1...10).map { "\($0)\n" }.joined(), size: size, limit: 0) == nil)
        #expect(Pager((1...11).map { "\($0)\n" }.joined(), size: size, limit: 0) != nil)
        #expect(Pager((1...11).map { "\($0)\n" }.joined(), size: size, limit: 10) == nil)
        // One line that is longer than the screen is wide counts as several.
        #expect(Pager(String(repeating: "x", count: 401) + "\n", size: size, limit: 0) != nil)
    }

    @Test func followsTheWindow() {
        guard var pager = Pager(text, size: .init(rows: 11, columns: 40), limit: 0) else { return }
        _ = pager.begin()
        _ = pager.handle(.character(" "))
        var screen = TestScreen(rows: 6, columns: 30)
        screen.write(pager.resize(.init(rows: 6, columns: 30)))
        #expect(screen.lines == lines(11, 15, "-- more -- (11-15/30)"))
    }
}
