/// The body of `POST /v1/complete`, which asks what may follow a line.
public struct CompletionRequest: Codable, Hashable, Sendable {
    /// The line up to the cursor.
    public var line: String

    /// Makes a request.
    public init(line: String) { self.line = line }
}

/// What may stand at the end of a line: the answer to `POST /v1/complete`.
public struct CompletionReply: Codable, Hashable, Sendable {
    /// What sort of word an entry is.
    public enum Kind: String, Codable, Hashable, Sendable {
        /// A word of the command.
        case keyword
        /// The name of something that there is, such as an interface.
        case name
        /// What an argument is called; nothing to type.
        case argument
        /// What a file's name is called; whoever asks may list files.
        case path
    }

    /// One thing that may stand there.
    public struct Entry: Codable, Hashable, Sendable {
        /// The word.
        public var word: String
        /// What it is for, in a few words.
        public var help: String
        /// What sort of word it is.
        public var kind: Kind

        /// Makes an entry.
        public init(word: String, help: String, kind: Kind) {
            self.word = word
            self.help = help
            self.kind = kind
        }
    }

    /// Where the word that is being typed starts, in bytes from the line's start.
    public var start: Int
    /// What that word may become; all of it if nothing is typed yet.
    public var entries: [Entry]
    /// Whether the line can end here.
    public var isComplete: Bool
    /// Why nothing can follow: the words before are no command.
    public var error: CommandFault?

    /// Makes an answer.
    public init(
        start: Int,
        entries: [Entry],
        isComplete: Bool = false,
        error: CommandFault? = nil
    ) {
        self.start = start
        self.entries = entries
        self.isComplete = isComplete
        self.error = error
    }
}

/// What an interactive client learns of the supervisor that it talks to: `GET /v1/session`.
public struct SessionSettings: Codable, Hashable, Sendable {
    /// The supervisor's process; another number is another supervisor.
    public var pid: Int32
    /// The supervisor's build.
    public var version: String
    /// Whether the supervisor was built for debugging.
    public var isDebug: Bool
    /// The dataplane's name on the machine.
    public var instance: String
    /// `unix { cli-prompt TEXT }`; nil: the instance's name.
    public var prompt: String?
    /// `unix { cli-history-limit N }`: lines that the history keeps; 0: none.
    public var historyLimit: Int
    /// Whether long answers are shown page by page: no `unix { cli-no-pager }`.
    public var hasPager: Bool
    /// `unix { cli-pager-buffer-limit N }`: longer answers, in lines, are not paged; 0: no limit.
    public var pagerLimit: Int
    /// Whether a client greets: no `unix { cli-no-banner }`.
    public var hasBanner: Bool

    /// Makes settings; those that are not given are VPP's.
    public init(
        pid: Int32 = 0,
        version: String = "",
        isDebug: Bool = false,
        instance: String = "causeway",
        prompt: String? = nil,
        historyLimit: Int = 50,
        hasPager: Bool = true,
        pagerLimit: Int = 100_000,
        hasBanner: Bool = true
    ) {
        self.pid = pid
        self.version = version
        self.isDebug = isDebug
        self.instance = instance
        self.prompt = prompt
        self.historyLimit = historyLimit
        self.hasPager = hasPager
        self.pagerLimit = pagerLimit
        self.hasBanner = hasBanner
    }
}
