/// Lines of aligned columns.
struct TextTable {
    private var rows: [[String]] = []
    /// Blanks before each line.
    var indentation = 0

    init(indentation: Int = 0) { self.indentation = indentation }

    mutating func append(_ cells: String...) { rows.append(cells) }

    /// The lines, each with its newline; columns are two blanks apart.
    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = String(repeating: " ", count: indentation)
            for (column, cell) in row.enumerated() {
                line += cell
                guard column + 1 < row.count else { continue }
                line += String(repeating: " ", count: widths[column] - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
