import FoundationEssentials
import HostTopology
import TestSupport
import Testing

@testable import CausewayConfiguration

/// Whatever the text, a parser answers; it neither stops the process nor believes everything.
@Suite struct RandomInputTests {
    private static let inputs = 20_000
    private static let seed: UInt64 = 0x2026_1123

    /// A copy of `text` with a few bytes changed, cut, doubled or moved in from a list of
    /// troublemakers.
    private func mutated(_ text: [UInt8], using random: inout SeededGenerator) -> String {
        let spice = [
            "{", "}", "[", "]", ": ", "- ", "\"", "#", "\n", "\t", "&a ", "*a", "? ", "|", "!!int ",
            "9999999999999999999", "-1", "\u{0}", "é", "null", "<<: ",
        ].map { Array($0.utf8) }
        var bytes = text
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let at = Int.random(in: 0...bytes.count, using: &random)
            let length = min(bytes.count - at, Int.random(in: 1...20, using: &random))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes.replaceSubrange(at..<(at + length), with: [])
            case 1: bytes.insert(contentsOf: bytes[at..<(at + length)], at: at)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            case 3: bytes.insert(contentsOf: spice.randomElement(using: &random) ?? [], at: at)
            default:
                let from = Int.random(in: 0...bytes.count, using: &random)
                let run = bytes[from..<min(bytes.count, from + 30)]
                bytes.insert(contentsOf: Array(run), at: at)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func readyFiles() throws -> [[UInt8]] {
        try ["single-node-two-virtual", "dual-socket", "dual-socket-smt", "sub-numa-4"].map {
            Array(
                try String(
                    contentsOfFile: "\(Repository.root)/Topology/\($0).yaml",
                    encoding: .utf8
                ).utf8
            )
        }
    }

    @Test func survivesTwentyThousandTopologyFiles() throws {
        let files = try readyFiles()
        let machine = try machine("numa:2(memory=64GB) core:8 pu:2")
        var random = SeededGenerator(seed: Self.seed)
        var accepted = 0
        for index in 0..<Self.inputs {
            let text = mutated(files[index % files.count], using: &random)
            let (file, findings) = TopologyFile.parse(text, path: "random.yaml")
            // A finding that lies beyond the text would send the operator nowhere.
            let limit = text.unicodeScalars.count { $0.properties.isWhitespace } + 2
            if findings.contains(where: { ($0.location?.line ?? 1) > limit }) {
                Issue.record("place beyond the end: input \(index), seed \(Self.seed)")
            }
            // The rest of the way is the same for every text: a sample of it will do.
            if index % 20 == 0 {
                let placement = Placement.resolve(machine: machine, file: file).placement
                if placement.nodes.contains(where: { $0.handoffRingCells.nonzeroBitCount != 1 }) {
                    Issue.record("odd ring: input \(index), seed \(Self.seed)")
                }
            }
            accepted += findings.hasErrors ? 0 : 1
        }
        #expect(accepted < Self.inputs / 2, "most mutations have to be noticed")
        #expect(accepted > 0)
    }

    @Test func survivesTwentyThousandStartupFiles() {
        let text = Array(
            """
            unix { nodaemon log /x exec "/y z" runtime-dir /run/cw poll-sleep-usec 100 cli-listen /s }
            topology t.yaml # comment
            instance cw logging { default-log-level info } dpdk { dev 0000:00:03.0 { name a } }
            """.utf8
        )
        var random = SeededGenerator(seed: Self.seed)
        var accepted = 0
        for index in 0..<Self.inputs {
            let (file, findings) = StartupFile.parse(
                mutated(text, using: &random),
                path: "random.conf"
            )
            let (configuration, more) = StartupConfiguration.interpret(file, folder: nil)
            if !(0...1_000_000).contains(configuration.pollSleepMicroseconds) {
                Issue.record("impossible sleep: input \(index), seed \(Self.seed)")
            }
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
