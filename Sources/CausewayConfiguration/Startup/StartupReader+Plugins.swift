/// The vocabulary of `plugins { ... }`.
extension StartupReader {
    static let pluginKeys: [Key] =
        [
            .value("path") { reader, value in reader.setPluginPath(value.word) },
            Key(
                name: "add-path",
                shape: .value,
                meaning: .apply { reader, value in
                    reader.configuration.plugins.addedPaths += paths(value.word)
                },
                countsOnce: false
            ),
            .named("plugin") { reader, value in reader.readPlugin(value) },
        ]
        + Key.withoutMeaning(
            ["name-filter"],
            .value,
            "switch plugins off by name: `plugin NAME.so { disable }`"
        )
        + Key.withoutMeaning(["vat-path", "vat-name-filter"], .value)

    /// The folders that plugins are looked for in, with colons between.
    mutating func setPluginPath(_ text: String) { configuration.plugins.paths = Self.paths(text) }

    private static func paths(_ text: String) -> [String] {
        text.split(separator: ":").map(String.init)
    }

    private mutating func readPlugin(_ value: Key.Value) {
        currentPlugin = configuration.plugins.rules[value.word] ?? PluginSettings.Rule()
        currentPlugin.place = value.location
        read(value.block ?? [], in: "plugin", keys: Self.ruleKeys)
        if value.word == "default" {
            configuration.plugins.isDisabledByDefault = currentPlugin.isEnabled == false
        } else {
            configuration.plugins.rules[value.word] = currentPlugin
        }
    }

    private static let ruleKeys: [Key] = [
        flag("enable") { $0.isEnabled = true },
        flag("disable") { $0.isEnabled = false },
        flag("skip-version-check") { $0.skipsVersionCheck = true },
        // Its words are the plugin's own: only the worker that loads it knows them.
        Key(
            name: "configure",
            shape: .block,
            meaning: .apply { reader, value in
                let words = [reader.currentPlugin.words, flat(value.block ?? [])]
                reader.currentPlugin.words = words.filter { !$0.isEmpty }.joined(separator: " ")
            },
            countsOnce: false
        ),
    ]

    /// The words of a block, braces included.
    private static func flat(_ entries: [StartupEntry]) -> String {
        entries.map { entry in
            entry.word + (entry.block.map { " { \(flat($0)) }" } ?? "")
        }.joined(separator: " ")
    }

    private static func flag(
        _ name: String,
        _ change: @escaping @Sendable (inout PluginSettings.Rule) -> Void
    ) -> Key {
        Key(
            name: name,
            shape: .flag,
            meaning: .apply { reader, _ in change(&reader.currentPlugin) }
        )
    }
}
