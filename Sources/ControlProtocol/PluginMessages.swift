/// What a worker is told of plugins.
public struct PluginConfiguration: Hashable, Sendable {
    /// What the startup file says of one plugin.
    public struct Rule: Hashable, Sendable {
        /// The name of its file, without `lib` before it.
        public var file: String
        /// Whether it is loaded: 0 as by default, 1 yes (the worker does not start without it), 2 no.
        public var choice: UInt8
        /// Whether it is loaded although it was built for another build of Causeway.
        public var skipsVersionCheck: Bool
        /// The words of its section, and where they stand.
        public var words: String
        /// `FILE:LINE:COLUMN`, for messages.
        public var place: String

        /// Makes a rule.
        public init(
            file: String,
            choice: UInt8,
            skipsVersionCheck: Bool,
            words: String,
            place: String
        ) {
            self.file = file
            self.choice = choice
            self.skipsVersionCheck = skipsVersionCheck
            self.words = words
            self.place = place
        }
    }

    /// The folders to look in, in order.
    public var folders: [String]
    /// Whether a plugin without a rule of its own stays out.
    public var isDisabledByDefault: Bool
    /// What is said of plugins.
    public var rules: [Rule]

    /// Makes a configuration; without more said there is no plugin.
    public init(folders: [String] = [], isDisabledByDefault: Bool = false, rules: [Rule] = []) {
        self.folders = folders
        self.isDisabledByDefault = isDisabledByDefault
        self.rules = rules
    }
}

/// What a worker found of a plugin.
public struct PluginReport: Hashable, Sendable, Codable {
    /// A command of a plugin.
    public struct Command: Hashable, Sendable, Codable {
        /// The words that it begins with.
        public var words: String
        /// The arguments after them, for people.
        public var arguments: String
        /// What it is for.
        public var summary: String
        /// Whether it changes settings.
        public var changes: Bool

        /// Makes a description.
        public init(words: String, arguments: String, summary: String, changes: Bool) {
            self.words = words
            self.arguments = arguments
            self.summary = summary
            self.changes = changes
        }
    }

    /// The name of its file, without `lib` before it.
    public var file: String
    /// Where the file is.
    public var path: String
    /// What the plugin calls itself; empty if it was not loaded.
    public var name: String
    /// Its own version.
    public var version: String
    /// What it is for.
    public var summary: String
    /// Why it is not loaded; empty: it is.
    public var problem: String
    /// Its graph nodes.
    public var nodes: [String]
    /// Its commands.
    public var commands: [Command]

    /// Makes a report of a file that was found.
    public init(file: String, path: String, problem: String = "") {
        self.file = file
        self.path = path
        name = ""
        version = ""
        summary = ""
        self.problem = problem
        nodes = []
        commands = []
    }
}

/// A setting of a plugin, as the journal keeps it.
public struct PluginSetting: Hashable, Sendable, Codable {
    /// The plugin's own name.
    public var plugin: String
    /// What is set; the plugin alone knows what it means.
    public var key: String
    /// What it is set to; nil: it is not set.
    public var value: String?

    /// The most bytes of a key, and of a value.
    public static let maximumBytes = 4096

    /// Makes a setting.
    public init(plugin: String, key: String, value: String?) {
        self.plugin = plugin
        self.key = key
        self.value = value
    }
}

extension PluginConfiguration {
    func write(to writer: inout WireWriter) {
        writer.put(folders) { $0.put($1) }
        writer.put(isDisabledByDefault)
        writer.put(rules) { writer, rule in
            writer.put(rule.file)
            writer.put(rule.choice)
            writer.put(rule.skipsVersionCheck)
            writer.put(rule.words)
            writer.put(rule.place)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            folders: try reader.getList { reader throws(WireError) in try reader.getString() },
            isDisabledByDefault: try reader.getBool(),
            rules: try reader.getList { reader throws(WireError) in
                Rule(
                    file: try reader.getString(),
                    choice: try reader.get(),
                    skipsVersionCheck: try reader.getBool(),
                    words: try reader.getString(),
                    place: try reader.getString()
                )
            }
        )
    }
}

extension PluginReport {
    func write(to writer: inout WireWriter) {
        for text in [file, path, name, version, summary, problem] { writer.put(text) }
        writer.put(nodes) { $0.put($1) }
        writer.put(commands) { writer, command in
            for text in [command.words, command.arguments, command.summary] { writer.put(text) }
            writer.put(command.changes)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(file: try reader.getString(), path: try reader.getString())
        name = try reader.getString()
        version = try reader.getString()
        summary = try reader.getString()
        problem = try reader.getString()
        nodes = try reader.getList { reader throws(WireError) in try reader.getString() }
        commands = try reader.getList { reader throws(WireError) in
            Command(
                words: try reader.getString(),
                arguments: try reader.getString(),
                summary: try reader.getString(),
                changes: try reader.getBool()
            )
        }
    }
}

extension PluginSetting {
    func write(to writer: inout WireWriter) {
        writer.put(plugin)
        writer.put(key)
        writer.put(value != nil)
        writer.put(value ?? "")
    }

    init(from reader: inout WireReader) throws(WireError) {
        let plugin = try reader.getString()
        let key = try reader.getString()
        let isSet = try reader.getBool()
        let value = try reader.getString()
        self.init(plugin: plugin, key: key, value: isSet ? value : nil)
    }
}
