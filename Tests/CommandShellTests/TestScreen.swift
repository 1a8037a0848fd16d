/// A terminal's screen as the bytes that a program writes leave it: enough of a VT100 for what the
/// shell writes, and a fault for what it should not.
struct TestScreen {
    let rows: Int
    let columns: Int
    private(set) var cells: [[Character]]
    private(set) var row = 0
    private(set) var column = 0
    /// Sequences that this terminal does not know.
    private(set) var faults: [String] = []
    private var pending = ""

    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        cells = Array(repeating: Array(repeating: " ", count: columns), count: rows)
    }

    /// The lines, without blanks at their ends and empty ones at the end.
    var lines: [String] {
        var lines = cells.map { line -> String in
            var text = String(line.filter { $0 != "\0" })
            while text.last == " " { text.removeLast() }
            return text
        }
        while lines.last == "" { lines.removeLast() }
        return lines
    }

    mutating func write(_ text: String) {
        var rest = Array(text.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\r": column = 0
            case "\n": feed()
            case "\u{07}": break
            case "\u{1B}": escape(&rest)
            default: put(Character(scalar))
            }
        }
    }

    private mutating func feed() {
        // As with ONLCR: a line feed goes to the line's start.
        column = 0
        if row < rows - 1 {
            row += 1
        } else {
            cells.removeFirst()
            cells.append(Array(repeating: " ", count: columns))
        }
    }

    private mutating func put(_ character: Character) {
        let width =
            character.unicodeScalars.first.map { 0x1100...0x3FFFF ~= $0.value } == true ? 2 : 1
        if character.unicodeScalars.first?.properties.generalCategory == .nonspacingMark {
            if column > 0 {
                cells[row][column - 1] = Character(
                    String(cells[row][column - 1]) + String(character)
                )
            }
            return
        }
        if column + width > columns { feed() }
        cells[row][column] = character
        if width == 2 { cells[row][column + 1] = "\0" }
        column += width
    }

    private mutating func escape(_ rest: inout ArraySlice<Unicode.Scalar>) {
        guard rest.first == "[" else {
            return faults.append("ESC \(rest.first.map(String.init) ?? "")")
        }
        rest.removeFirst()
        var parameters = ""
        while let scalar = rest.popFirst() {
            if (0x40...0x7E).contains(scalar.value) {
                return perform(parameters, Character(scalar))
            }
            parameters.unicodeScalars.append(scalar)
        }
    }

    private mutating func perform(_ parameters: String, _ final: Character) {
        let number = Int(parameters.split(separator: ";").first ?? "")
        switch final {
        case "A": row = max(0, row - (number ?? 1))
        case "C": column = min(columns - 1, column + (number ?? 1))
        case "H":
            let numbers = parameters.split(separator: ";").compactMap { Int($0) }
            row = min(rows, numbers.first ?? 1) - 1
            column = min(columns, numbers.count > 1 ? numbers[1] : 1) - 1
        case "J":
            if number != 2 { for place in column..<columns { cells[row][place] = " " } }
            let first = number == 2 ? 0 : row + 1
            for line in first..<max(first, rows) {
                cells[line] = Array(repeating: " ", count: columns)
            }
        case "K": for place in min(column, columns)..<columns { cells[row][place] = " " }
        case "m", "h", "l": break
        default: faults.append("ESC [ \(parameters) \(final)")
        }
    }
}
