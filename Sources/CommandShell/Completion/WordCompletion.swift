public import ControlClient
internal import ControlProtocol

/// `causewayctl complete -- WORD...`: what the last word of a command line may become.
public struct WordCompletion: Sendable {
    private let words: [String]
    private let folder: String
    /// What `-s` among the words says.
    public let socket: String?

    /// Takes the words behind `causewayctl`; the last one is being typed, and may be empty.
    ///
    /// - Parameters:
    ///   - words: the words up to the cursor.
    ///   - folder: where relative file names start from.
    public init(_ words: [String], folder: String) {
        var command: [String] = []
        var rest = words[...]
        var socket: String?
        while let word = rest.popFirst() {
            let option = CompletionScript.options.first { $0.name == word }
            guard let option, !rest.isEmpty else {
                command.append(word)
                continue
            }
            guard option.takesValue else { continue }
            // The value is being typed: nothing of ours.
            if rest.count == 1 {
                command = []
                rest = []
                break
            }
            let value = rest.removeFirst()
            if option.name == "-s" || option.name == "--socket" { socket = value }
        }
        self.words = command
        self.folder = folder
        self.socket = socket
    }

    /// A line for each word: the word, a tab, what it is for.
    public func lines(client: ControlClient) async -> [String] {
        guard let partial = words.last else { return [] }
        if partial.hasPrefix("-") {
            return CompletionScript.options.map(\.name).filter { $0.hasPrefix(partial) }.sorted()
        }
        if words.count == 2, words[0] == "completion" {
            return CompletionScript.allCases.map(\.rawValue).filter { $0.hasPrefix(partial) }
        }
        let line = words.joined(separator: " ")
        var reply: CompletionReply
        do throws(ControlClientError) {
            reply = try await client.complete(line)
        } catch { reply = CommandForms.complete(line) }
        if reply.entries.contains(where: { $0.kind == .path }) {
            reply.entries += FileNames.matching(partial, in: folder)
        }
        var found = reply.entries.filter { $0.kind == .keyword || $0.kind == .name }
            .map { ($0.word, $0.help) }
        if words.count == 1 { found += CompletionScript.ownCommands.map { ($0.word, $0.help) } }
        return found.filter { $0.0.hasPrefix(partial) }.map {
            $0.1.isEmpty ? $0.0 : $0.0 + "\t" + $0.1
        }
    }
}
