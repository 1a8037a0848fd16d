import HostTopology
import Testing

@testable import CausewayConfiguration

@Suite struct NodeVariantTests {
    private static let v3 = Set(ProcessorLevel.v3.extensions.map(\.flag))
    private static let v4 = Set(ProcessorLevel.v4.extensions.map(\.flag))

    /// Two NUMA nodes of four CPUs: those of the first have `first`, the others `second`.
    private func choose(
        _ first: Set<String>,
        _ second: Set<String>,
        wanted: ProcessorLevel? = nil,
        programs: Set<String> = ["/b/node", "/b/node-v4"]
    ) throws -> (variants: [NodeVariant], findings: [Finding]) {
        let machine = try machine("pack:2 numa:1(memory=64GB) core:4 pu:1")
        let flags = (0..<8).map { ($0, $0 < 4 ? first : second) }
        return VariantSelection(
            base: "/b/node",
            wanted: wanted,
            features: CPUFeatures(flags: Dictionary(uniqueKeysWithValues: flags)),
            exists: programs.contains
        ).choose(for: Placement.resolve(machine: machine).placement)
    }

    @Test func takesTheBestForEachNode() throws {
        let (variants, findings) = try choose(Self.v4, Self.v3)
        #expect(findings.isEmpty)
        #expect(variants.map(\.path) == ["/b/node-v4", "/b/node"])
        #expect(variants.map(\.level) == [.v4, .v3])
        #expect(variants[1].reason.contains("AVX512F"), "\(variants)")
    }

    @Test func takesWhatIsBuilt() throws {
        let (variants, _) = try choose(Self.v4, Self.v4, programs: ["/b/node"])
        #expect(variants.map(\.path) == ["/b/node", "/b/node"])
        #expect(variants[0].reason.contains("v4 is not built"))
    }

    @Test func leavesAStaleBuildAlone() throws {
        let machine = try machine("numa:1(memory=64GB) core:4 pu:1")
        let (variants, _) = VariantSelection(
            base: "/b/node",
            features: CPUFeatures(flags: [0: Self.v4, 1: Self.v4, 2: Self.v4, 3: Self.v4]),
            exists: ["/b/node", "/b/node-v4"].contains,
            isOlder: { older, newer in older == "/b/node-v4" && newer == "/b/node" }
        ).choose(for: Placement.resolve(machine: machine).placement)
        #expect(variants.map(\.path) == ["/b/node"])
        #expect(variants[0].reason.contains("/b/node-v4 is older than /b/node"))
    }

    @Test func namesEveryMissingExtensionAndItsNode() throws {
        let (variants, findings) = try choose(Self.v3, Self.v3.subtracting(["avx2", "bmi2"]))
        #expect(variants.map(\.node) == [0])
        let finding = try #require(findings.first)
        #expect(finding.id == .extensionMissing && finding.severity == .error)
        let text = finding.description
        #expect(text.contains("ERROR: This binary requires CPU with AVX2 extensions."), "\(text)")
        #expect(text.contains("ERROR: This binary requires CPU with BMI2 extensions."))
        #expect(text.contains("NUMA node 1") && !text.contains("SSE4.2"))
    }

    @Test func obeysTheOperatorButNotBeyondTheCPU() throws {
        let (variants, _) = try choose(Self.v4, Self.v4, wanted: .v3)
        #expect(variants.map(\.level) == [.v3, .v3])
        let refused = try choose(Self.v4, Self.v3, wanted: .v4)
        #expect(refused.findings.map(\.id) == [.extensionMissing])
        let missing = try choose(Self.v4, Self.v4, wanted: .v4, programs: ["/b/node"])
        #expect(missing.findings.map(\.id) == [.programMissing, .programMissing])
    }

    @Test func readsTheKernelsText() {
        let features = CPUFeatures(
            parsing: """
                processor\t: 0
                model name\t: Fast One
                flags\t\t: fpu avx2 bmi1

                processor\t: 12
                model\t\t: 17
                model name\t: Slow One
                flags\t\t: fpu

                """
        )
        #expect(features.flags == [0: ["fpu", "avx2", "bmi1"], 12: ["fpu"]])
        #expect(features.models == [0: "Fast One", 12: "Slow One"])
    }
}
