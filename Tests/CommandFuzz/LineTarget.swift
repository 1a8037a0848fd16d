import CommandShell
import ControlProtocol
import Supervision

/// Lines as the supervisor reads them: words, the grammar, what may follow; and the client's own list of commands.
struct LineTarget: FuzzTarget {
    let name = "line"
    let words = [
        "show ", "interface ", " node 1", " verbose", "left0", "10.0.0.0/8", "1.2.3.4",
        "02:fe:00:00:00:01",
        "via ", "weight 3 ", "count 5 ", "{ ", " } ", "UDP: ", "->", "0x00", "1e6", "64-128", "?",
        "$x", "/tmp/x",
        "0,1", "0,0", "1e308", "1e-1", "e", "256.0.0.1", "1.2.3.4/33", "-> ", "\u{301}", "\u{2028}",
        "\u{85}",
    ]
    private let grammar = CommandTable.grammar
    private let context = GrammarContext(
        interfaces: ["left0", "left1", "right0", "right1"],
        numaNodes: [0, 1],
        names: ["GRAPH-NODE": ["ip4-lookup", "ip4-input", "drop"], "STREAM": ["x", "y"]]
    )

    func seed(_ line: String) -> [UInt8] { Array(line.utf8) }

    func examine(_ text: [UInt8]) async throws(FuzzFault) -> String {
        let line = String(decoding: text, as: UTF8.self)
        let outcome: (text: String, isCommand: Bool)
        do throws(CommandFailure) {
            let tokens = try CommandToken.split(line)
            let match = try grammar.match(tokens, length: line.utf8.count, context: context)
            let scoped = grammar.match(match, of: tokens, in: 1, context)
            outcome = ("\(match.form) \(match.captures.map(\.key)) \(scoped.captures.count)", true)
        } catch {
            guard (0...line.utf8.count).contains(error.position ?? -1) else {
                throw FuzzFault(description: "a fault beyond the line: \(error)")
            }
            outcome = (Self.sort(of: error), false)
        }
        try check(line, isCommand: outcome.isCommand)
        return outcome.text
    }

    /// Whether what may follow is in the line's own terms.
    private func check(_ line: String, isCommand: Bool) throws(FuzzFault) {
        let reply = grammar.complete(line, context: context)
        let length = line.utf8.count
        guard (0...length).contains(reply.start),
            (0...length).contains(reply.error?.position ?? 0)
        else { throw FuzzFault(description: "a place beyond the line: \(reply)") }
        if reply.isComplete, !isCommand {
            throw FuzzFault(description: "it may end here, but is no command")
        }
        let head = line.utf8.prefix(reply.start)
        let partial = Array(line.utf8.dropFirst(reply.start))
        for entry in reply.entries where entry.kind == .keyword || entry.kind == .name {
            guard Array(entry.word.utf8).starts(with: partial) else {
                throw FuzzFault(description: "\(entry.word) does not begin like the last word")
            }
            let next = String(decoding: Array(head) + Array(entry.word.utf8), as: UTF8.self) + " "
            if let error = grammar.complete(next, context: context).error {
                throw FuzzFault(description: "\(next) was offered, but: \(error.message)")
            }
        }
        guard (0...length).contains(CommandForms.complete(line).start) else {
            throw FuzzFault(description: "the client's list has a place beyond the line")
        }
    }

    /// A fault without the words that it is about.
    private static func sort(of failure: CommandFailure) -> String {
        plainMessage(of: failure) + failure.expected.joined(separator: " ")
    }

    /// A fault's message without the words that it is about.
    static func plainMessage(of failure: CommandFailure) -> String {
        let parts = failure.message.split(separator: "\"", omittingEmptySubsequences: false)
        let plain = parts.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        return plain.joined()
    }
}
