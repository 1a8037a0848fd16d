import Testing

@testable import CommandShell

@Suite struct LineDisplayTests {
    @Test(arguments: [10, 11, 12, 13, 20, 80])
    func drawsLinesOverAsManyRowsAsTheyTake(columns: Int) {
        var screen = TestScreen(rows: 12, columns: columns)
        var display = LineDisplay()
        screen.write("before\r\n")
        let line = Array("show interface tap0 état 日本語")
        for (count, cursor) in [(3, 3), (29, 29), (29, 4), (29, 20), (8, 8), (29, 0), (0, 0)] {
            let text = Array(line.prefix(count))
            screen.write(
                display.draw(
                    prompt: "cw# ",
                    text: text,
                    cursor: min(cursor, text.count),
                    columns: columns
                )
            )
            #expect(screen.lines.first == "before")
            #expect(
                screen.lines.dropFirst().joined().replacing(" ", with: "")
                    == ("cw# " + String(text)).replacing(" ", with: "")
            )
            // A character that is typed stands where the cursor says.
            var copy = screen
            copy.write("#")
            #expect(copy.lines.joined().contains("#"))
        }
        #expect(screen.faults == [])
    }

    @Test func takesTheLineAwayAndPutsItBack() {
        var screen = TestScreen(rows: 8, columns: 10)
        var display = LineDisplay()
        let text = Array("0123456789abcdef")
        screen.write(display.draw(prompt: "# ", text: text, cursor: 16, columns: 10))
        screen.write(display.erase() + "a note\r\n")
        screen.write(display.draw(prompt: "# ", text: text, cursor: 16, columns: 10))
        #expect(screen.lines == ["a note", "# 01234567", "89abcdef"])
        screen.write(display.finish(prompt: "# ", text: text, columns: 10))
        #expect(screen.row == 3 && screen.column == 0)
    }

    @Test func knowsItsRowAfterTheWindowChanged() {
        var display = LineDisplay()
        let text = Array("0123456789abcdef")
        _ = display.draw(prompt: "# ", text: text, cursor: 16, columns: 80)
        var screen = TestScreen(rows: 8, columns: 10)
        screen.write("# 0123456789abcdef")
        display.resize(prompt: "# ", text: text, cursor: 16, columns: 10)
        screen.write(display.draw(prompt: "# ", text: text, cursor: 16, columns: 10))
        #expect(screen.lines == ["# 01234567", "89abcdef"])
    }
}
