/// Access lists and where they are bound, as the journal's settings make them.
///
/// Keys: `rule LIST NUMBER` with a rule, `bind INTERFACE` with a list's name.
struct AccessLists: Equatable {
    /// Rules by number, by list.
    var lists: [String: [Int: AccessRule]] = [:]
    /// Lists by interface.
    var bindings: [String: String] = [:]

    static let highestNumber = 65_535
    /// The distance between rules whose numbers are not given.
    static let step = 10

    /// Takes a setting, nil: it is gone.
    mutating func set(_ key: String, _ value: String?) throws(AccessListError) {
        let words = key.split(separator: " ").map(String.init)
        if words.count == 3, words[0] == "rule", let number = Int(words[2]) {
            let rule: AccessRule? =
                if let value {
                    try AccessRule(parsing: value.split(separator: " ").map(String.init))
                } else { nil }
            lists[words[1], default: [:]][number] = rule
            if lists[words[1]]?.isEmpty == true { lists[words[1]] = nil }
        } else if words.count == 2, words[0] == "bind" {
            bindings[words[1]] = value
        } else {
            throw AccessListError("unknown setting \"\(key)\"")
        }
    }

    /// A list's rules in order.
    func rules(of list: String) -> [(number: Int, rule: AccessRule)] {
        (lists[list] ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    // MARK: Commands

    /// A setting that a command leads to.
    typealias Change = (key: String, value: String?)

    /// What `access-list add LIST [NUMBER] RULE` leads to.
    func add(_ words: [String]) throws(AccessListError) -> [Change] {
        guard let list = words.first else { throw AccessListError("access-list add lacks a name") }
        try Self.check(name: list)
        var rest = Array(words.dropFirst())
        let number: Int
        if let first = rest.first, let given = Int(first) {
            guard 1...Self.highestNumber ~= given else {
                throw AccessListError("rules have numbers from 1 to \(Self.highestNumber)")
            }
            number = given
            rest.removeFirst()
        } else {
            number = (lists[list]?.keys.max() ?? 0) + Self.step
            guard number <= Self.highestNumber else {
                throw AccessListError("no number is left after the last rule of \(list)")
            }
        }
        return [("rule \(list) \(number)", try AccessRule(parsing: rest).description)]
    }

    /// What `access-list delete LIST [NUMBER]` leads to.
    func delete(_ words: [String]) throws(AccessListError) -> [Change] {
        guard let list = words.first, let rules = lists[list] else {
            throw AccessListError("there is no access list \(words.first ?? "")")
        }
        if words.count == 2 {
            guard let number = Int(words[1]), rules[number] != nil else {
                throw AccessListError("list \(list) has no rule \(words[1])")
            }
            if rules.count > 1 { return [("rule \(list) \(number)", nil)] }
        }
        guard words.count <= 2 else { throw AccessListError("access-list delete LIST [NUMBER]") }
        // A binding without its list would deny everything.
        if let user = bindings.filter({ $0.value == list }).keys.min() {
            throw AccessListError(
                "list \(list) is on \(user): `set interface access-list \(user) none` first"
            )
        }
        return rules.keys.sorted().map { ("rule \(list) \($0)", nil) }
    }

    /// What `set interface access-list INTERFACE {LIST | none}` leads to.
    func bind(
        _ words: [String],
        isInterface: (String) -> Bool
    ) throws(AccessListError) -> [Change] {
        guard words.count == 2 else {
            throw AccessListError("set interface access-list INTERFACE {LIST | none}")
        }
        guard isInterface(words[0]) else {
            throw AccessListError("there is no interface \(words[0])")
        }
        if words[1] == "none" { return [("bind \(words[0])", nil)] }
        guard lists[words[1]] != nil else {
            throw AccessListError("there is no access list \(words[1])")
        }
        return [("bind \(words[0])", words[1])]
    }

    private static func check(name: String) throws(AccessListError) {
        let allowed = name.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0))
        }
        guard allowed, name.first?.isLetter == true, name.utf8.count <= 63, name != "none" else {
            throw AccessListError(
                "\"\(name)\" cannot be a list's name: a letter, then at most 62 letters, digits, - _ ."
            )
        }
    }
}
