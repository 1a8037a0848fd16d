public import ControlProtocol

/// The forms of all commands, as `help` lists them: what is completed when no supervisor answers.
///
/// A running instance knows more: its plugins' commands, its interfaces. The list itself is
/// `CommandForms+List.swift`, which a test compares with the supervisor's commands and writes anew.
public enum CommandForms {
    /// What the last word of a line may be, as far as the forms say.
    public static func complete(_ line: String) -> CompletionReply {
        var words = line.split(separator: " ").map(String.init)
        let isOpen = line.last.map { $0 != " " } ?? false
        let partial = isOpen ? words.removeLast() : ""
        var entries: [CompletionReply.Entry] = []
        var isComplete = false
        for form in list {
            guard let next = next(in: form.syntax, after: words) else { continue }
            if next.isEmpty { isComplete = true }
            for word in next where word.hasPrefix(partial) || word == "/FILE" {
                guard !entries.contains(where: { $0.word == word }) else { continue }
                let isKeyword = word.first?.isLowercase == true
                let kind: CompletionReply.Kind = word == "/FILE" ? .path : .argument
                entries.append(
                    .init(
                        word: word,
                        help: next.count == 1 ? form.summary : "",
                        kind: isKeyword ? .keyword : kind
                    )
                )
            }
        }
        return CompletionReply(
            start: line.utf8.count - partial.utf8.count,
            entries: entries,
            isComplete: isComplete && partial.isEmpty
        )
    }

    /// What stands in a form behind some words; nil: the form does not start with them.
    ///
    /// Behind a choice or an option the form is not followed any further.
    static func next(in form: String, after words: [String]) -> [String]? {
        var parts = form.split(separator: " ")[...]
        for word in words {
            guard let part = parts.popFirst(), part.first?.isLowercase == true,
                part.hasPrefix(word)
            else { return nil }
        }
        guard let part = parts.first else { return [] }
        guard let open = part.first, open == "{" || open == "[" else { return [String(part)] }
        return alternatives(parts.joined(separator: " "))
    }

    /// The first words of `{a x | b | c}` at the start of a text.
    private static func alternatives(_ text: String) -> [String] {
        var depth = 0
        var found: [String] = []
        var isFirst = false
        var word = ""
        for character in text {
            switch character {
            case "{", "[":
                depth += 1
                if depth == 1 { isFirst = true }
            case "}", "]", "|", " ":
                if isFirst, !word.isEmpty {
                    found.append(word)
                    isFirst = false
                }
                word = ""
                if character == "|", depth == 1 { isFirst = true }
                if character == "}" || character == "]" { depth -= 1 }
            default: if depth == 1 || isFirst { word.append(character) }
            }
            if depth == 0 { break }
        }
        return found
    }
}
