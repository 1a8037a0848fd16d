internal import ArgumentParser
internal import CausewayConfiguration
internal import ControlProtocol

/// The supervisor of a dataplane, and what can be asked about topologies without starting one.
struct Causeway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "causeway",
        abstract: "A packet dataplane with one process for each NUMA node.",
        version: Build.version,
        subcommands: [RunCommand.self, TopologyCommand.self],
        defaultSubcommand: RunCommand.self
    )
}

/// `topology FILE` is also an entry of a startup configuration, which may be given as words.
private func words() -> [String] {
    let words = Array(CommandLine.arguments.dropFirst())
    let topics = TopologyCommand.configuration.subcommands.compactMap {
        $0.configuration.commandName
    }
    guard words.count > 1, words[0] == "topology", !words[1].hasPrefix("-"), words[1] != "help",
        !topics.contains(words[1])
    else { return words }
    return ["run"] + words
}

/// In an `async` function of its own: at the top level the other, blocking `main` would be meant.
private func run() async { await Causeway.main(words()) }

await run()
