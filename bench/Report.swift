#if canImport(Glibc)
    import Glibc
#endif

/// Prints rows, each as soon as it is there.
struct Report {
    let asJSON: Bool

    private static let widths = [44, 9, 8, 14, 9, 6]

    /// Prints the table's head.
    func begin() {
        guard !asJSON else { return }
        emit(Self.line(["subject", "median", "spread", "unit", "reference", "ratio"]))
    }

    /// Prints rows.
    func add(_ rows: [Row]) {
        for row in rows { emit(asJSON ? Self.json(row) : Self.text(row)) }
    }

    private func emit(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func text(_ row: Row) -> String {
        let isCount = row.unit == "count"
        return line([
            row.subject, isCount ? "\(Int(row.median))" : tenths(row.median),
            isCount ? "-" : hundredths(row.spread), row.unit, row.reference.map(tenths) ?? "-",
            row.ratio.map(hundredths) ?? "-",
        ])
    }

    private static func line(_ cells: [String]) -> String {
        zip(cells, widths).enumerated().map { index, cell in
            let blanks = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return index == 0 || index == 3 ? cell.0 + blanks : blanks + cell.0
        }.joined(separator: "  ")
    }

    private static func json(_ row: Row) -> String {
        "{\"subject\":\"\(row.subject)\",\"median\":\(number(row.median)),"
            + "\"spread\":\(number(row.spread)),\"unit\":\"\(row.unit)\","
            + "\"reference\":\(row.reference.map(number) ?? "null"),"
            + "\"ratio\":\(row.ratio.map(number) ?? "null")}"
    }

    private static func number(_ value: Double) -> String {
        value.isFinite ? "\((value * 1000).rounded() / 1000)" : "null"
    }
}
