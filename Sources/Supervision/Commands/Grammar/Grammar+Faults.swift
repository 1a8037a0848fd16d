extension Grammar {
    /// Says what is wrong with the word at `index`.
    func fault(
        at index: Int,
        of tokens: [CommandToken],
        ambiguous: [String],
        expected: [Expectation],
        arguments: [ArgumentType]
    ) -> CommandFailure {
        let word = tokens[index].text
        let place = index == 0 ? "" : " after \"\(Self.said(tokens[..<index]))\""
        let labels = expected.map(\.label)
        let position = tokens[index].offset
        if ambiguous.count > 1 {
            return .syntax(
                "\"\(word)\"\(place) is ambiguous",
                position: position,
                expected: ambiguous
            )
        }
        if expected.isEmpty {
            return .syntax("unexpected \"\(word)\"\(place)", position: position, expected: [])
        }
        let choices = expected.flatMap { $0.isKeyword ? [$0.label] : $0.candidates }
        let hint = Spelling.closest(to: word, in: choices).map { "; did you mean \"\($0)\"?" } ?? ""
        if arguments.isEmpty {
            let what = index == 0 ? "unknown command" : "unknown word"
            return .syntax(
                "\(what) \"\(word)\"\(place)\(hint)",
                position: position,
                expected: labels
            )
        }
        let candidates = expected.filter { !$0.isKeyword }.flatMap(\.candidates)
        let listed = expected.filter(\.isKeyword).map(\.label) + candidates
        let needs = arguments.map(\.requirement).joined(separator: " or ")
        return .syntax(
            "\"\(word)\"\(place) is not \(needs)\(hint)",
            position: position,
            expected: candidates.isEmpty ? labels : listed
        )
    }

    /// The last words before a place, for messages.
    static func said(_ tokens: ArraySlice<CommandToken>) -> String {
        let words = tokens.suffix(5).map(\.text).joined(separator: " ")
        return tokens.count > 5 ? "... " + words : words
    }
}

/// Finds what a misspelt word was meant to be.
enum Spelling {
    /// The closest of `choices`, if it is close enough to be meant.
    static func closest(to word: String, in choices: [String]) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        var best: (choice: String, distance: Int)?
        for choice in choices {
            let distance = distance(from: Array(word.utf8), to: Array(choice.utf8))
            let limit = choice.utf8.count <= 3 ? 1 : max(2, choice.utf8.count / 4)
            if distance <= limit, distance < best?.distance ?? .max { best = (choice, distance) }
        }
        return best?.choice
    }

    /// Letters to insert, drop, replace or swap with a neighbour.
    private static func distance(from left: [UInt8], to right: [UInt8]) -> Int {
        var older: [Int] = []
        var previous = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let isSame = left[row] == right[column]
                var cost = min(
                    previous[column] + (isSame ? 0 : 1),
                    previous[column + 1] + 1,
                    current[column] + 1
                )
                if row > 0, column > 0, left[row] == right[column - 1],
                    left[row - 1] == right[column]
                {
                    cost = min(cost, older[column - 1] + 1)
                }
                current.append(cost)
            }
            older = previous
            previous = current
        }
        return previous[right.count]
    }
}
