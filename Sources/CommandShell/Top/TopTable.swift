/// Rows of numbers below titles, as many columns as fit.
struct TopTable {
    /// A column.
    struct Column {
        var title: String
        var isLeft = false
        /// Columns of higher ranks are left out first where the terminal is narrow; 0: never.
        var rank = 0
    }

    /// A row: texts, what to sort by, and which place of the dataplane it is about.
    struct Row {
        var cells: [String]
        var values: [Double]
        var numaNode: Int?
        var lane: Int?
        var graphNode: String?
        /// Something is wrong there.
        var isAlert = false
    }

    var title: String
    var columns: [Column]
    var rows: [Row]
    /// The column that rows are sorted by; nil: the order in which they came.
    var sorted: Int?

    /// Sorts by a column, equal ones in the order in which they came.
    mutating func sort(by column: Int, ascending: Bool) {
        sorted = column
        rows = rows.enumerated().sorted { left, right in
            let (a, b) = (left.element, right.element)
            let isText = columns[column].isLeft
            if isText ? a.cells[column] == b.cells[column] : a.values[column] == b.values[column] {
                return left.offset < right.offset
            }
            let isLess =
                isText
                ? a.cells[column] < b.cells[column] : a.values[column] < b.values[column]
            return isLess == ascending
        }.map(\.element)
    }

    /// Which columns fit, and how wide each is.
    private func layout(_ width: Int) -> [(column: Int, width: Int)] {
        let widths = columns.indices.map { column in
            max(
                TextWidth.of(columns[column].title),
                rows.map { TextWidth.of($0.cells[column]) }.max() ?? 0
            )
        }
        var chosen = Array(columns.indices)
        func total() -> Int { chosen.reduce(0) { $0 + widths[$1] + 2 } - 2 }
        while total() > width, let last = chosen.max(by: { rank($0) < rank($1) }), rank(last) > 0 {
            chosen.removeAll { $0 == last }
        }
        return chosen.map { ($0, widths[$0]) }
    }

    /// Of two columns of one rank the right one goes first.
    private func rank(_ column: Int) -> Int {
        columns[column].rank == 0 ? 0 : columns[column].rank * 100 + column
    }

    /// The titles and the rows as texts of at most `width` columns.
    func lines(width: Int) -> (titles: String, rows: [String]) {
        let layout = layout(width)
        func line(_ cells: [String]) -> String {
            let parts = layout.enumerated().map { index, place -> String in
                let cell = cells[place.column]
                let blanks = String(
                    repeating: " ",
                    count: max(0, place.width - TextWidth.of(cell))
                )
                if columns[place.column].isLeft {
                    return index == layout.count - 1 ? cell : cell + blanks
                }
                return blanks + cell
            }
            return TextWidth.prefix(parts.joined(separator: "  "), columns: width)
        }
        let titles = columns.enumerated().map { $0 == sorted ? Self.mark($1.title) : $1.title }
        return (line(titles), rows.map { line($0.cells) })
    }

    /// A title of the sorted column, in the same width: capital letters are seen without colours.
    private static func mark(_ title: String) -> String { title.uppercased() }
}

/// Numbers for people.
enum TopFigure {
    /// 0, 950, 12.3k, 1.23M, 14.2G.
    static func short(_ value: Double) -> String {
        guard value.isFinite, value >= 0 else { return "-" }
        if value == 0 { return "0" }
        if value < 9.95 { return fixed(value, 1) }
        if value < 1000 { return fixed(value, 0) }
        for (limit, suffix) in [(1e6, "k"), (1e9, "M"), (1e12, "G"), (1e15, "T")]
        where value < limit * 0.9995 {
            let scaled = value / (limit / 1000)
            return fixed(scaled, scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0) + suffix
        }
        return "inf"
    }

    /// With a tenth where that says something.
    static func quotient(_ value: Double) -> String { fixed(value, value < 1000 ? 1 : 0) }

    /// As many parts as fit, with two blanks between.
    static func fitting(_ parts: [String], columns: Int) -> String {
        var text = ""
        for part in parts {
            let longer = text.isEmpty ? part : text + "  " + part
            if TextWidth.of(longer) > columns { continue }
            text = longer
        }
        return text
    }

    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        let factor = [1.0, 10.0, 100.0, 1000.0][min(digits, 3)]
        let scaled = Int((value * factor).rounded())
        guard digits > 0 else { return "\(scaled)" }
        let rest = String(Int(factor) + abs(scaled) % Int(factor)).dropFirst()
        return "\(scaled / Int(factor)).\(rest)"
    }
}
