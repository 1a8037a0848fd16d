/// `docs/vpp-parity.md`: what VPP does at each point, what Causeway does, and how to see that.
///
/// The tables have the columns Row, VPP, Causeway, How to see it, Test. The fourth holds pairs of the
/// form `` `COMMAND` shows `REGULAR EXPRESSION` ``, separated by semicolons: a command of
/// causewayctl, or after `$ ` one of the shell. The fifth names tests.
public struct ParityPage: Sendable {
    /// A line of a table.
    public struct Row: Sendable {
        /// The numbers of VPP's steps that the line is about; empty for a row with a name.
        public var numbers: [Int]
        /// The first column as it is written.
        public var name: String
        /// What VPP does.
        public var peer: String
        /// What Causeway does.
        public var here: String
        /// How to see it.
        public var proofs: [Proof]
        /// The words in code marks of the last column.
        public var tests: [String]
        /// The line's number in the file.
        public var line: Int
    }

    /// A command and what its output must match.
    public struct Proof: Sendable {
        /// The command, without `$ `.
        public var command: String
        /// Whether it is one of the shell.
        public var isShell: Bool
        /// A regular expression that is found in the output; `nothing`: there is none.
        public var pattern: String
    }

    /// The lines of all tables.
    public let rows: [Row]

    /// Where the page is in the repository.
    public static let path = "docs/vpp-parity.md"

    /// Reads the page.
    public init(_ file: SourceFile) {
        rows = file.lines.enumerated().compactMap { index, line in
            Self.row(String(line), line: index + 1)
        }
    }

    private static func row(_ line: String, line number: Int) -> Row? {
        let cells = cells(of: line)
        guard cells.count == 5, !cells[0].hasPrefix("--"), cells[0] != "Row" else { return nil }
        let parts = cells[0].split(whereSeparator: { $0 == "," || $0 == " " })
        let numbers = parts.compactMap { Int($0) }
        return Row(
            numbers: numbers.count == parts.count ? numbers : [],
            name: cells[0],
            peer: cells[1],
            here: cells[2],
            proofs: proofs(in: cells[3]),
            tests: codes(in: cells[4]),
            line: number
        )
    }

    /// The cells of a table's line; `\|` is a bar within one.
    private static func cells(of line: String) -> [String] {
        guard line.hasPrefix("|"), line.hasSuffix("|"), line.count > 1 else { return [] }
        var cells = [""]
        var isEscaped = false
        for character in line.dropFirst().dropLast() {
            if isEscaped {
                cells[cells.count - 1] += character == "|" ? "|" : "\\\(character)"
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "|" {
                cells.append("")
            } else {
                cells[cells.count - 1].append(character)
            }
        }
        return cells.map { cell in
            String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    private static func codes(in cell: String) -> [String] {
        let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
        return parts.indices.filter { !$0.isMultiple(of: 2) }.map { String(parts[$0]) }
    }

    private static func proofs(in cell: String) -> [Proof] {
        let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
        return parts.indices.compactMap { index in
            guard !index.isMultiple(of: 2), index + 2 < parts.count, parts[index + 1] == " shows "
            else { return nil }
            let command = String(parts[index])
            let isShell = command.hasPrefix("$ ")
            return Proof(
                command: isShell ? String(command.dropFirst(2)) : command,
                isShell: isShell,
                pattern: String(parts[index + 2])
            )
        }
    }
}
