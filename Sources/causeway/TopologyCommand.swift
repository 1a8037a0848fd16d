internal import ArgumentParser
internal import CausewayConfiguration
internal import HostTopology

#if canImport(Glibc)
    internal import Glibc
#endif

/// `causeway topology`: what the machine has and what would run where.
struct TopologyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Discover the machine, check and explain topology files, plan without starting.",
        subcommands: [
            TopologyDiscover.self, TopologyCheck.self, TopologyExplain.self, TopologyPlan.self,
            TopologyDiff.self, TopologySynth.self,
        ]
    )
}

/// Options of all topology commands.
struct TopologyOptions: ParsableArguments {
    @Option(
        help: "The machine: live, xml:FILE (an hwloc export) or synth:STRING (hwloc's notation).",
        transform: machineSource
    )
    var machine = MachineSource.live

    @Option(
        name: .customLong("set"),
        help: "A value that wins over the file, such as node0.heap=256M; may be repeated."
    )
    var settings: [String] = []

    @Flag(name: .customLong("json"), help: "Print JSON.")
    var asJSON = false

    var commands: TopologyCommands {
        TopologyCommands(machine: machine, settings: settings, asJSON: asJSON)
    }
}

struct TopologyDiscover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discover",
        abstract: "Write a commented topology file for the machine."
    )

    @OptionGroup var options: TopologyOptions
    @Option(name: .shortAndLong, help: "The file to write, which must not exist yet.")
    var output: String?

    func run() throws { try finish(options.commands.discover(writingTo: output)) }
}

struct TopologyCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say everything that is wrong with a topology file.",
        discussion: "Exit status: 0 without errors, 1 with errors, 2 with warnings if --strict."
    )

    @Argument(help: "The topology file.") var file: String?
    @Flag(help: "End with status 2 when there are warnings.") var strict = false
    @OptionGroup var options: TopologyOptions

    func run() throws { try finish(options.commands.check(file, isStrict: strict)) }
}

struct TopologyExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say all about a CPU, a node or a port, and why it is so."
    )

    @Argument(help: "cpu, node or port.", transform: subjectKind)
    var subject: TopologyCommands.Subject
    @Argument(help: "A number, or a port's name, PCI address or kernel interface.") var name: String
    @Argument(help: "The topology file.") var file: String?
    @OptionGroup var options: TopologyOptions

    func run() throws { try finish(options.commands.explain(subject, name, file: file)) }
}

struct TopologyPlan: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show processes, DPDK arguments, hugepages and rings; start nothing."
    )

    @Argument(help: "The topology file.") var file: String?
    @Option(help: "The name of this Causeway among others.") var instance = "causeway"
    @OptionGroup var options: TopologyOptions

    func run() throws { try finish(options.commands.plan(file, instance: instance)) }
}

struct TopologyDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Say what a change of topology files would restart, and why."
    )

    @Argument(help: "The topology file in use.") var old: String
    @Argument(help: "The topology file wanted.") var new: String
    @OptionGroup var options: TopologyOptions

    func run() throws { try finish(options.commands.difference(from: old, to: new)) }
}

struct TopologySynth: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synth",
        abstract: "Show a synthetic machine and its placement, such as \"numa:2 core:4 pu:2\"."
    )

    @Argument(help: "The machine in hwloc's synthetic notation.") var description: String
    @OptionGroup var options: TopologyOptions

    func run() throws {
        var commands = options.commands
        commands.machine = .synthetic(description)
        try finish(commands.show())
    }
}

private func subjectKind(_ text: String) throws -> TopologyCommands.Subject {
    guard let subject = TopologyCommands.Subject(rawValue: text) else {
        throw ValidationError("\"\(text)\" is none of cpu, node, port")
    }
    return subject
}

private func machineSource(_ text: String) throws -> MachineSource {
    guard let source = MachineSource(text) else {
        throw ValidationError("\"\(text)\" is none of live, xml:FILE, synth:STRING")
    }
    return source
}

/// Prints what a command has to say; ends the process with its status when that is not 0.
private func finish(_ result: CommandOutput) throws {
    print(result.output, terminator: "")
    var errors = result.errors
    // `stderr` is a global variable of C's, which Swift does not let through.
    errors.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    if result.exitStatus != 0 { throw ExitCode(result.exitStatus) }
}
