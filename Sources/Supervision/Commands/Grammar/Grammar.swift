/// All commands as one automaton: it matches lines, and says at any point what may come next.
///
/// States and edges are made once from the commands' `Syntax`; a match walks them with the line's
/// words. Where a word fits more than one edge the closest fit wins: a whole keyword, then an
/// argument that exists (an interface's name, a number in range), then an abbreviated keyword, then
/// a free word.
package struct Grammar: Sendable {
    /// What one word may be.
    enum Terminal: Hashable, Sendable {
        case keyword(String)
        case argument(key: String, ArgumentType)

        /// How messages call it.
        var label: String {
            switch self {
            case .keyword(let word): word
            case .argument(_, let type): type.label
            }
        }
    }

    /// A way from a state to another by one word.
    struct Edge: Sendable {
        var terminal: Terminal
        var help: String
        var target: Int
        /// Edges with the same number may be taken only once altogether.
        var once: Int?
    }

    /// The ways out of each state by a word, and those without.
    private(set) var edges: [[Edge]] = [[]]
    private(set) var jumps: [[Int]] = [[]]
    /// The form that is complete in a state.
    private(set) var complete: [Int: Int] = [:]
    private var options = 0

    /// Makes the automaton of several forms; a match names its form by its position in this list.
    init(_ forms: [Syntax]) {
        var tree: [Int: [String: Int]] = [:]
        for (index, form) in forms.enumerated() {
            let end = addState()
            complete[end] = index
            var parts = form.parts[...]
            var state = 0
            while case .keyword(let word, let help) = parts.first {
                state = branch(state, word, help, &tree)
                parts = parts.dropFirst()
            }
            add(.sequence(Array(parts)), from: state, to: end, once: nil)
        }
    }

    /// The state behind a keyword at the start of forms, which those that start the same share.
    private mutating func branch(
        _ state: Int,
        _ word: String,
        _ help: String,
        _ tree: inout [Int: [String: Int]]
    ) -> Int {
        if let known = tree[state]?[word] {
            let edge = edges[state].firstIndex { $0.target == known }
            if let edge, edges[state][edge].help.isEmpty { edges[state][edge].help = help }
            return known
        }
        let next = addState()
        edges[state].append(Edge(terminal: .keyword(word), help: help, target: next, once: nil))
        tree[state, default: [:]][word] = next
        return next
    }

    private mutating func addState() -> Int {
        edges.append([])
        jumps.append([])
        return edges.count - 1
    }

    private mutating func add(_ syntax: Syntax, from start: Int, to end: Int, once: Int?) {
        switch syntax {
        case .keyword(let word, let help):
            edges[start].append(
                Edge(terminal: .keyword(word), help: help, target: end, once: once)
            )
        case .argument(let key, let type, let help):
            edges[start].append(
                Edge(terminal: .argument(key: key, type), help: help, target: end, once: once)
            )
        case .sequence(let parts):
            var state = start
            for (index, part) in parts.enumerated() {
                let next = addState()
                add(part, from: state, to: next, once: index == 0 ? once : nil)
                state = next
            }
            jumps[state].append(end)
        case .choice(let parts):
            for part in parts { add(part, from: start, to: end, once: once) }
        case .optional(let part):
            add(part, from: start, to: end, once: once)
            jumps[start].append(end)
        case .repeated(let part):
            let first = addState()
            let last = addState()
            jumps[start].append(first)
            add(part, from: first, to: last, once: once)
            jumps[last].append(first)
            jumps[last].append(end)
        case .options(let parts):
            let loop = addState()
            jumps[start].append(loop)
            jumps[loop].append(end)
            for part in parts {
                options += 1
                add(part, from: loop, to: loop, once: options)
            }
        }
    }
}

/// A line that is a command.
package struct GrammarMatch: Sendable {
    /// A word of the line and what it was taken for.
    package struct Capture: Hashable, Sendable {
        /// The keyword in full, or the argument's key.
        package var key: String
        var value: ArgumentValue
        var offset: Int
    }

    /// The position of the form in the grammar's list.
    package var form: Int
    package var captures: [Capture]
}

/// Something that may come next in a line.
struct Expectation: Hashable, Sendable {
    /// A keyword, or how an argument is called.
    var label: String
    var help: String
    /// The words that an argument can be, where they can be listed.
    var candidates: [String]
    /// What sort of argument it is; nil: a keyword.
    var type: ArgumentType?

    var isKeyword: Bool { type == nil }
}
