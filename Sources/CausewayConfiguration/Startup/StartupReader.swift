/// Gives the words of a startup file their meaning.
struct StartupReader {
    /// What a relative topology path starts from, with a slash at its end.
    let folder: String?
    var configuration = StartupConfiguration()
    var findings: [Finding] = []
    /// The port whose block is being read.
    var currentPort = PortSettings()
    /// The plugin whose block is being read.
    var currentPlugin = PluginSettings.Rule()

    init(folder: String?) { self.folder = folder }

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
            if !seen.insert(key.name).inserted, key.countsOnce {
                report(
                    .startupRepeated,
                    .warning,
                    at: entry,
                    "\(key.name) is written twice in \(place)",
                    remedy: "the last one counts; keep one"
                )
            }
            guard let value = self.value(of: key, entry, entries, &index) else { continue }
            switch key.meaning {
            case .apply(let apply): apply(&self, value)
            case .nothing(let why): reportNoMeaning(key.name, why, at: entry)
            }
        }
    }

    /// What stands after a key; nil after a report.
    private mutating func value(
        of key: Key,
        _ entry: StartupEntry,
        _ entries: [StartupEntry],
        _ index: inout Int
    ) -> Key.Value? {
        var value = Key.Value(key: entry, word: "", block: entry.block)
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
        case .value, .named:
            guard entry.block == nil, index < entries.count else {
                return missingValue(key, at: entry)
            }
            let next = entries[index]
            index += 1
            guard next.block == nil || key.shape == .named || !key.hasMeaning, !next.word.isEmpty
            else {
                report(
                    .startupMissingValue,
                    at: next,
                    "\(key.name) takes one word",
                    remedy: "write `\(key.name) VALUE`"
                )
                return nil
            }
            value.word = next.word
            value.block = next.block
        }
        return value
    }

    private mutating func missingValue(_ key: Key, at entry: StartupEntry) -> Key.Value? {
        report(
            .startupMissingValue,
            at: entry,
            "\(key.name) has no value",
            remedy: "write `\(key.name) VALUE\(key.shape == .named ? " { ... }" : "")`"
        )
        return nil
    }

    private mutating func reportUnknown(
        _ entry: StartupEntry,
        in section: String?,
        place: String,
        keys: [Key]
    ) {
        let names = keys.filter(\.hasMeaning).map(\.name)
        let suggestion = Spelling.suggestion(for: entry.word, among: keys.map(\.name))
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

    mutating func reportNoMeaning(_ name: String, _ why: String, at entry: StartupEntry) {
        report(
            .startupNoMeaning,
            .warning,
            at: entry,
            "\(name) does nothing here",
            remedy: why.isEmpty ? "VPP knows it; Causeway passes over it" : why
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

    /// Refuses a key's value.
    mutating func refuse(_ value: Key.Value, _ remedy: String) {
        report(
            .startupImpossibleValue,
            at: value.key,
            "\(value.key.word) cannot be \"\(value.word.prefix(64))\"",
            remedy: remedy
        )
    }
}
