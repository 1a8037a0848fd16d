import ControlProtocol
import Testing

@testable import Routing

@Suite struct PathBucketsTests {
    @Test(arguments: [
        ([1, 1], [1, 1]), ([1, 3], [1, 3]), ([1, 1, 1], [6, 5, 5]), ([1, 2], [3, 5]),
        ([7], [2]),
    ])
    func sharesByWeight(weights: [Int], expected: [Int]) {
        #expect(PathBuckets.counts(weights: weights.map(Double.init)) == expected)
    }

    @Test func staysWithinItsBoundsForAnyWeights() {
        var random = SeededRandom(seed: 9)
        for round in 0..<2000 {
            let weights = (0..<Int.random(in: 1...64, using: &random)).map { _ in
                Double(Int.random(in: 1...255, using: &random))
            }
            let counts = PathBuckets.counts(weights: weights)
            let sum = counts.reduce(0, +)
            #expect(counts.count == weights.count, "seed 9, round \(round)")
            #expect((2...64).contains(sum) && sum & (sum - 1) == 0, "seed 9, round \(round)")
            #expect(counts.allSatisfy { $0 >= 1 }, "seed 9, round \(round)")
        }
    }
}
