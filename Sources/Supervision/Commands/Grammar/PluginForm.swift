internal import Synchronization

/// The form of a plugin's command.
struct PluginForm: Hashable, Sendable {
    /// The words that it begins with.
    var words: String
    /// What follows them, for people.
    var arguments: String
    var summary: String

    /// The plugin reads its arguments itself, so any words fit; those that its text names are
    /// offered.
    var syntax: Syntax {
        let words = Syntax.words(words, help: summary)
        guard !arguments.isEmpty else { return words }
        let named = arguments.split { !($0.isLetter || $0 == "-") }.map(String.init)
        var offered: [String] = []
        for word in named where word.first?.isLowercase == true && !offered.contains(word) {
            offered.append(word)
        }
        let interface: [Syntax] =
            named.contains("INTERFACE") ? [.value("interface", .interface)] : []
        let any = Syntax.value("rest", .rest(arguments), "")
        return words
            + .optional(.repeated(.choice([any] + interface + offered.map { .word($0) })))
    }
}

extension CommandTable {
    /// The grammar of the last set of plugins that somebody asked for; there is rarely another.
    private static let pluginGrammar = Mutex<(forms: [PluginForm], grammar: Grammar)?>(nil)

    /// The grammar of all commands, plugins' after the others: a match's form is the position in
    /// `commands`, or beyond them in the plugins' list.
    static func grammar(with plugins: PluginCommands) -> Grammar {
        let forms = plugins.forms
        if forms.isEmpty { return grammar }
        return pluginGrammar.withLock { known in
            if let known, known.forms == forms { return known.grammar }
            let grammar = Grammar(commands.map(\.syntax) + forms.map(\.syntax))
            known = (forms, grammar)
            return grammar
        }
    }
}

extension Grammar {
    /// A line's match with `node N` of the scope, if its command takes that and the line has none.
    package func match(
        _ match: GrammarMatch,
        of tokens: [CommandToken],
        in scope: Int,
        _ context: GrammarContext
    ) -> GrammarMatch {
        let length = tokens.last.map { $0.offset + $0.text.utf8.count } ?? 0
        let more = [
            CommandToken(text: "node", offset: length + 1),
            CommandToken(text: "\(scope)", offset: length + 6),
        ]
        let scoped = try? self.match(tokens + more, length: length, context: context)
        // The words must be those of the command itself: not an abbreviation, not any word.
        guard let scoped, scoped.form == match.form,
            scoped.captures.suffix(2).map(\.key) == ["node", "node"],
            scoped.captures.suffix(2).map(\.value) == [.keyword, .integer(scope)]
        else { return match }
        return scoped
    }
}
