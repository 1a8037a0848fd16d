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

    /// Runs that take more than half a minute too.
    private static let isLong = ProcessInfo.processInfo.environment["CAUSEWAY_LONG"] != nil

    static let runs: [Run] = ringRuns + barrierRuns + handoverRuns

    private static let ringRuns: [Run] = [
        Run(model: "ring", claim: nil, options: ["-DPACKETS=4"]),
        Run(model: "ring", claim: "liveness", options: ["-DPACKETS=2"]),
        mutant("ring", nil, "NO_PRODUCER_REPAIR"),
        mutant("ring", nil, "PUBLISH_FIRST"),
        mutant("ring", "liveness", "NO_FENCE"),
        mutant("ring", "liveness", "NO_RING_AT_REPAIR"),
        mutant("ring", "liveness", "NO_CONSUMER_REPAIR"),
    ]

    private static let barrierRuns: [Run] = [
        Run(model: "barrier", claim: "safety", options: ["-DLANES=1", "-DLIVES=2"]),
        Run(model: "barrier", claim: "liveness", options: ["-DLANES=1", "-DEND=5"]),
        mutant("barrier", "safety", "NO_SLEEP_FENCE", ["-DLANES=1"]),
        mutant("barrier", "safety", "NO_RENEW_FENCE", ["-DLANES=1"]),
        mutant("barrier", "safety", "LEASE_FIRST", ["-DLANES=1"]),
        mutant("barrier", "safety", "NO_CHECK", ["-DLANES=1"]),
        mutant("barrier", "liveness", "NO_LEASE", ["-DLANES=1"]),
    ]

    private static let handoverRuns: [Run] =
        [
            Run(model: "handover", claim: nil, options: death),
            Run(model: "handover", claim: nil, options: ["-DDEATHS=0", "-DLATES=2"]),
            Run(model: "handover", claim: "liveness", options: peace),
            Run(model: "handover", claim: "liveness", options: death + ["-DPACKETS=1"]),
            mutant("handover", nil, "NO_WAIT", death),
            mutant("handover", nil, "DEAD_ANSWER", death),
            mutant("handover", nil, "STATE_FIRST", death),
            mutant("handover", nil, "NO_ABANDON", ["-DDEATHS=0", "-DLATES=1"]),
            mutant("handover", "liveness", "NO_REST", peace),
            mutant("handover", "liveness", "NO_RECORD", peace),
            mutant("handover", "liveness", "NO_RECOVERY", death),
        ] + (isLong ? [Run(model: "handover", claim: nil, options: deathAndDelay)] : [])

    private static let peace = ["-DDEATHS=0", "-DLATES=0"]
    private static let death = ["-DDEATHS=1", "-DLATES=0"]
    private static let deathAndDelay = ["-DDEATHS=1", "-DLATES=1"]

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
            && gcc -O2 -w -DNFAIR=4 \(safety) -o pan pan.c && exec ./pan \(search) -m1000000
            """
        let result = try await TestSupport.run(["sh", "-c", script], withinSeconds: 500)
        #expect(result.status == 0, "\(result)")
        #expect(!result.output.contains("max search depth too small"), "\(result)")
        let errors = result.output.split(separator: "\n").first { $0.contains("errors: ") }
        let hasFailed = errors.map { !$0.hasSuffix("errors: 0") }
        #expect(hasFailed == run.mustFail, "\(result)")
    }
}
