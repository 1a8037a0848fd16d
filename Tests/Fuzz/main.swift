import CausewayConfiguration
import Foundation
import HostTopology
import TestSupport

/// Feeds mutated startup or topology files to their readers, and resolves a placement of what they say.
///
///     configuration-fuzzer {startup | topology} COUNT [SEED] [FOLDER FOR NEW TEXTS]
///
/// An input that leads to a set of findings that no earlier one led to is kept and mutated further; with a folder
/// it is written there. A crash names the input's number and leaves its text in the temporary folder; an
/// input that takes longer than ten seconds ends the run by SIGALRM.
struct Fuzzer {
    let kind: String
    let count: Int
    let seed: UInt64
    let output: String?
    let machine: HostTopology

    /// Texts with errors are placed only now and then: that costs more than reading them.
    static let placementSample = 16
    /// Longer texts are examined but not mutated further, in bytes.
    static let longestText = 2048
    static let folder = SourceTree().root.appendingPathComponent("Tests/Fuzz/corpus")
    static let words = [
        "unix", "cpu", "memory", "buffers", "dpdk", "plugins", "heapsize", "main-core", "workers",
        "corelist-workers", "coremask-workers", "relative", "skip-cores", "numa", "dev", "default",
        "nodes:", "node:", "lanes:", "ports:", "tap:", "pci:", "heap:", "schema: 1", "restart:",
        "housekeeping:", "virtual-of:", "statseg", "metrics", "listen",
        "per-node-counters", "update-interval", "api-trace", "nitems", "handoff-ring:", "spare:",
        "0-4095", "0x3c", "0000:18:00.0",
    ]

    func run() {
        var mutator = Mutator(texts: corpus(), words: Self.words, seed: seed)
        var signatures: Set<String> = []
        var accepted = 0
        let start = Date()
        for index in 0..<count {
            let text = index < mutator.texts.count ? mutator.texts[index] : mutator.next()
            current.number = index
            alarm(10)
            let findings = examine(
                String(decoding: text, as: UTF8.self),
                isPlaced: index % Self.placementSample == 0
            )
            accepted += findings.hasErrors ? 0 : 1
            let signature = Set(findings.map(\.id.rawValue)).sorted().joined(separator: ",")
            if signatures.insert(signature).inserted {
                if text.count <= Self.longestText { mutator.texts.append(text) }
                if let output { save(text, signature, in: output) }
            }
            if (index + 1) % 100_000 == 0 {
                print("\(kind): \(index + 1) inputs, \(accepted) accepted")
                fflush(nil)
            }
        }
        alarm(0)
        let seconds = Date().timeIntervalSince(start)
        print(
            "\(kind): \(count) inputs, seed \(seed): no crash, no hang; \(accepted) accepted, "
                + "\(count - accepted) refused, \(signatures.count) different sets of findings, "
                + String(format: "%.0f s", seconds)
        )
    }

    private func corpus() -> [[UInt8]] {
        let root = SourceTree().root
        var folders = [Self.folder.appendingPathComponent(kind)]
        if kind == "topology" { folders.append(root.appendingPathComponent("Topology")) }
        return folders.flatMap { folder -> [[UInt8]] in
            let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return files.sorted().filter { !$0.hasSuffix(".md") }.compactMap {
                FileManager.default.contents(atPath: folder.appendingPathComponent($0).path)
                    .map(Array.init)
            }
        }
    }

    /// Everything that is found; up to the placement if the text has no error, or if it is to be placed.
    private func examine(_ text: String, isPlaced: Bool) -> [Finding] {
        if kind == "startup" {
            let (file, findings) = StartupFile.parse(text, path: "fuzz.conf")
            let (configuration, more) = StartupConfiguration.interpret(file, folder: nil)
            guard isPlaced || !(findings + more).hasErrors else { return findings + more }
            let resolved = Placement.resolve(
                machine: machine,
                topologyPath: nil,
                startup: configuration.placement
            )
            return findings + more + resolved.findings
        }
        let (file, findings) = TopologyFile.parse(text, path: "fuzz.yaml")
        guard isPlaced || !findings.hasErrors else { return findings }
        return findings + Placement.resolve(machine: machine, file: file).findings
    }

    private func save(_ text: [UInt8], _ signature: String, in folder: String) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in signature.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let path = "\(folder)/\(String(hash, radix: 16))"
        try? Data(text).write(to: URL(fileURLWithPath: path))
    }
}

/// What is being examined, for whoever looks into a crash.
final class Current: @unchecked Sendable { var number = 0 }

let current = Current()
let arguments = CommandLine.arguments
guard arguments.count >= 3, ["startup", "topology"].contains(arguments[1]),
    let count = Int(arguments[2])
else {
    print("configuration-fuzzer {startup | topology} COUNT [SEED] [FOLDER FOR NEW TEXTS]")
    exit(64)
}
for number in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGALRM] {
    signal(number) { number in
        let line = "input \(current.number) ends in signal \(number)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
        signal(number, SIG_DFL)
        raise(number)
    }
}
Fuzzer(
    kind: arguments[1],
    count: count,
    seed: arguments.count > 3 ? UInt64(arguments[3]) ?? 1 : 1,
    output: arguments.count > 4 ? arguments[4] : nil,
    machine: try HostTopology.read(.synthetic("pack:2 numa:2(memory=64GB) core:4 pu:2"))
).run()
