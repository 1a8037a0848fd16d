import Coordination
import Testing

@Suite struct OrderedStepsTests {
    private func order(_ steps: [OrderedStep]) throws -> [String] {
        try steps.sortedByConstraints().map { steps[$0].name }
    }

    @Test func keepsTheOrderOfRegistrationWhereItMay() throws {
        let steps = ["c", "a", "b"].map { OrderedStep($0) }
        #expect(try order(steps) == ["c", "a", "b"])
    }

    @Test func keepsEveryConstraint() throws {
        let steps = [
            OrderedStep("d", runsAfter: ["b", "c"]), OrderedStep("c", runsAfter: ["a"]),
            OrderedStep("b"), OrderedStep("a", runsBefore: ["b"]),
            OrderedStep("e", runsBefore: ["a"], runsAfter: ["nobody"]),
        ]
        #expect(try order(steps) == ["e", "a", "c", "b", "d"])
        let chained = [
            OrderedStep("x"), OrderedStep("y"), OrderedStep("z", order: ["z", "y", "none", "x"]),
        ]
        #expect(try order(chained) == ["z", "y", "x"])
    }

    @Test func printsACycle() {
        let steps = [
            OrderedStep("free"), OrderedStep("a", runsBefore: ["b"]),
            OrderedStep("b", runsBefore: ["c"]), OrderedStep("c", runsBefore: ["a"]),
        ]
        do {
            _ = try steps.sortedByConstraints()
            Issue.record("sorted")
        } catch {
            #expect(
                error == .cycle(["b", "c", "a"]) || "\(error)".contains("a -> b -> c"),
                "\(error)"
            )
            #expect("\(error)".hasPrefix("ordering constraints form a cycle: "))
            #expect(!"\(error)".contains("free"))
        }
    }

    @Test func refusesANameTwice() {
        #expect(throws: StepOrderError.duplicate("a")) {
            try [OrderedStep("a"), OrderedStep("a")].sortedByConstraints()
        }
    }
}
