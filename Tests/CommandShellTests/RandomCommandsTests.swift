import Foundation
import TestSupport
import Testing

/// A short run of what `command-fuzzer` does a million times.
@Suite struct RandomCommandsTests {
    /// The fuzzer, which is built beside the tests.
    private static let fuzzer = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("command-fuzzer").path

    @Test(arguments: [("line", 4000), ("keys", 1000), ("template", 5000)])
    func everyTextIsAnsweredAsItShouldBe(kind: String, count: Int) async throws {
        let output = try await succeed(
            [Self.fuzzer, kind, "\(count)", "20261123"],
            withinSeconds: 300
        )
        #expect(output.contains("\(kind): \(count) inputs, seed 20261123: no crash, no hang"))
    }
}
