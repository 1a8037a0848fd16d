/// How many columns of a terminal text takes.
enum TextWidth {
    /// Columns of a character: 0 for marks, 2 for wide ones (East Asian, emoji).
    static func of(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if first.value < 0x7F { return first.value < 0x20 ? 0 : 1 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        if wide.contains(where: { $0 ~= first.value }) { return 2 }
        return character.unicodeScalars.contains { $0.value == 0xFE0F } ? 2 : 1
    }

    /// Whether a terminal would take a character for a command.
    static func isControl(_ character: Character) -> Bool {
        character.unicodeScalars.contains { $0.value < 0x20 || 0x7F...0x9F ~= $0.value }
    }

    /// A text that says nothing to a terminal but where its lines end and its tabs are.
    static func harmless(_ text: String) -> String {
        let isHarmless = text.utf8.allSatisfy { 0x20..<0x7F ~= $0 || $0 == 10 || $0 == 9 }
        if isHarmless { return text }
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            let isKept = scalar == "\n" || scalar == "\t" || !isControl(Character(scalar))
            return isKept ? scalar : "\u{FFFD}"
        }
        return String(String.UnicodeScalarView(scalars))
    }

    /// Columns of a text without line feeds.
    static func of(_ text: some Sequence<Character>) -> Int { text.reduce(0) { $0 + of($1) } }

    /// The start of a text that fits into so many columns.
    static func prefix(_ text: String, columns: Int) -> String {
        var width = 0
        return String(
            text.prefix { character in
                width += of(character)
                return width <= columns
            }
        )
    }

    /// From Unicode's EastAsianWidth.txt, classes W and F, in blocks.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x231A...0x231B, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
        0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD,
    ]
}

/// The size of a terminal in characters.
public struct TerminalSize: Hashable, Sendable {
    /// Lines from top to bottom, at least 1.
    public var rows: Int
    /// Characters in a line, at least 1.
    public var columns: Int

    /// Makes a size; what a terminal leaves out (0) is 24 and 80.
    public init(rows: Int, columns: Int) {
        self.rows = rows > 0 ? min(rows, 4096) : 24
        self.columns = columns > 0 ? min(columns, 4096) : 80
    }
}
