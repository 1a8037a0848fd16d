import TestSupport
import Testing

/// Every rule finds what it is for, and nothing in clean text.
@Suite struct TidyRulesTests {
    private func swift(_ text: String, in path: String = "Sources/Routing/Example.swift")
        -> SourceFile
    {
        SourceFile(path: path, text: text)
    }

    private func function(bodyLines: Int) -> String {
        "func long(\n    _ value: Int\n) -> Int\nwhere Int: Equatable {\n"
            + String(repeating: "    value += 1\n", count: bodyLines) + "}\n"
    }

    @Test func blanksCommentsAndStringsButKeepsLines() {
        let code = CodeText(
            #"let a = "rte_x \(f("}") + g { 1 }) {" // rte_y"# + "\n/* { /* } */ rte_z\n*/ b\n"
                + ##"let c = #"\("no") " {"# + d"## + "\nlet e = \"\"\"\n  {\n  \"\"\" + f"
        )
        #expect(!code.lines.joined().contains("rte_"))
        #expect(code.lines.count == 7)
        #expect(code.lines[0].contains("f(") && code.lines[0].contains("g { 1 }"))
        #expect(!code.lines[0].contains("}\""))
        #expect(code.lines[2].trimmingBlanks == "b")
        #expect(code.lines[3].hasSuffix("+ d") && !code.lines[3].contains("{"))
        #expect(code.lines[4...].joined().filter { "{}".contains($0) }.isEmpty)
        #expect(code.lines[6].hasSuffix("+ f"))
    }

    @Test func measuresFunctionsFromHeadToClosingBrace() {
        let text = """
            protocol Shape {
                func area() -> Int
                init(side: Int)
            }
            struct Square {
                @inlinable @inline(__always)
                public static func make(side: Int = { 3 }()) -> Square {
                    let text = "{{{"
                    return Square()
                }
                init() {}
            }
            """
        let found = functionExtents(of: CodeText(text))
        #expect(found.map(\.firstLine) == [7, 11])
        #expect(found.map(\.lineCount) == [4, 1])
    }

    @Test func findsLongFunctions() {
        // Four lines of head and one closing brace.
        #expect(TidyRules.functionLength(swift(function(bodyLines: 65))) == [])
        let found = TidyRules.functionLength(swift("\n" + function(bodyLines: 66)))
        #expect(found.map(\.line) == [2])
    }

    @Test func findsLongFiles() {
        let lines = String(repeating: "x\n", count: 400)
        #expect(TidyRules.fileLength(swift(lines)) == [])
        #expect(TidyRules.fileLength(swift(lines + "x\n")).count == 1)
    }

    @Test func findsBlanksAtLineEnds() {
        #expect(TidyRules.lineEnds(swift("a\nb\n")) == [])
        #expect(TidyRules.lineEnds(swift("a \n\tb\nc")).map(\.line) == [1, 2, 0])
        #expect(TidyRules.lineEnds(swift("a\n\n")).map(\.line) == [0])
    }

    @Test func findsNamesOfCLibrariesOutsideTheirTargets() {
        let text = "// rte_ring is DPDK's\nlet ring = rte_ring_create()\n"
        #expect(TidyRules.cNamesStayHome(swift(text)).map(\.line) == [2])
        #expect(TidyRules.cNamesStayHome(swift(text, in: "Sources/PacketBuffers/Ring.swift")) == [])
        #expect(TidyRules.cNamesStayHome(swift("private_rte_x = 1\n")) == [])
    }

    @Test func findsPrintOutsideExecutables() {
        let text = "print(1)\nfingerprint(2)\nif a { print(b) }\n// print(3)\n"
        #expect(TidyRules.noPrint(swift(text)).map(\.line) == [1, 3])
        #expect(TidyRules.noPrint(swift(text, in: "Sources/causewayctl/main.swift")) == [])
    }

    @Test func findsLeftoversAndForeignPaths() {
        #expect(
            TidyRules.noLeftovers(swift("// TO" + "DO: later\nlet mastodon = 1\n")).map(\.line) == [
                1
            ]
        )
        #expect(TidyRules.noMachinePaths(swift("let a = \"/ho" + "me/me\"\n")).map(\.line) == [1])
    }

    @Test func findsBrokenLinks() {
        let tree = SourceTree()
        let file = SourceFile(
            path: "docs/example.md",
            text:
                "[a](../Package.swift) and [b](no-such-file.md#part)\n[c](https://swift.org)\n[d](#here)\n"
        )
        #expect(linkTargets(in: "[a](b), [c](d)") == ["b", "d"])
        #expect(brokenLinks(in: file, of: tree).map(\.line) == [1])
    }
}
