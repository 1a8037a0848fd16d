/// The form of a command, as data: what may stand where.
indirect enum Syntax: Sendable {
    /// A fixed word. It may be abbreviated as long as no other word that may stand there starts the
    /// same.
    case keyword(String, help: String)
    /// A typed argument, kept under `key`.
    case argument(key: String, ArgumentType, help: String)
    case sequence([Syntax])
    case choice([Syntax])
    case optional(Syntax)
    /// One time or more.
    case repeated(Syntax)
    /// Any of these in any order, each at most once. Each starts with a keyword.
    case options([Syntax])
}

extension Syntax {
    /// Words one after another, separated by blanks in `words`.
    static func words(_ words: String, help: String = "") -> Syntax {
        let parts = words.split(separator: " ")
        return .sequence(
            parts.enumerated().map { index, word in
                .keyword(String(word), help: index == parts.count - 1 ? help : "")
            }
        )
    }

    static func word(_ word: String, _ help: String = "") -> Syntax { .keyword(word, help: help) }

    static func value(_ key: String, _ type: ArgumentType, _ help: String = "") -> Syntax {
        .argument(key: key, type, help: help)
    }

    /// A keyword with one argument of the same key, such as `limit N`.
    static func option(_ name: String, _ type: ArgumentType, _ help: String) -> Syntax {
        .sequence([.keyword(name, help: help), .argument(key: name, type, help: help)])
    }

    /// What stands one after another, sequences within sequences taken apart.
    var parts: [Syntax] {
        if case .sequence(let parts) = self { parts.flatMap(\.parts) } else { [self] }
    }

    /// The word of a keyword.
    var word: String? {
        if case .keyword(let word, _) = self { word } else { nil }
    }

    static func + (left: Syntax, right: Syntax) -> Syntax { .sequence([left, right]) }
}
