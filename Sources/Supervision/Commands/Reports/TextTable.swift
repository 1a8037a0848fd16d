/// Columns of text, as wide as they need to be.
struct TextTable {
    /// On which side a column's text lies.
    enum Side { case left, right, middle }

    /// A column's title, its least width in characters, and the side its text lies on.
    struct Column {
        var title: String
        var width: Int
        var side: Side

        init(_ title: String, _ width: Int, _ side: Side = .right) {
            self.title = title
            self.width = width
            self.side = side
        }
    }

    var columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// Appends a row; cells that are missing at the end are empty.
    mutating func add(_ cells: [String]) { rows.append(cells) }

    var isEmpty: Bool { rows.isEmpty }

    /// The titles and all rows, each line with a line feed.
    var text: String {
        var widths = columns.map { max($0.width, $0.title.count) }
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
        }
        var text = line(columns.map(\.title), widths)
        for row in rows { text += line(row, widths) }
        return text
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            if index > 0 { line += " " }
            switch columns[index].side {
            case .left: line += cell.padded(to: widths[index])
            case .right: line += cell.indented(to: widths[index])
            case .middle:
                line += cell.indented(to: (widths[index] + cell.count) / 2).padded(
                    to: widths[index]
                )
            }
        }
        return line.trimmedAtEnd + "\n"
    }
}

extension String {
    /// The text with blanks after it, at least `width` characters.
    func padded(to width: Int) -> String {
        let missing = width - count
        return missing > 0 ? self + String(repeating: " ", count: missing) : self
    }

    /// The text with blanks before it, at least `width` characters.
    func indented(to width: Int) -> String {
        let missing = width - count
        return missing > 0 ? String(repeating: " ", count: missing) + self : self
    }

    /// The text without the blanks at its end.
    var trimmedAtEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// Numbers in the forms of the tables.
enum Figure {
    /// Two digits after the point.
    static func fixed(_ value: Double, digits: Int = 2) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        let whole = Int((scaled / scale).rounded(.down))
        let part = Int(scaled - Double(whole) * scale)
        let fraction = digits == 0 ? "" : "." + zeroPadded(part, digits)
        return (value < 0 && scaled > 0 ? "-" : "") + String(whole) + fraction
    }

    /// `1.23e4`.
    static func scientific(_ value: Double, digits: Int = 2) -> String {
        guard value.isFinite, value != 0 else { return fixed(0, digits: digits) + "e0" }
        var mantissa = abs(value)
        var exponent = 0
        while mantissa >= 10 {
            mantissa /= 10
            exponent += 1
        }
        while mantissa < 1 {
            mantissa *= 10
            exponent -= 1
        }
        var text = fixed(mantissa, digits: digits)
        if text.hasPrefix("10.") {
            exponent += 1
            text = fixed(mantissa / 10, digits: digits)
        }
        return (value < 0 ? "-" : "") + text + "e\(exponent)"
    }

    /// Bytes with a unit: `512`, `1.50K`, `64.00M`.
    static func bytes(_ count: UInt64) -> String {
        let units = ["", "K", "M", "G", "T"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? String(count) : fixed(value) + units[unit]
    }

    private static func zeroPadded(_ value: Int, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
