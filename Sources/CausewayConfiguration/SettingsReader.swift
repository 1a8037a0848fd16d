internal import Yams

/// Reads settings from YAML nodes and collects what is wrong with them.
///
/// It goes on after a mistake, so that one run names all of them.
struct SettingsReader {
    /// The name of the file, or the command-line option, in findings.
    let file: String
    var isCommandLine = false
    var findings: [Finding] = []

    init(file: String, isCommandLine: Bool = false) {
        self.file = file
        self.isCommandLine = isCommandLine
    }

    /// The place of a node.
    func location(of node: Node) -> SourceLocation { location(node.mark) }

    func location(_ mark: Mark?) -> SourceLocation {
        guard !isCommandLine else { return SourceLocation(commandLine: file) }
        return SourceLocation(file: file, line: mark?.line ?? 1, column: mark?.column ?? 1)
    }

    mutating func report(
        _ id: FindingID,
        at node: Node,
        _ message: String,
        remedy: String,
        suggestion: String? = nil
    ) {
        findings.append(
            Finding(id, at: location(of: node), message, remedy: remedy, suggestion: suggestion)
        )
    }

    // MARK: Text

    /// The single document of `text`, or nil after a report; an empty document is nil without one.
    mutating func compose(_ text: String) -> Node? {
        do {
            // libyaml itself refuses more than 1,000 levels, which keeps this recursion bounded.
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            findings.append(finding(for: error))
        } catch {
            findings.append(
                Finding(
                    .syntax,
                    at: location(nil),
                    "\(error)",
                    remedy: "write valid YAML"
                )
            )
        }
        return nil
    }

    private func finding(for error: YamlError) -> Finding {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            Finding(
                .syntax,
                at: location(mark),
                "not YAML: \(problem)",
                remedy: "check indentation, colons and quotes on and above this line"
            )
        case .duplicatedKeysInMapping(let duplicates, let context):
            Finding(
                .duplicateKey,
                at: location(context.mark),
                "written twice in this mapping: \(duplicates.joined(separator: ", "))",
                remedy: "keep one"
            )
        default:
            Finding(
                .syntax,
                at: location(nil),
                "not YAML: \(error)".split(separator: "\n").first.map(String.init) ?? "not YAML",
                remedy: "write UTF-8 text in YAML's notation"
            )
        }
    }

    // MARK: Mappings

    /// Gives every entry of a mapping to the key of its name; reports the unknown ones.
    ///
    /// `place` says what the mapping describes, such as `a node`; `keys` are what it may have.
    mutating func read<Target>(
        _ node: Node,
        of place: String,
        keys: [SettingKey<Target>],
        into target: inout Target
    ) {
        guard case .mapping(let mapping) = node else {
            if isNull(node) { return }
            report(
                .wrongType,
                at: node,
                "\(place) is a mapping, not \(kind(of: node))",
                remedy: "write `key: value` lines: " + keys.map(\.name).joined(separator: ", ")
            )
            return
        }
        for (name, value) in mapping {
            guard let text = name.scalar?.string, let key = keys.first(where: { $0.name == text })
            else {
                reportUnknownKey(name, of: place, known: keys.map(\.name))
                continue
            }
            // An empty value says nothing, as if the line were not there.
            if isNull(value), !key.takesNull { continue }
            key.read(&self, value, &target)
        }
    }

    private mutating func reportUnknownKey(_ node: Node, of place: String, known: [String]) {
        let text = node.scalar?.string ?? "(not a word)"
        let suggestion = Spelling.suggestion(for: text, among: known)
        report(
            .unknownKey,
            at: node,
            "\(place) has no \"\(text)\"",
            remedy: suggestion.map { "did you mean \"\($0)\"?" }
                ?? "known here: \(known.joined(separator: ", "))",
            suggestion: suggestion
        )
    }

    func isNull(_ node: Node) -> Bool {
        guard let scalar = node.scalar, scalar.style == .plain || scalar.style == .any else {
            return false
        }
        return ["", "~", "null"].contains(scalar.string)
    }

    /// What a node is, in words.
    func kind(of node: Node) -> String {
        switch node {
        case .scalar(let scalar):
            scalar.string.isEmpty ? "nothing" : "\"\(scalar.string.prefix(40))\""
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}

/// A key of a mapping: its name and what reading it does.
struct SettingKey<Target>: Sendable {
    let name: String
    /// Whether `key:` and `key: null` mean something.
    var takesNull = false
    let read: @Sendable (inout SettingsReader, Node, inout Target) -> Void

    init(
        _ name: String,
        takesNull: Bool = false,
        _ read: @escaping @Sendable (inout SettingsReader, Node, inout Target) -> Void
    ) {
        self.name = name
        self.takesNull = takesNull
        self.read = read
    }
}
