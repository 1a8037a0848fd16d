import Foundation
import Testing

@testable import CommandShell
@testable import Supervision

@Suite struct CommandFormsTests {
    /// Where this package is.
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let isWriting = ProcessInfo.processInfo.environment["CAUSEWAY_WRITE"] == "1"
    private static let remedy: Comment =
        "CAUSEWAY_WRITE=1 swift test --filter CommandFormsTests writes it anew"

    /// The supervisor's commands as the list has them, lines of at most 100 characters.
    private static var text: String {
        CommandTable.commands.map { command in
            lines(of: command.syntax.summary).joined(separator: "\n ")
                + lines(of: command.summary).map { "\n> \($0)" }.joined() + "\n"
        }.joined()
    }

    private static func lines(of text: String) -> [String] {
        text.split(separator: " ").reduce(into: []) { lines, word in
            if let last = lines.last, last.count + word.count < 99 {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
    }

    @Test func theClientKnowsTheSupervisorsCommands() throws {
        let path = Self.root.appendingPathComponent(
            "Sources/CommandShell/Completion/CommandForms+Text.swift"
        )
        let source = try String(contentsOf: path, encoding: .utf8)
        let body = Self.text.split(separator: "\n").map { "        \($0)\n" }.joined()
        guard let start = source.range(of: "#\"\"\"\n"),
            let end = source.range(of: "        \"\"\"#")
        else {
            Issue.record("the list's file has another form")
            return
        }
        let wanted = source[..<start.upperBound] + body + source[end.lowerBound...]
        if Self.isWriting { try Data(wanted.utf8).write(to: path) }
        #expect(source == wanted || Self.isWriting, Self.remedy)
        #expect(
            CommandForms.parse(Self.text).map { [$0.syntax, $0.summary] }
                == CommandTable.commands.map { [$0.syntax.summary, $0.summary] }
        )
    }

    @Test func thePageListsTheCommands() throws {
        let path = Self.root.appendingPathComponent("docs/cli.md")
        let page = try String(contentsOf: path, encoding: .utf8)
        let head = "<!-- The commands: written by CommandFormsTests -->\n```\n"
        guard let start = page.range(of: head),
            let end = page.range(of: "```\n", range: start.upperBound..<page.endIndex)
        else {
            Issue.record("docs/cli.md has no list of the commands")
            return
        }
        let body = Self.text.replacing("\n> ", with: "\n    ")
        let wanted = page[..<start.upperBound] + body + page[end.lowerBound...]
        if Self.isWriting { try Data(wanted.utf8).write(to: path) }
        #expect(page == wanted || Self.isWriting, Self.remedy)
    }

    @Test func followsAFormWordByWord() {
        let form = "show runtime [node NUMA-NODE] [lane 0...63]"
        #expect(CommandForms.next(in: form, after: []) == ["show"])
        #expect(CommandForms.next(in: form, after: ["sh"]) == ["runtime"])
        #expect(CommandForms.next(in: form, after: ["show", "runtime"]) == ["node"])
        #expect(CommandForms.next(in: form, after: ["show", "x"]) == nil)
        let choice = "set interface state INTERFACE {up | down}"
        #expect(CommandForms.next(in: choice, after: ["set", "int", "state"]) == ["INTERFACE"])
        #expect(
            CommandForms.next(in: "clear {runtime | errors [x | y] | a b}", after: ["clear"]) == [
                "runtime", "errors", "a",
            ]
        )
        #expect(CommandForms.next(in: "help", after: ["help"]) == [])
    }
}
