/// Source text with comments and string contents blanked out, line by line as long as before.
///
/// Enough of Swift's and C's lexing for the rules of this target: nested interpolations and
/// comments, multi-line and raw strings. What is blanked becomes spaces, so that line numbers stay.
struct CodeText {
    /// The blanked text.
    private(set) var bytes: [UInt8]
    private var index = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
        code(untilClosingParenthesis: false)
    }

    /// The blanked lines.
    var lines: [String] {
        bytes.split(separator: newline, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func code(untilClosingParenthesis nested: Bool) {
        var depth = 0
        while index < bytes.count {
            if starts("//") {
                lineComment()
            } else if starts("/*") {
                blockComment()
            } else if let hashes = stringOpening() {
                string(hashes: hashes)
            } else {
                if bytes[index] == UInt8(ascii: "(") { depth += 1 }
                if bytes[index] == UInt8(ascii: ")") {
                    if nested, depth == 0 { return }
                    depth -= 1
                }
                index += 1
            }
        }
    }

    private func starts(_ text: StaticString, at offset: Int = 0) -> Bool {
        text.withUTF8Buffer { wanted in
            index + offset + wanted.count <= bytes.count
                && wanted.indices.allSatisfy { bytes[index + offset + $0] == wanted[$0] }
        }
    }

    private mutating func blank(_ count: Int) {
        for position in index..<min(index + count, bytes.count) where bytes[position] != newline {
            bytes[position] = UInt8(ascii: " ")
        }
        index = min(index + count, bytes.count)
    }

    private mutating func lineComment() {
        while index < bytes.count, bytes[index] != newline { blank(1) }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                blank(2)
            } else if starts("*/") {
                depth -= 1
                blank(2)
            } else {
                blank(1)
            }
        } while depth > 0 && index < bytes.count
    }

    /// The number of `#` before the quote, if a string starts here.
    private func stringOpening() -> Int? {
        var hashes = 0
        while starts("#", at: hashes) { hashes += 1 }
        return starts("\"", at: hashes) ? hashes : nil
    }

    private mutating func string(hashes: Int) {
        blank(hashes)
        let quotes = starts("\"\"\"") ? 3 : 1
        blank(quotes)
        while index < bytes.count {
            if closes(quotes: quotes, hashes: hashes) {
                blank(quotes + hashes)
                return
            }
            if quotes == 1, bytes[index] == newline { return }
            if starts("\\") {
                escape(hashes: hashes)
            } else {
                blank(1)
            }
        }
    }

    private func closes(quotes: Int, hashes: Int) -> Bool {
        (quotes == 3 ? starts("\"\"\"") : starts("\""))
            && (0..<hashes).allSatisfy { starts("#", at: quotes + $0) }
    }

    private mutating func escape(hashes: Int) {
        guard (0..<hashes).allSatisfy({ starts("#", at: 1 + $0) }) else { return blank(1) }
        blank(1 + hashes)
        guard starts("(") else { return blank(1) }
        blank(1)
        code(untilClosingParenthesis: true)
        blank(1)
    }
}

private let newline = UInt8(ascii: "\n")
