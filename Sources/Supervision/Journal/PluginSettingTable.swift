internal import ControlProtocol
internal import Routing

/// How a change is taken back.
struct ModelUndo: Sendable {
    var routing: RoutingUndo?
    /// The former settings.
    var plugins: [PluginSetting] = []

    var isEmpty: Bool { (routing?.isEmpty ?? true) && plugins.isEmpty }
}

/// What is set for plugins; the plugins alone know what it means.
struct PluginSettingTable: Sendable {
    private struct Place: Hashable, Comparable {
        var plugin: String
        var key: String

        static func < (left: Place, right: Place) -> Bool {
            (left.plugin, left.key) < (right.plugin, right.key)
        }
    }

    private var values: [Place: String] = [:]
    /// The most settings of all plugins together.
    private static let capacity = 100_000

    /// Sets values, or forgets them.
    ///
    /// - Returns: those that are new, and the former settings in reverse order.
    /// - Throws: `ChangeError` for what is too long or too much; nothing is changed then.
    mutating func apply(
        _ settings: [PluginSetting]
    ) throws(ChangeError) -> (changes: [PluginSetting], undo: [PluginSetting]) {
        for setting in settings {
            let length = max(setting.key.utf8.count, setting.value?.utf8.count ?? 0)
            guard length <= PluginSetting.maximumBytes else {
                throw ChangeError("a setting of \(length) bytes; at most 4096 are possible")
            }
        }
        guard values.count + settings.count <= Self.capacity else {
            throw ChangeError("plugins have \(values.count) settings, at most \(Self.capacity)")
        }
        var changes: [PluginSetting] = []
        var undo: [PluginSetting] = []
        for setting in settings {
            let place = Place(plugin: setting.plugin, key: setting.key)
            let former = values[place]
            guard former != setting.value else { continue }
            values[place] = setting.value
            changes.append(setting)
            undo.append(PluginSetting(plugin: place.plugin, key: place.key, value: former))
        }
        return (changes, undo.reversed())
    }

    /// Everything that is set, sorted by plugin and key.
    func snapshot() -> [PluginSetting] {
        values.sorted { $0.key < $1.key }.map {
            PluginSetting(plugin: $0.key.plugin, key: $0.key.key, value: $0.value)
        }
    }
}
