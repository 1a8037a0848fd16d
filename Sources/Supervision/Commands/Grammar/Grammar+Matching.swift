extension Grammar {
    /// A position in the automaton, with what led there.
    private struct Walker {
        var state: Int
        var captures: [GrammarMatch.Capture]
        var used: Set<Int>
    }

    /// How well a word fits, best last.
    private enum Fit: Int, Comparable {
        case freeWord, abbreviation, argument, keyword

        static func < (left: Fit, right: Fit) -> Bool { left.rawValue < right.rawValue }
    }

    /// Finds the command that a line is.
    ///
    /// - Parameters:
    ///   - tokens: the line's words.
    ///   - length: the line's length in bytes, the place of what is missing at its end.
    ///   - context: what there is to choose from.
    /// - Returns: the command, and what each word was taken for.
    /// - Throws: `CommandFailure` of kind `syntax`.
    package func match(
        _ tokens: [CommandToken],
        length: Int,
        context: GrammarContext
    ) throws(CommandFailure) -> GrammarMatch {
        let walkers = try walk(tokens, context: context)
        for walker in walkers {
            if let form = complete[walker.state] {
                return GrammarMatch(form: form, captures: walker.captures)
            }
        }
        let labels = expectations(of: walkers, context: context).map(\.label)
        let said = Self.said(tokens[...])
        throw .syntax(
            tokens.isEmpty ? "no command" : "\"\(said)\" is not complete",
            position: length,
            expected: labels
        )
    }

    /// What may come after these words, in the order of the command table; `isComplete`: the words
    /// are a command.
    ///
    /// - Throws: `CommandFailure` if the words themselves are wrong.
    func expected(
        after tokens: [CommandToken],
        context: GrammarContext
    ) throws(CommandFailure) -> (next: [Expectation], isComplete: Bool) {
        let walkers = try walk(tokens, context: context)
        return (
            expectations(of: walkers, context: context),
            walkers.contains { complete[$0.state] != nil }
        )
    }

    private func walk(
        _ tokens: [CommandToken],
        context: GrammarContext
    ) throws(CommandFailure) -> [Walker] {
        var walkers = closure([Walker(state: 0, captures: [], used: [])])
        for (index, token) in tokens.enumerated() {
            let next = step(walkers, by: token, context: context)
            switch next {
            case .success(let found): walkers = closure(found)
            case .failure(let ambiguous):
                throw fault(
                    at: index,
                    of: tokens,
                    ambiguous: ambiguous.words,
                    expected: expectations(of: walkers, context: context),
                    arguments: arguments(of: walkers)
                )
            }
        }
        return walkers
    }

    /// Keywords that an abbreviation could be; none: the word fits nothing.
    private struct NoStep: Error { var words: [String] }

    private func step(
        _ walkers: [Walker],
        by token: CommandToken,
        context: GrammarContext
    ) -> Result<[Walker], NoStep> {
        var best: Fit?
        var found: [Walker] = []
        var abbreviated: [String] = []
        for walker in walkers {
            for edge in edges[walker.state] where !walker.used.contains(edge.once ?? -1) {
                guard let (fit, key, value) = fit(token.text, to: edge.terminal, context: context)
                else { continue }
                if let best, fit < best { continue }
                if best.map({ fit > $0 }) ?? true {
                    found = []
                    abbreviated = []
                    best = fit
                }
                if !abbreviated.contains(key) { abbreviated.append(key) }
                var next = walker
                next.state = edge.target
                next.captures.append(
                    GrammarMatch.Capture(key: key, value: value, offset: token.offset)
                )
                if let once = edge.once { next.used.insert(once) }
                found.append(next)
            }
        }
        let isAmbiguous = best == .abbreviation && abbreviated.count > 1
        if found.isEmpty || isAmbiguous { return .failure(NoStep(words: abbreviated)) }
        return .success(found)
    }

    private func fit(
        _ word: String,
        to terminal: Terminal,
        context: GrammarContext
    ) -> (Fit, key: String, ArgumentValue)? {
        switch terminal {
        case .keyword(let keyword):
            if word == keyword { return (.keyword, keyword, .keyword) }
            let isShort = !word.isEmpty && keyword.hasPrefix(word)
            return isShort ? (.abbreviation, keyword, .keyword) : nil
        case .argument(let key, let type):
            guard let value = type.parse(word, in: context) else { return nil }
            if case .rest = type { return (.keyword, key, value) }
            return (type.isFree(in: context) ? .freeWord : .argument, key, value)
        }
    }

    private func closure(_ walkers: [Walker]) -> [Walker] {
        var seen = Set<Int>()
        var reached: [Walker] = []
        var pending = Array(walkers.reversed())
        while let walker = pending.popLast() {
            guard seen.insert(walker.state).inserted else { continue }
            reached.append(walker)
            for target in jumps[walker.state].reversed() {
                var next = walker
                next.state = target
                pending.append(next)
            }
        }
        return reached
    }

    private func expectations(of walkers: [Walker], context: GrammarContext) -> [Expectation] {
        var seen = Set<String>()
        var list: [Expectation] = []
        for walker in walkers {
            for edge in edges[walker.state] where !walker.used.contains(edge.once ?? -1) {
                let label = edge.terminal.label
                if let first = list.firstIndex(where: { $0.label == label }) {
                    if list[first].help.isEmpty { list[first].help = edge.help }
                    continue
                }
                seen.insert(label)
                switch edge.terminal {
                case .keyword:
                    list.append(
                        Expectation(label: label, help: edge.help, candidates: [], type: nil)
                    )
                case .argument(_, let type):
                    list.append(
                        Expectation(
                            label: label,
                            help: edge.help,
                            candidates: context.candidates(for: type),
                            type: type
                        )
                    )
                }
            }
        }
        return list
    }

    private func arguments(of walkers: [Walker]) -> [ArgumentType] {
        var types: [ArgumentType] = []
        for walker in walkers {
            for edge in edges[walker.state] where !walker.used.contains(edge.once ?? -1) {
                if case .argument(_, let type) = edge.terminal, !types.contains(type) {
                    types.append(type)
                }
            }
        }
        return types
    }
}

extension ArgumentType {
    /// Whether anything fits, so that an abbreviated keyword is the better guess.
    fileprivate func isFree(in context: GrammarContext) -> Bool {
        switch self {
        case .word, .path, .rest: true
        case .interface: context.interfaces == nil
        default: false
        }
    }
}
