/// Splits a startup file into words and braces.
///
/// `#` outside quotes begins a comment that ends with the line. Double quotes make one word of whatever
/// they hold; within them `\"` and `\\` stand for the second character. Braces are words of their own.
struct StartupTokenizer {
    struct Token {
        enum Kind: Equatable {
            case word(String)
            case open
            case close
        }

        var kind: Kind
        var location: SourceLocation
    }

    let path: String
    var findings: [Finding] = []
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var column = 1

    init(_ text: String, path: String) {
        self.path = path
        scalars = Array(text.unicodeScalars)
    }

    /// The next word or brace; nil at the end.
    mutating func next() -> Token? {
        skipBlanksAndComments()
        guard let first = current else { return nil }
        let start = place
        switch first {
        case "{":
            advance()
            return Token(kind: .open, location: start)
        case "}":
            advance()
            return Token(kind: .close, location: start)
        default:
            return Token(kind: .word(readWord()), location: start)
        }
    }

    private var current: Unicode.Scalar? {
        position < scalars.count ? scalars[position] : nil
    }

    private var place: SourceLocation { SourceLocation(file: path, line: line, column: column) }

    private mutating func advance() {
        if scalars[position] == "\n" {
            line += 1
            column = 1
        } else {
            column += 1
        }
        position += 1
    }

    private mutating func skipBlanksAndComments() {
        while let scalar = current {
            if isBlank(scalar) {
                advance()
            } else if scalar == "#" {
                while let other = current, other != "\n" {
                    _ = other
                    advance()
                }
            } else {
                return
            }
        }
    }

    /// A run of plain and quoted parts.
    private mutating func readWord() -> String {
        var word = String.UnicodeScalarView()
        while let scalar = current, !isBlank(scalar), !endsWord(scalar) {
            if scalar == "\"" {
                readQuoted(into: &word)
                continue
            }
            word.append(scalar)
            advance()
        }
        return String(word)
    }

    private mutating func readQuoted(into word: inout String.UnicodeScalarView) {
        let start = place
        advance()
        while let scalar = current, scalar != "\"", scalar != "\n" {
            advance()
            if scalar == "\\", let escaped = current, escaped == "\"" || escaped == "\\" {
                word.append(escaped)
                advance()
            } else {
                word.append(scalar)
            }
        }
        guard current == "\"" else {
            findings.append(
                Finding(
                    .startupSyntax,
                    at: start,
                    "this quote is not closed on its line",
                    remedy: "add a closing quote"
                )
            )
            return
        }
        advance()
    }

    private func endsWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "{" || scalar == "}" || scalar == "#"
    }

    private func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case " ", "\t", "\n", "\r", "\u{0B}", "\u{0C}": true
        default: false
        }
    }
}
