/// Draws a line that is being typed, over as many rows as it takes.
struct LineDisplay {
    /// The row that the cursor is in, from the first of the line.
    private var row = 0

    /// What draws a line in place of the one that was drawn before.
    mutating func draw(
        prompt: String,
        text: [Character],
        cursor: Int,
        columns: Int
    ) -> String {
        var output = start
        var place = Place()
        for character in prompt { place.add(character, columns) }
        output += prompt
        var target = place
        for (index, character) in text.enumerated() {
            if index == cursor { target = place }
            place.add(character, columns)
        }
        if cursor >= text.count { target = place }
        // Control characters that came by pasting or Ctrl-V are not for the terminal.
        output += String(text.map { TextWidth.isControl($0) ? "\u{FFFD}" : $0 })
        // A terminal waits at the end of a full row; the cursor belongs on the next one.
        if place.column == columns {
            output += "\r\n"
            place.wrap()
        }
        if target.column == columns { target.wrap() }
        if place.row > target.row { output += "\u{1B}[\(place.row - target.row)A" }
        output += "\r"
        if target.column > 0 { output += "\u{1B}[\(target.column)C" }
        row = target.row
        return output
    }

    /// What leaves the drawn line as it is and goes to the row below.
    mutating func finish(prompt: String, text: [Character], columns: Int) -> String {
        draw(prompt: prompt, text: text, cursor: text.count, columns: columns) + "\r\n"
    }

    /// What takes the drawn line away.
    mutating func erase() -> String {
        defer { row = 0 }
        return start
    }

    /// The line is no longer where it was.
    mutating func forget() { row = 0 }

    /// Where the cursor is now that the window has another width.
    mutating func resize(prompt: String, text: [Character], cursor: Int, columns: Int) {
        var place = Place()
        for character in prompt { place.add(character, columns) }
        for character in text[..<min(cursor, text.count)] { place.add(character, columns) }
        if place.column == columns { place.wrap() }
        row = place.row
    }

    private var start: String { (row > 0 ? "\u{1B}[\(row)A" : "") + "\r\u{1B}[J" }

    private struct Place {
        var row = 0
        var column = 0

        mutating func add(_ character: Character, _ columns: Int) {
            let isPlain = character.isASCII || TextWidth.isControl(character)
            let width = isPlain ? 1 : TextWidth.of(character)
            if column + width > columns { wrap() }
            column += width
        }

        mutating func wrap() {
            row += 1
            column = 0
        }
    }
}
