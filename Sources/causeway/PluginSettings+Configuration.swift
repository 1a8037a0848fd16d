internal import CausewayConfiguration
internal import ControlProtocol

extension PluginSettings {
    /// What workers are told.
    ///
    /// - Parameter programFolder: where the supervisor's program is; plugins are found from there unless the
    ///   startup file says where they are.
    /// - Returns: the folders and what is said of single plugins.
    func configuration(programFolder: String) -> PluginConfiguration {
        let usual = [programFolder + "/../lib/causeway_plugins", programFolder]
        return PluginConfiguration(
            folders: (paths ?? usual) + addedPaths,
            isDisabledByDefault: isDisabledByDefault,
            rules: rules.sorted { $0.key < $1.key }.map { name, rule in
                PluginConfiguration.Rule(
                    file: name.hasPrefix("lib") ? String(name.dropFirst(3)) : name,
                    choice: rule.isEnabled.map { $0 ? 1 : 2 } ?? 0,
                    skipsVersionCheck: rule.skipsVersionCheck,
                    words: rule.words,
                    place: rule.place?.description ?? ""
                )
            }
        )
    }
}
