import FoundationEssentials
import HostTopology
import TestSupport
import Testing

@testable import CausewayConfiguration

@Suite struct TopologyCommandsTests {
    private let folder: TemporaryFolder
    private let two = "numa:2(memory=16GB) core:4 pu:2"

    init() throws { folder = try TemporaryFolder() }

    private func commands(_ description: String, json: Bool = false, settings: [String] = [])
        -> TopologyCommands
    {
        TopologyCommands(machine: .synthetic(description), settings: settings, asJSON: json)
    }

    /// Whether a text is one JSON value.
    private func isJSON(_ text: String) -> Bool {
        struct Anything: Decodable { init(from decoder: any Decoder) throws {} }
        return (try? JSONDecoder().decode(Anything.self, from: Data(text.utf8))) != nil
    }

    private static var machines: [String] {
        [
            "numa:1(memory=16GB) core:2 pu:1", "numa:1(memory=16GB) core:4 pu:2",
            "numa:2(memory=16GB) core:4 pu:2", "numa:8(memory=16GB) core:3 pu:1",
            "pack:2 [numa(memory=16GB)] [numa(memory=64GB)] core:4 pu:2",
        ].map { "synth:\($0)" } + SharedTopologies.files.map { "xml:\($0)" }
    }

    @Test(arguments: machines, [[], ["smt=share", "defaults.heap=256M", "defaults.spare=yes"]])
    func discoversAFileThatGivesTheSamePlacement(source: String, settings: [String]) throws {
        let machine = try HostTopology.read(try #require(MachineSource(source)))
        let wanted = Placement.resolve(machine: machine, topologyPath: nil, settings: settings)
        var commands = TopologyCommands(settings: settings)
        commands.machine = machine.source
        let (file, findings) = TopologyFile.parse(
            commands.discover().output,
            path: "discovered.yaml"
        )
        #expect(findings.isEmpty, "\(findings)")
        let again = Placement.resolve(machine: machine, file: file)
        #expect(again.placement == wanted.placement)
        #expect(!again.findings.hasErrors)
    }

    @Test func writesAFileButNotOverAnother() throws {
        let path = "\(folder.path)/t.yaml"
        #expect(commands(two).discover(writingTo: path).exitStatus == 0)
        #expect(commands(two).check(path).exitStatus == 0)
        let second = commands(two).discover(writingTo: path)
        #expect(second.exitStatus == 1 && second.errors.contains("exists"))
    }

    @Test func endsACheckWithTheStatusOfWhatItFound() throws {
        let clean = try folder.write("clean.yaml", "schema: 1\n")
        let warned = try folder.write(
            "warned.yaml",
            "schema: 1\nhousekeeping: 0\nnodes: [{node: 0, lanes: [1]}]\n"
        )
        let wrong = try folder.write("wrong.yaml", "schema: 1\nsmtt: share\n")
        #expect(commands(two).check(clean, isStrict: true).exitStatus == 0)
        #expect(commands(two).check(warned).exitStatus == 0)
        #expect(commands(two).check(warned, isStrict: true).exitStatus == 2)
        #expect(commands(two).check(wrong, isStrict: true).exitStatus == 1)
        #expect(commands(two).check("/nonexistent.yaml").exitStatus == 1)
        #expect(
            commands(two).check(wrong).output.hasPrefix(
                "\(wrong):2:1: error[topology.unknown-key]: "
            )
        )
        #expect(commands("numa:x").check(clean).exitStatus == 1)
    }

    @Test func explainsEachThingWithItsOrigins() throws {
        let file = try folder.write(
            "t.yaml",
            "schema: 1\nnodes:\n- {node: 1, heap: 256M, ports: [{tap: t0, mtu: 1400}]}\n"
        )
        func text(_ subject: TopologyCommands.Subject, _ name: String) -> String {
            let result = commands(two, settings: ["node1.buffers=20000"]).explain(
                subject,
                name,
                file: file
            )
            return result.output + result.errors
        }
        #expect(text(.cpu, "10").contains("lane 0 of node 1"))
        #expect(text(.cpu, "8").contains("housekeeping"))
        #expect(text(.cpu, "0").contains("nothing of Causeway"))
        #expect(text(.cpu, "99").contains("there is no cpu 99"))
        #expect(text(.node, "1").contains("(\(file):3:19)"))
        #expect(text(.node, "1").contains("(--set node1.buffers=20000)"))
        #expect(text(.node, "0").contains("no worker"))
        #expect(text(.port, "t0").contains("(\(file):3:48)"))
        #expect(text(.port, "x").contains("there is no port x; known: t0"))
    }

    @Test(.enabled(if: SharedTopologies.areAvailable, "\(SharedTopologies.reason)"))
    func explainsPortsThatNobodyUses() throws {
        let path = try #require(SharedTopologies.file("24em64t-2n6c2t-pci.xml"))
        let commands = TopologyCommands(machine: .xml(path))
        #expect(commands.explain(.port, "eth1", file: nil).output.contains("0000:04:00.1"))
        #expect(
            commands.explain(.port, "04:00.0", file: nil).output.contains("no port of Causeway")
        )
    }

    @Test func plansOrSaysWhyNot() throws {
        let wrong = try folder.write("wrong.yaml", "schema: 1\nnodes: [{node: 7}]\n")
        #expect(commands(two).plan(nil).exitStatus == 0)
        #expect(commands(two).plan(nil, instance: "east").output.contains("--file-prefix=east-n1"))
        let result = commands(two).plan(wrong)
        #expect(result.exitStatus == 1 && result.errors.contains("topology.unknown-node"))
    }

    @Test func printsJSONForEveryCommand() throws {
        let file = try folder.write("t.yaml", "schema: 1\nnodes: [{node: 0, ports: [{tap: t}]}]\n")
        let commands = commands(two, json: true)
        let outputs = [
            commands.discover(), commands.check(file), commands.explain(.cpu, "1", file: file),
            commands.explain(.node, "0", file: file), commands.explain(.port, "t", file: file),
            commands.plan(file), commands.difference(from: file, to: file), commands.show(),
        ]
        for output in outputs {
            #expect(isJSON(output.output), "\(output)")
            #expect(output.exitStatus == 0)
        }
    }

    @Test func comparesOnlyFilesThatAreRight() throws {
        let right = try folder.write("right.yaml", "schema: 1\n")
        let wrong = try folder.write("wrong.yaml", "schema: 3\n")
        #expect(
            commands(two).difference(from: right, to: right).output.contains("no node restarts")
        )
        #expect(commands(two).difference(from: right, to: wrong).exitStatus == 1)
    }

    @Test func showsASyntheticMachine() {
        let text = commands(two).show().output
        #expect(text.contains("2 NUMA nodes, 8 cores, 16 CPUs"))
        #expect(text.contains("lanes 2,4,6"))
    }
}
