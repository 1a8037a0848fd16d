internal import FoundationEssentials

/// A word of a startup file, and the block in braces that follows it, if one does.
///
/// The grammar is VPP's: words and nested blocks, no line structure. Which words are values of which others
/// only a section's reader knows: in `unix { log /x nodaemon }` all three are entries of one block.
public struct StartupEntry: Hashable, Sendable {
    /// The word without its quotes.
    public var word: String
    /// Where it begins.
    public var location: SourceLocation
    /// What stands in the braces after it; nil without braces.
    public var block: [StartupEntry]?

    /// Creates one from its parts.
    public init(word: String, location: SourceLocation, block: [StartupEntry]? = nil) {
        self.word = word
        self.location = location
        self.block = block
    }
}

/// A startup file as words and blocks.
public struct StartupFile: Hashable, Sendable {
    /// The path as it was given, for messages.
    public var path: String
    /// The words at the top, with their blocks.
    public var entries: [StartupEntry]

    /// Creates one from its parts.
    public init(path: String, entries: [StartupEntry]) {
        self.path = path
        self.entries = entries
    }

    /// The size beyond which a file is refused, in bytes.
    public static let maximumBytes = 256 << 10

    /// Blocks within blocks at most.
    public static let maximumDepth = 32

    /// Reads a file.
    ///
    /// - Returns: what could be understood, and everything that is wrong with the text.
    public static func read(path: String) -> (file: StartupFile, findings: [Finding]) {
        guard let data = FileManager.default.contents(atPath: path) else {
            let finding = Finding(
                .startupUnreadable,
                at: SourceLocation(file: path, line: 1, column: 1),
                "the startup file cannot be read",
                remedy: "check the path and its permissions"
            )
            return (StartupFile(path: path, entries: []), [finding])
        }
        guard data.count <= maximumBytes else {
            return (StartupFile(path: path, entries: []), [tooLarge(path)])
        }
        return parse(String(decoding: data, as: UTF8.self), path: path)
    }

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - text: at most `maximumBytes`.
    ///   - path: the file's name in findings.
    /// - Returns: what could be understood, and everything that is wrong with the text.
    public static func parse(
        _ text: String,
        path: String
    ) -> (file: StartupFile, findings: [Finding]) {
        guard text.utf8.count <= maximumBytes else {
            return (StartupFile(path: path, entries: []), [tooLarge(path)])
        }
        var tokenizer = StartupTokenizer(text, path: path)
        var tree = StartupTree()
        while let token = tokenizer.next() { tree.append(token, findings: &tokenizer.findings) }
        let entries = tree.finish(findings: &tokenizer.findings)
        return (StartupFile(path: path, entries: entries), tokenizer.findings)
    }

    /// Reads a configuration given as command-line words, as `causeway unix { nodaemon }` does.
    public static func parse(
        arguments: [String]
    ) -> (file: StartupFile, findings: [Finding]) {
        parse(arguments.joined(separator: " "), path: "command line")
    }

    private static func tooLarge(_ path: String) -> Finding {
        Finding(
            .startupTooLarge,
            at: SourceLocation(file: path, line: 1, column: 1),
            "the startup file has more than \(maximumBytes) bytes",
            remedy: "put commands into a file of their own and name it with `unix { exec FILE }`"
        )
    }
}

/// Puts tokens into blocks.
private struct StartupTree {
    /// Blocks that are open, the outermost first; each with the place of its brace.
    private var open: [(entries: [StartupEntry], brace: SourceLocation?)] = [([], nil)]

    mutating func append(_ token: StartupTokenizer.Token, findings: inout [Finding]) {
        let last = open.count - 1
        switch token.kind {
        case .word(let text):
            open[last].entries.append(StartupEntry(word: text, location: token.location))
        case .open:
            let owner = open[last].entries.last
            if owner == nil || owner?.block != nil {
                findings.append(
                    Finding(
                        .startupSyntax,
                        at: token.location,
                        "a block without a name",
                        remedy: "write the section's name before the brace"
                    )
                )
            } else if last >= StartupFile.maximumDepth {
                findings.append(
                    Finding(
                        .startupSyntax,
                        at: token.location,
                        "blocks nested deeper than \(StartupFile.maximumDepth)",
                        remedy: "is a closing brace missing?"
                    )
                )
            }
            open.append(([], token.location))
        case .close:
            guard last > 0 else {
                findings.append(
                    Finding(
                        .startupSyntax,
                        at: token.location,
                        "a closing brace without an opening one",
                        remedy: "take it out"
                    )
                )
                return
            }
            closeLast()
        }
    }

    private mutating func closeLast() {
        let entries = open.removeLast().entries
        let outer = open.count - 1
        // Entries of a block without a name are checked no further: it has its finding.
        guard outer < StartupFile.maximumDepth, let owner = open[outer].entries.indices.last,
            open[outer].entries[owner].block == nil
        else { return }
        open[outer].entries[owner].block = entries
    }

    mutating func finish(findings: inout [Finding]) -> [StartupEntry] {
        while open.count > 1 {
            findings.append(
                Finding(
                    .startupSyntax,
                    at: open[open.count - 1].brace,
                    "this brace is never closed",
                    remedy: "add a closing brace"
                )
            )
            closeLast()
        }
        return open[0].entries
    }
}
