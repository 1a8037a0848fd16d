/// Which plugins are looked for where, and which of them are loaded.
public struct PluginSettings: Hashable, Sendable {
    /// What is said of one plugin.
    public struct Rule: Hashable, Sendable {
        /// Whether it is loaded; nil: as by default.
        public var isEnabled: Bool?
        /// Whether it is loaded although it was built for another build of Causeway.
        public var skipsVersionCheck = false
        /// The words of its section `configure`, with blanks between; empty: none.
        public var words = ""
        /// Where the plugin is named.
        public var place: SourceLocation?

        /// Nothing is said.
        public init() {}
    }

    /// The folders to look in; nil: `causeway_plugins` in the folder `lib` beside the program's, and those
    /// beside the program.
    public var paths: [String]?
    /// Further folders.
    public var addedPaths: [String] = []
    /// Whether a plugin without a rule of its own stays out.
    public var isDisabledByDefault = false
    /// What is said of plugins, by the names of their files.
    public var rules: [String: Rule] = [:]

    /// Every plugin of the usual folders.
    public init() {}
}
