/// The words of a template: what stands within `data { ... }`, in its order.
struct TemplateWords {
    private let captures: [GrammarMatch.Capture]

    init(_ captures: some Sequence<GrammarMatch.Capture>) { self.captures = Array(captures) }

    /// Whether a keyword was given.
    func has(_ keyword: String) -> Bool {
        captures.contains { $0.key == keyword && $0.value == .keyword }
    }

    /// Where a word is that is kept under a key; nil: it was not given.
    func place(_ key: String) -> Int? { captures.first { $0.key == key }?.offset }

    /// The word in front of the one that is kept under a key.
    func word(before key: String) -> GrammarMatch.Capture? {
        guard let index = captures.firstIndex(where: { $0.key == key }), index > 0 else {
            return nil
        }
        return captures[index - 1]
    }

    /// A value that is kept under a key, and where it is; nil: it was not given.
    func value(_ key: String) -> (value: ArgumentValue, offset: Int)? {
        captures.first { $0.key == key && $0.value != .keyword }.map { ($0.value, $0.offset) }
    }

    /// What is kept under `payload`, in its order.
    var payload: [ArgumentValue] { captures.filter { $0.key == "payload" }.map(\.value) }

    /// The parts that each begin with a keyword; what stands in front of the first is left out.
    func parts(beginningWith keyword: String) -> [TemplateWords] {
        let starts = captures.indices.filter {
            captures[$0].key == keyword && captures[$0].value == .keyword
        }
        return starts.enumerated().map { number, start in
            let end = number + 1 < starts.count ? starts[number + 1] : captures.count
            return TemplateWords(captures[start..<end])
        }
    }

    /// A field's values: those of its word, or from that to the one behind `-` or `+`.
    ///
    /// - Parameter key: under which they are kept.
    /// - Returns: nil: they were not given.
    /// - Throws: `CommandFailure` for values that do not go up.
    func range(_ key: String) throws(CommandFailure) -> TemplateRange? {
        guard
            let index = captures.firstIndex(where: {
                $0.key == key && $0.value != .keyword
            }), case .range(let range) = captures[index].value
        else { return nil }
        guard index + 2 < captures.count,
            captures[index + 2].key == key + PacketTemplate.lastSuffix,
            case .range(let end) = captures[index + 2].value
        else { return range }
        guard !range.isVaried, !end.isVaried,
            let whole = TemplateRange(
                range.first,
                end.last,
                isRandom: captures[index + 1].key == "+"
            )
        else {
            throw .refused(
                "the range does not ascend: the lower value stands in front of the higher one",
                position: captures[index].offset
            )
        }
        return whole
    }
}
