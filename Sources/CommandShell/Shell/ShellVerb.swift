/// A command that the shell does itself, of words in full.
enum ShellVerb: Hashable {
    /// nil: all NUMA nodes.
    case scope(Int?)
    case define(String, String)
    case undefine(String)
    case showMacro
    case history
    case clearHistory
    case showTerminal
    case pager(Bool)
    case pagerLimit(Int)
    case keepHistory(Bool)
    case historyLimit(Int)
    case top
    case stats([String])
    case quit

    init?(_ words: [String]) {
        switch (words.first, words.count) {
        case ("quit", 1), ("exit", 1), ("q", 1): self = .quit
        case ("top", 1): self = .top
        case ("stats", 2...): self = .stats(Array(words.dropFirst()))
        case ("history", 1): self = .history
        case ("history", 2) where words[1] == "clear": self = .clearHistory
        case ("define", 3...): self = .define(words[1], words[2...].joined(separator: " "))
        case ("undefine", 2): self = .undefine(words[1])
        case ("scope", 2) where words[1] == "all": self = .scope(nil)
        case ("scope", 3) where words[1] == "node" && Int(words[2]) != nil:
            self = .scope(Int(words[2]))
        case ("show", 2) where words[1] == "macro": self = .showMacro
        case ("show", 2) where words[1] == "terminal": self = .showTerminal
        case ("set", 4...5) where words[1] == "terminal":
            guard let verb = Self.setting(words[2], Array(words[3...])) else { return nil }
            self = verb
        default: return nil
        }
    }

    private static func setting(_ what: String, _ words: [String]) -> ShellVerb? {
        let limit = words.count == 2 && words[0] == "limit" ? Int(words[1]) : nil
        switch (what, words.first) {
        case ("pager", "on"): return .pager(true)
        case ("pager", "off"): return .pager(false)
        case ("pager", "limit"): return limit.map { .pagerLimit($0) }
        case ("history", "on"): return .keepHistory(true)
        case ("history", "off"): return .keepHistory(false)
        case ("history", "limit"): return limit.map { .historyLimit($0) }
        default: return nil
        }
    }
}
