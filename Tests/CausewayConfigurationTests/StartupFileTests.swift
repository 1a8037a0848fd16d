import Testing

@testable import CausewayConfiguration

@Suite struct StartupFileTests {
    private func parse(_ text: String) -> (file: StartupFile, findings: [Finding]) {
        StartupFile.parse(text, path: "s.conf")
    }

    /// Entries as text: words, and blocks in parentheses.
    private func shape(_ entries: [StartupEntry]) -> String {
        entries.map { $0.word + ($0.block.map { "(\(shape($0)))" } ?? "") }.joined(separator: " ")
    }

    @Test(arguments: [
        ("unix { nodaemon log /x }", "unix(nodaemon log /x)"),
        ("unix{nodaemon}topology a.yaml", "unix(nodaemon) topology a.yaml"),
        ("a { b { c d { } } e }", "a(b(c d()) e)"),
        ("dev 0000:03:00.0 { name x }", "dev 0000:03:00.0(name x)"),
        ("a # { comment }\nb", "a b"),
        ("a#b\nc", "a c"),
        ("a \"b # { c\" d", "a b # { c d"),
        ("\"say \\\"hi\\\" \\\\\" x\"y z\"", "say \"hi\" \\ xy z"),
        ("\ta\r\n\u{0B}b\u{0C}c", "a b c"),
        ("", ""),
    ])
    func readsWordsAndBlocks(text: String, expected: String) {
        let (file, findings) = parse(text)
        #expect(shape(file.entries) == expected)
        #expect(findings.isEmpty)
    }

    @Test func knowsWhereEachWordIs() {
        let (file, _) = parse("unix {\n  log /x\n}\n")
        #expect(file.entries[0].location.description == "s.conf:1:1")
        #expect(file.entries[0].block?.map(\.location.description) == ["s.conf:2:3", "s.conf:2:7"])
    }

    @Test(arguments: [
        ("unix {\n nodaemon\n", "1:6"), ("a }\n", "1:3"), ("{ a }", "1:1"), ("a { } { b }", "1:7"),
        ("unix { log \"/x }\n", "1:12"),
    ])
    func refusesBracesAndQuotesThatDoNotMatch(text: String, place: String) {
        let findings = parse(text).findings
        #expect(
            findings.contains {
                $0.id == .startupSyntax && $0.location?.description == "s.conf:\(place)"
            }
        )
    }

    @Test func refusesFilesThatAreTooDeepTooLargeOrMissing() throws {
        let deep = String(repeating: "a { ", count: 40) + String(repeating: "} ", count: 40)
        #expect(parse(deep).findings.contains { $0.message.contains("deeper than 32") })
        let huge = String(repeating: "# x\n", count: 70_000)
        #expect(parse(huge).findings.map(\.id) == [.startupTooLarge])
        #expect(StartupFile.read(path: "/nonexistent").findings.map(\.id) == [.startupUnreadable])
    }
}
