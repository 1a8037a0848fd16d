/// A word of a command line.
package struct CommandToken: Hashable, Sendable {
    package var text: String
    /// Where the word starts, in bytes of UTF-8 from the start of the line.
    package var offset: Int

    /// A line with more words is refused: each costs what the words before it cost.
    static let mostWords = 1024

    /// Splits a line into words.
    ///
    /// Blanks separate; `{` and `}` stand alone, with or without blanks around them; double quotes
    /// keep blanks in a word; `#` at the start of a word begins a comment.
    ///
    /// - Throws: `CommandFailure` for a quote that is not closed, and for too many words.
    package static func split(_ line: String) throws(CommandFailure) -> [CommandToken] {
        let bytes = Array(line.utf8)
        var tokens: [CommandToken] = []
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if isBlank(byte) {
                position += 1
            } else if byte == UInt8(ascii: "#") {
                break
            } else if isBrace(byte) {
                tokens.append(CommandToken(text: String(UnicodeScalar(byte)), offset: position))
                position += 1
            } else if byte == UInt8(ascii: "\"") {
                let start = position + 1
                guard let end = bytes[start...].firstIndex(of: byte) else {
                    throw .syntax("the quote is not closed", position: position, expected: ["\""])
                }
                tokens.append(CommandToken(decoding: bytes[start..<end], offset: position))
                position = end + 1
            } else {
                let end =
                    bytes[position...].firstIndex { isBlank($0) || isBrace($0) } ?? bytes.count
                tokens.append(CommandToken(decoding: bytes[position..<end], offset: position))
                position = end
            }
            guard tokens.count <= mostWords else {
                throw .syntax(
                    "the line has more than \(mostWords) words",
                    position: tokens[mostWords].offset,
                    expected: []
                )
            }
        }
        return tokens
    }

    /// Makes tokens of words that are already apart, placed as if joined by single blanks.
    static func place(_ words: [String]) -> [CommandToken] {
        var offset = 0
        return words.map { word in
            defer { offset += word.utf8.count + 1 }
            return CommandToken(text: word, offset: offset)
        }
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    private static func isBrace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}")
    }
}

extension CommandToken {
    private init(decoding bytes: ArraySlice<UInt8>, offset: Int) {
        self.init(text: String(decoding: bytes, as: UTF8.self), offset: offset)
    }
}
