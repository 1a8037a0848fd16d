/// A function of a Swift file and its length.
struct FunctionExtent: Hashable {
    /// The text of its first line, blanks around it cut off.
    var head: String
    /// From 1.
    var firstLine: Int
    /// From the line of `func` or `init` to that of its closing brace.
    var lineCount: Int
}

/// Finds the functions of a Swift file, with their bodies' ends, in the order of their first lines.
///
/// Counts braces in text without comments and strings; declarations without a body are left out.
func functionExtents(of code: CodeText) -> [FunctionExtent] {
    let lines = code.lines
    return lines.indices.compactMap { first in
        guard startsFunction(lines[first]), let last = endOfBody(lines, from: first) else {
            return nil
        }
        return FunctionExtent(
            head: lines[first].trimmingBlanks,
            firstLine: first + 1,
            lineCount: last - first + 1
        )
    }
}

private func startsFunction(_ line: String) -> Bool {
    let words = line.split { " (<?".contains($0) }
    guard let verb = words.first(where: { !modifiers.contains($0) && !$0.hasPrefix("@") }) else {
        return false
    }
    return ["func", "init", "deinit", "subscript"].contains(verb)
        && !line.trimmingBlanks.hasPrefix("init)")
}

private let modifiers: Set<Substring> = [
    "public", "package", "internal", "private", "fileprivate", "static", "mutating", "nonmutating",
    "consuming", "borrowing", "nonisolated", "override", "final", "convenience", "required",
    "isolated",
    "__consuming", "always)", "never)", "open", "class",
]

/// The line of the brace that closes the body of the declaration that starts at `first`.
private func endOfBody(_ lines: [String], from first: Int) -> Int? {
    var braces = 0
    var parentheses = 0
    for (index, line) in lines[first...].enumerated() {
        // A new line that does not go on with the declaration: it had no body.
        if index > 0, braces == 0, parentheses == 0, !continuesDeclaration(line) { return nil }
        for byte in line.utf8 {
            switch byte {
            case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
            case UInt8(ascii: "{"): braces += 1
            case UInt8(ascii: "}"):
                braces -= 1
                if braces < 0 { return nil }
                if braces == 0, parentheses == 0 { return first + index }
            default: break
            }
        }
    }
    return nil
}

private func continuesDeclaration(_ line: String) -> Bool {
    let text = line.trimmingBlanks
    return ["{", "->", "where ", "throws", "async", "rethrows", ")", "&&", ","].contains(
        where: text.hasPrefix
    )
}

extension StringProtocol {
    /// Without the spaces at both ends.
    var trimmingBlanks: String {
        var rest = Substring(self).drop { $0 == " " }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
