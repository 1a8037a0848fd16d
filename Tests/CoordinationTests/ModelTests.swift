import Foundation
import TestSupport
import Testing

/// The protocols in Promela: what must hold does, and without one of its steps it does not.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ModelTests {
    /// A run of spin's verifier.
    struct Run: CustomTestStringConvertible, Sendable {
        var model: String
        /// The formula of the model; nil: its assertions.
        var claim: String?
        var options: [String] = []
        /// Whether something must be found.
        var mustFail = false

        var testDescription: String {
            ([model, claim ?? "assertions"] + options).joined(separator: " ")
        }
    }

    private static func mutant(
        _ model: String,
        _ claim: String?,
        _ step: String,
        _ options: [String] = []
    ) -> Run {
        Run(model: model, claim: claim, options: options + ["-D\(step)"], mustFail: true)
    }

    static let runs: [Run] =
        [
            Run(model: "ring", claim: nil, options: ["-DPACKETS=4"]),
            Run(model: "ring", claim: "liveness", options: ["-DPACKETS=2"]),
            Run(model: "barrier", claim: "safety", options: ["-DLANES=1", "-DLIVES=2"]),
            Run(model: "barrier", claim: "liveness", options: ["-DLANES=1", "-DEND=5"]),
        ]
        + ["NO_PRODUCER_REPAIR", "PUBLISH_FIRST"].map { mutant("ring", nil, $0) }
        + ["NO_FENCE", "NO_RING_AT_REPAIR", "NO_CONSUMER_REPAIR"].map {
            mutant("ring", "liveness", $0)
        }
        + ["NO_SLEEP_FENCE", "NO_RENEW_FENCE", "LEASE_FIRST", "NO_CHECK"].map {
            mutant("barrier", "safety", $0, ["-DLANES=1"])
        }
        + [mutant("barrier", "liveness", "NO_LEASE", ["-DLANES=1"])]

    /// Why nothing can be run here, which is a failure in CI; nil: it can.
    static let lack: String? = {
        let missing = ["spin", "gcc"].filter { program in
            !["/usr/bin", "/usr/local/bin"].contains {
                FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
            }
        }
        return missing.isEmpty ? nil : "\(missing.joined(separator: ", ")) missing: deploy/setup"
    }()

    static let isInCI = ProcessInfo.processInfo.environment["CI"] == "true"

    @Test(.enabled(if: lack == nil || isInCI, "spin and gcc are missing"), arguments: runs)
    func holdsAndNeedsEachOfItsSteps(_ run: Run) async throws {
        try #require(Self.lack == nil, "\(Self.lack ?? "")")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "causeway-model-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = SourceTree().root.appendingPathComponent("docs/models/\(run.model).pml").path
        let safety = run.claim == nil ? "-DSAFETY -DNOCLAIM" : ""
        let search = run.claim.map { "-a -N \($0)" + ($0 == "liveness" ? " -f" : "") } ?? ""
        let script = """
            cd '\(folder.path)' && spin \(run.options.joined(separator: " ")) -a '\(model)' >spin.log \
            && gcc -O2 -w -DNFAIR=3 \(safety) -o pan pan.c && exec ./pan \(search) -m1000000
            """
        let result = try await TestSupport.run(["sh", "-c", script], withinSeconds: 500)
        #expect(result.status == 0, "\(result)")
        #expect(!result.output.contains("max search depth too small"), "\(result)")
        let errors = result.output.split(separator: "\n").first { $0.contains("errors: ") }
        let hasFailed = errors.map { !$0.hasSuffix("errors: 0") }
        #expect(hasFailed == run.mustFail, "\(result)")
    }
}
