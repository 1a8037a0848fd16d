/// Finds the word that was probably meant.
enum Spelling {
    /// The candidate nearest to `word`, if it is near enough to be worth a suggestion: at most two edits, or
    /// a third of the word.
    static func suggestion(for word: String, among candidates: some Sequence<String>) -> String? {
        let word = String(word.lowercased().prefix(64))
        let generous = max(2, word.count / 3)
        let limit = max(1, min(word.count / 2, generous))
        var best: (edits: Int, candidate: String)?
        for candidate in candidates {
            guard abs(candidate.utf8.count - word.utf8.count) <= limit else { continue }
            let edits = distance(word, candidate.lowercased())
            guard edits <= limit, edits < best?.edits ?? Int.max else { continue }
            best = (edits, candidate)
        }
        return best?.candidate
    }

    /// The number of insertions, deletions, replacements and swaps of neighbours between two words.
    static func distance(_ left: String, _ right: String) -> Int {
        let (a, b) = (Array(left.utf8), Array(right.utf8))
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let replaced = rows[i][j] + (a[i] == b[j] ? 0 : 1)
                var best = min(row[j] + 1, rows[i][j + 1] + 1, replaced)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
