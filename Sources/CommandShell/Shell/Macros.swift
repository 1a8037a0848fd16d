/// Words that stand for others: `$NAME` and `$(NAME)`.
struct Macros {
    private(set) var values: [String: String] = [:]

    /// How deep macros may name macros.
    static let deepest = 8
    /// An expanded line that is longer is refused, in bytes.
    static let longestLine = 1 << 16

    /// Why a line cannot be expanded.
    struct Fault: Error, Hashable, CustomStringConvertible {
        var description: String
    }

    mutating func define(_ name: String, _ value: String) throws(Fault) {
        guard let first = name.first, first.isLetter || first == "_",
            name.allSatisfy(Self.isName)
        else {
            throw Fault(
                description: "\"\(name)\" cannot be a macro: it takes letters, digits and _"
            )
        }
        values[name] = value
    }

    /// Forgets a macro; false: there is none of that name.
    mutating func undefine(_ name: String) -> Bool { values.removeValue(forKey: name) != nil }

    /// The line with every macro replaced; `\$` is a plain `$`, as is one that no name follows.
    func expand(_ line: String) throws(Fault) -> String {
        guard line.contains("$") else { return line }
        return try expand(line, depth: 0)
    }

    private func expand(_ line: String, depth: Int) throws(Fault) -> String {
        guard depth <= Self.deepest else {
            throw Fault(description: "macros name each other more than \(Self.deepest) deep")
        }
        var result = ""
        var rest = line[...]
        while let character = rest.popFirst() {
            if character == "\\", rest.first == "$" {
                result.append("$")
                rest.removeFirst()
            } else if character == "$", let (name, length) = Self.name(rest) {
                guard let value = values[name] else {
                    throw Fault(
                        description: "there is no macro \"\(name)\"; define \(name) TEXT makes one"
                    )
                }
                result += try expand(value, depth: depth + 1)
                rest = rest.dropFirst(length)
            } else {
                result.append(character)
            }
            guard result.utf8.count <= Self.longestLine else {
                throw Fault(
                    description: "with its macros the line is longer than \(Self.longestLine) bytes"
                )
            }
        }
        return result
    }

    /// The name behind a `$`, and how many characters it takes.
    private static func name(_ text: Substring) -> (String, Int)? {
        if text.first == "(" {
            let name = text.dropFirst().prefix(while: isName)
            guard !name.isEmpty, text.dropFirst(name.count + 1).first == ")" else { return nil }
            return (String(name), name.count + 2)
        }
        guard let first = text.first, first.isLetter || first == "_" else { return nil }
        let name = text.prefix(while: isName)
        return (String(name), name.count)
    }

    private static func isName(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    var text: String {
        values.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }.joined()
    }
}
