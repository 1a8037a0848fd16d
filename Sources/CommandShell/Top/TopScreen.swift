/// Draws lines over those that are on the screen: only what differs, and all at once.
struct TopScreen {
    private var shown: [String] = []
    private var size: TerminalSize?

    /// Shows the alternate screen without a cursor.
    static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J"
    /// Shows what was there before.
    static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    /// What makes the screen show these lines; empty: it does.
    mutating func draw(_ lines: [String], size: TerminalSize) -> String {
        var output = ""
        if self.size != size {
            output = "\u{1B}[2J"
            shown = []
            self.size = size
        }
        for (row, line) in lines.enumerated() where row >= shown.count || shown[row] != line {
            output += "\u{1B}[\(row + 1);1H\(line)\u{1B}[K"
        }
        shown = lines
        // A terminal that knows synchronized updates shows them as one; others pass over the marks.
        return output.isEmpty ? "" : "\u{1B}[?2026h" + output + "\u{1B}[?2026l"
    }
}
