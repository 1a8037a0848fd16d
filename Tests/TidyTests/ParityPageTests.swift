import TestSupport
import Testing

/// The parity page has every row, and what it names exists.
@Suite struct ParityPageTests {
    private static let page: ParityPage? = SourceTree().files(under: [ParityPage.path]).first
        .map { ParityPage($0) }

    /// VPP's steps from `main` to the main loop, as the project numbers them.
    private static let steps = 1...91

    @Test func hasEveryStepOnce() throws {
        let numbers = try #require(Self.page).rows.flatMap(\.numbers)
        #expect(numbers == numbers.sorted(), "rows stand in the order of their numbers")
        #expect(Set(numbers).count == numbers.count, "a row stands twice")
        #expect(numbers.count == Self.steps.count)
        #expect(Set(Self.steps).subtracting(numbers).sorted() == [])
    }

    @Test func saysHowToSeeEveryRow() throws {
        for row in try #require(Self.page).rows where !row.here.hasPrefix("None:") {
            #expect(!row.proofs.isEmpty, "row \(row.name), line \(row.line)")
        }
    }

    @Test func namesTestsThatThereAre() throws {
        let sources = SourceTree().files(under: ["Tests"], endingIn: [".swift"]).map(\.text)
            .joined(separator: "\n")
        for row in try #require(Self.page).rows {
            #expect(
                !row.tests.isEmpty || row.here.hasPrefix("None:"),
                "row \(row.name), line \(row.line) has no test"
            )
            for test in row.tests {
                let parts = test.split(separator: ".")
                if let suite = parts.first {
                    #expect(sources.contains("struct \(suite) "), "no suite \(suite): \(row.line)")
                }
                if parts.count > 1, let function = parts.last {
                    #expect(sources.contains("func \(function)("), "no test \(test): \(row.line)")
                }
            }
        }
    }
}
