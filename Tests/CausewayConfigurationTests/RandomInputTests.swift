import FoundationEssentials
import HostTopology
import TestSupport
import Testing

@testable import CausewayConfiguration

/// Whatever the text, a parser answers; it neither stops the process nor believes everything.
@Suite struct RandomInputTests {
    /// A short run of what `configuration-fuzzer` does a million times.
    private static let inputs = 4_000
    private static let seed: UInt64 = 0x2026_1123

    private func mutator(_ kind: String) throws -> Mutator {
        let folder = "\(Repository.root)/Tests/Fuzz/corpus/\(kind)"
        var paths = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map {
            "\(folder)/\($0)"
        }
        if kind == "topology" {
            let names = ["single-node-two-virtual", "dual-socket", "dual-socket-smt", "sub-numa-4"]
            paths += names.map { "\(Repository.root)/Topology/\($0).yaml" }
        }
        let texts = paths.compactMap { FileManager.default.contents(atPath: $0).map(Array.init) }
        try #require(texts.count == paths.count && !texts.isEmpty)
        return Mutator(texts: texts, seed: Self.seed)
    }

    @Test func survivesThousandsOfTopologyFiles() throws {
        var mutator = try mutator("topology")
        let machine = try machine("numa:2(memory=64GB) core:8 pu:2")
        var accepted = 0
        for index in 0..<Self.inputs {
            let text = String(decoding: mutator.next(), as: UTF8.self)
            let (file, findings) = TopologyFile.parse(text, path: "random.yaml")
            // A finding that lies beyond the text would send the operator nowhere.
            let limit = text.unicodeScalars.count { $0.properties.isWhitespace } + 2
            if findings.contains(where: { ($0.location?.line ?? 1) > limit }) {
                Issue.record("place beyond the end: input \(index), seed \(Self.seed)")
            }
            let placement = Placement.resolve(machine: machine, file: file).placement
            if placement.nodes.contains(where: { $0.handoffRingCells.nonzeroBitCount != 1 }) {
                Issue.record("odd ring: input \(index), seed \(Self.seed)")
            }
            accepted += findings.hasErrors ? 0 : 1
        }
        #expect(accepted < Self.inputs / 2, "most mutations have to be noticed")
        #expect(accepted > 0)
    }

    @Test func survivesThousandsOfStartupFiles() throws {
        var mutator = try mutator("startup")
        let machine = try machine("numa:2(memory=64GB) core:8 pu:2")
        var accepted = 0
        for index in 0..<Self.inputs {
            let text = String(decoding: mutator.next(), as: UTF8.self)
            let (file, findings) = StartupFile.parse(text, path: "random.conf")
            let (configuration, more) = StartupConfiguration.interpret(file, folder: nil)
            if !(0...1_000_000).contains(configuration.pollSleepMicroseconds) {
                Issue.record("impossible sleep: input \(index), seed \(Self.seed)")
            }
            let heap = configuration.placement.defaults.heapBytes?.value ?? 1 << 30
            if heap < 80 << 20 { Issue.record("impossible heap: input \(index)") }
            _ = Placement.resolve(
                machine: machine,
                topologyPath: nil,
                startup: configuration.placement
            )
            accepted += (findings + more).hasErrors ? 0 : 1
        }
        #expect(accepted > 0 && accepted < Self.inputs)
    }

    @Test func survivesDeepNestingAndAliases() {
        let deep = "schema: 1\nnodes: " + String(repeating: "[", count: 50_000)
        #expect(TopologyFile.parse(deep, path: "deep.yaml").findings.hasErrors)
        let dashes = "schema: 1\nnodes:\n" + String(repeating: "- ", count: 50_000) + "x\n"
        #expect(TopologyFile.parse(dashes, path: "deep.yaml").findings.hasErrors)
        let braces = String(repeating: "a { ", count: 60_000)
        #expect(StartupFile.parse(braces, path: "deep.conf").findings.hasErrors)
        var laughs = "schema: 1\nx0: &x0 [lol]\n"
        for level in 1..<30 { laughs += "x\(level): &x\(level) [*x\(level - 1), *x\(level - 1)]\n" }
        #expect(TopologyFile.parse(laughs, path: "laughs.yaml").findings.hasErrors)
    }
}
