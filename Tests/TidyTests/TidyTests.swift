import TestSupport
import Testing

/// The whole repository keeps the rules of the house.
@Suite struct TidyTests {
    private static let tree = SourceTree()
    private static let code = tree.files(
        under: ["Package.swift", "Sources", "bench", "Tests"],
        endingIn: [".swift", ".c", ".h"]
    )
    private static let texts =
        code
        + tree.files(
            under: [
                "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "deploy", "Topology", ".ci",
            ])
        + tree.files(under: ["bench", "Tests"], endingIn: [".md", ".sh", ".py", "/run"])

    private static func breaches(
        of rules: [TidyRule],
        in files: [SourceFile],
        except exempt: Set<String> = []
    ) -> [Breach] {
        files.filter { !exempt.contains($0.path) }.flatMap { file in rules.flatMap { $0(file) } }
    }

    @Test func findsTheSources() {
        #expect(Self.code.count > 30)
        #expect(Self.code.contains { $0.path == "Sources/CLinux/include/CLinux.h" })
        #expect(Self.texts.contains { $0.path == "README.md" })
    }

    @Test func filesAreShort() {
        let found = Self.breaches(of: [TidyRules.fileLength], in: Self.code)
        #expect(found == [])
    }

    @Test func functionsAreShort() {
        let found = Self.breaches(of: [TidyRules.functionLength], in: Self.code)
        #expect(found == [])
    }

    @Test func linesAreShortAndEndClean() {
        #expect(Self.breaches(of: [TidyRules.lineEnds], in: Self.texts) == [])
        #expect(Self.breaches(of: [TidyRules.lineLength], in: Self.code) == [])
    }

    @Test func nothingIsLeftForLater() {
        let found = Self.breaches(of: [TidyRules.noLeftovers], in: Self.texts)
        #expect(found == [])
    }

    @Test func noPathOfSomebodysMachine() {
        let found = Self.breaches(of: [TidyRules.noMachinePaths], in: Self.texts)
        #expect(found == [])
    }

    @Test func onlyExecutablesPrint() {
        let sources = Self.code.filter { $0.path.hasPrefix("Sources/") }
        #expect(Self.breaches(of: [TidyRules.noPrint], in: sources) == [])
    }

    @Test func namesOfCLibrariesStayInTheirTargets() {
        let found = Self.breaches(of: [TidyRules.cNamesStayHome], in: Self.code)
        #expect(found == [])
        let paths = Set(Self.code.map(\.path))
        #expect(
            Set(TidyRules.prefixExceptions.keys).subtracting(paths).isEmpty,
            "an exception for no file"
        )
    }

    @Test func filesSayWhatTheyAre() {
        let found = Self.breaches(
            of: [TidyRules.saysWhatItIs, TidyRules.plainNames, TidyRules.testNames],
            in: Self.code
        )
        #expect(found == [])
    }

    @Test func linksInTheDocumentsLeadSomewhere() {
        let documents = Self.texts.filter { $0.path.hasSuffix(".md") }
        #expect(documents.flatMap { brokenLinks(in: $0, of: Self.tree) } == [])
    }
}
