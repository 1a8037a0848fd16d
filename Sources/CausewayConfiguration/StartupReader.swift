/// Gives the words of a startup file their meaning.
struct StartupReader {
    /// What a relative topology path starts from, with a slash at its end.
    let folder: String?
    var configuration = StartupConfiguration()
    var findings: [Finding] = []

    init(folder: String?) { self.folder = folder }

    /// A word that may stand in a block.
    struct Key: Sendable {
        /// What follows the word.
        enum Shape: Sendable {
            case flag
            case value
            case block
        }

        let name: String
        let shape: Shape
        /// Stores the value (empty for a flag or a block); nil: a word of VPP's without a meaning here.
        let apply: (@Sendable (inout StartupReader, String, StartupEntry) -> Void)?

        static func flag(
            _ name: String,
            _ path: any WritableKeyPath<StartupConfiguration, Bool> & Sendable
        ) -> Key {
            Key(name: name, shape: .flag) { reader, _, _ in
                reader.configuration[keyPath: path] = true
            }
        }

        static func text(
            _ name: String,
            _ path: any WritableKeyPath<StartupConfiguration, String?> & Sendable
        ) -> Key {
            Key(name: name, shape: .value) { reader, value, _ in
                reader.configuration[keyPath: path] = value
            }
        }

        static func value(
            _ name: String,
            _ apply: @escaping @Sendable (inout StartupReader, String, StartupEntry) -> Void
        ) -> Key {
            Key(name: name, shape: .value, apply: apply)
        }

        static func block(_ name: String, of keys: [Key]) -> Key {
            Key(name: name, shape: .block) { reader, _, entry in
                reader.read(entry.block ?? [], in: name, keys: keys)
            }
        }

        static func withoutMeaning(_ names: [String], _ shape: Shape) -> [Key] {
            names.map { Key(name: $0, shape: shape, apply: nil) }
        }
    }

    mutating func readTop(_ entries: [StartupEntry]) {
        read(entries, in: nil, keys: Self.topKeys)
        if let path = configuration.topologyPath, !path.hasPrefix("/"), let folder {
            configuration.topologyPath = folder + path
        }
    }

    /// Reads the entries of a block; `section` is nil at the top.
    mutating func read(_ entries: [StartupEntry], in section: String?, keys: [Key]) {
        let place = section.map { "`\($0)`" } ?? "a startup file"
        var seen: Set<String> = []
        var index = 0
        while index < entries.count {
            let entry = entries[index]
            index += 1
            guard let key = keys.first(where: { $0.name == entry.word }) else {
                reportUnknown(entry, in: section, place: place, keys: keys)
                // What follows may be the unknown word's value.
                if entry.block == nil, index < entries.count, entries[index].block == nil,
                    !keys.contains(where: { $0.name == entries[index].word })
                {
                    index += 1
                }
                continue
            }
            if !seen.insert(key.name).inserted {
                report(
                    .startupRepeated,
                    .warning,
                    at: entry,
                    "\(key.name) is written twice in \(place)",
                    remedy: "the last one counts; keep one"
                )
            }
            let value = self.value(of: key, entry, entries, &index)
            guard let value else { continue }
            guard let apply = key.apply else {
                report(
                    .startupNoMeaning,
                    .warning,
                    at: entry,
                    "\(key.name) has no meaning here yet",
                    remedy: "VPP knows it; Causeway passes over it"
                )
                continue
            }
            apply(&self, value, entry)
        }
    }

    /// The value after a key, empty for flags and blocks; nil after a report.
    private mutating func value(
        of key: Key,
        _ entry: StartupEntry,
        _ entries: [StartupEntry],
        _ index: inout Int
    ) -> String? {
        switch key.shape {
        case .flag:
            guard entry.block == nil else {
                report(
                    .startupSyntax,
                    at: entry,
                    "\(key.name) takes no block",
                    remedy: "take the braces out"
                )
                return nil
            }
            return ""
        case .block:
            guard entry.block != nil else {
                report(
                    .startupMissingValue,
                    at: entry,
                    "\(key.name) is a section",
                    remedy: "write `\(key.name) { ... }`"
                )
                return nil
            }
            return ""
        case .value:
            guard entry.block == nil, index < entries.count else {
                report(
                    .startupMissingValue,
                    at: entry,
                    "\(key.name) has no value",
                    remedy: "write `\(key.name) VALUE`"
                )
                return nil
            }
            let value = entries[index]
            index += 1
            guard value.block == nil || key.apply == nil, !value.word.isEmpty else {
                report(
                    .startupMissingValue,
                    at: value,
                    "\(key.name) takes one word",
                    remedy: "write `\(key.name) VALUE`"
                )
                return nil
            }
            return value.word
        }
    }

    private mutating func reportUnknown(
        _ entry: StartupEntry,
        in section: String?,
        place: String,
        keys: [Key]
    ) {
        let names = keys.filter { $0.apply != nil }.map(\.name)
        let suggestion = Spelling.suggestion(for: entry.word, among: names)
        findings.append(
            Finding(
                section == nil ? .startupUnknownSection : .startupUnknownKey,
                at: entry.location,
                "\(place) has no \"\(entry.word.prefix(64))\"",
                remedy: suggestion.map { "did you mean \"\($0)\"?" }
                    ?? "known here: \(names.joined(separator: ", "))",
                suggestion: suggestion
            )
        )
    }

    mutating func report(
        _ id: FindingID,
        _ severity: Finding.Severity = .error,
        at entry: StartupEntry,
        _ message: String,
        remedy: String
    ) {
        findings.append(Finding(id, severity, at: entry.location, message, remedy: remedy))
    }

    mutating func refuse(_ value: String, of entry: StartupEntry, _ remedy: String) {
        report(
            .startupImpossibleValue,
            at: entry,
            "\(entry.word) cannot be \"\(value.prefix(64))\"",
            remedy: remedy
        )
    }
}
