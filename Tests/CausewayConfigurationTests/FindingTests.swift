import FoundationEssentials
import TestSupport
import Testing

@testable import CausewayConfiguration

@Suite struct FindingTests {
    private static let all =
        FindingCase.text + FindingCase.cpus + FindingCase.memory + FindingCase.ports

    @Test(arguments: all)
    func namesTheMistakeAndItsPlace(example: FindingCase) throws {
        let resolved = resolve(example.text, on: try example.machine(), settings: example.settings)
        let found = resolved.findings.filter {
            $0.id == example.id && $0.severity == example.severity
        }
        try #require(!found.isEmpty, "found instead: \(resolved.findings)")
        if let place = example.place {
            let places = found.compactMap(\.location).map { "\($0.line):\($0.column)" }
            #expect(places.contains(place), "places: \(places)")
        }
        if !example.settings.isEmpty {
            #expect(found.contains { $0.location?.file.hasPrefix("--set ") == true })
        }
        #expect(
            example.severity == .note
                || found.allSatisfy { !$0.remedy.isEmpty || $0.id == .nodeNumber }
        )
        #expect(resolved.isUsable == !resolved.findings.contains { $0.severity == .error })
    }

    @Test func everyKindHasItsCase() {
        let covered = Set(Self.all.map(\.id))
        let elsewhere: Set<FindingID> = [
            .unreadable, .tooLarge, .extensionMissing, .programMissing,
        ]
        let missing = FindingID.allCases.filter {
            !$0.rawValue.hasPrefix("startup.") && !covered.contains($0) && !elsewhere.contains($0)
        }
        #expect(missing.isEmpty)
    }

    @Test func readsLikeACompilersMessage() {
        let finding = Finding(
            .unknownKey,
            at: SourceLocation(file: "t.yaml", line: 2, column: 1),
            "a topology file has no \"housekeping\"",
            remedy: "did you mean \"housekeeping\"?",
            suggestion: "housekeeping"
        )
        #expect(
            "\(finding)"
                == "t.yaml:2:1: error[topology.unknown-key]: a topology file has no \"housekeping\"; "
                + "did you mean \"housekeeping\"?"
        )
    }

    @Test func suggestsWhatWasProbablyMeant() throws {
        let machine = try FindingCase.dualSocket()
        func suggestion(_ text: String) -> String? {
            resolve(text, on: machine).findings.lazy.compactMap(\.suggestion).first
        }
        #expect(suggestion("schema: 1\nhousekeping: 0\n") == "housekeeping")
        #expect(suggestion("schema: 1\nsmt: one-lane-per-cor\n") == "one-lane-per-core")
        #expect(suggestion("schema: 1\nnodes: [{node: 0, prots: []}]\n") == "ports")
        #expect(
            suggestion("schema: 1\nnodes: [{node: 0, ports: [{pci: \"19:00.0\"}]}]\n")
                == "0000:18:00.0"
        )
        #expect(suggestion("schema: 1\nxyzzy: 0\n") == nil)
    }

    @Test func reportsEverythingAtOnce() throws {
        let text =
            "schema: 2\nsmtt: share\nremote-nics: never\ndefaults: {heap: 1Q}\nnodes: [{node: 0, lanes: [99]}]\n"
        let resolved = resolve(text, on: try FindingCase.dualSocket())
        let expected: [FindingID] = [
            .unsupportedSchema, .unknownKey, .impossibleValue, .wrongType, .cpuMissing,
        ]
        #expect(expected.allSatisfy { resolved.finding($0) != nil })
    }

    @Test func refusesFilesThatAreMissingOrHuge() throws {
        #expect(TopologyFile.read(path: "/nonexistent.yaml").findings.map(\.id) == [.unreadable])
        let huge = String(repeating: "# padding\n", count: 30_000)
        #expect(TopologyFile.parse(huge, path: "huge.yaml").findings.map(\.id) == [.tooLarge])
        let folder = try TemporaryFolder()
        #expect(
            TopologyFile.read(path: try folder.write("huge.yaml", huge)).findings.map(\.id) == [
                .tooLarge
            ]
        )
    }

    @Test func everyKindIsDocumented() throws {
        let pages = try ["topology", "startup-file"].map {
            try String(contentsOfFile: "\(Repository.root)/docs/\($0).md", encoding: .utf8)
        }.joined()
        for id in FindingID.allCases {
            #expect(pages.contains("`\(id.rawValue)`"), "\(id.rawValue)")
        }
    }
}
