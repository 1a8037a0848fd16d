internal import ArgumentParser
internal import CausewayConfiguration
internal import ControlProtocol
internal import HostTopology
internal import LinuxSystem
internal import Logging
internal import Supervision

#if canImport(Glibc)
    internal import Glibc
#endif

/// `causeway`: runs a dataplane until it is told to stop.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a dataplane (the default).",
        discussion: """
            The configuration is a startup file in VPP's form, or the same as words:
              causeway -c /etc/causeway/startup.conf
              causeway unix { log /tmp/causeway.log } topology Topology/dual-socket.yaml
            """
    )

    @Option(name: [.customShort("c"), .customLong("config")], help: "The startup file.")
    var startupFile: String?
    @Flag(help: "Read and check everything, print what would run, and end.")
    var check = false
    @Option(
        name: .customLong("set"),
        help: "A value that wins over the topology file, such as node0.heap=256M; may be repeated."
    )
    var settings: [String] = []
    @Flag(help: "End what an earlier supervisor left running, instead of going on with it.")
    var fresh = false
    @Argument(help: "The startup configuration as words, if there is no file.")
    var words: [String] = []

    func validate() throws {
        guard startupFile == nil || words.isEmpty else {
            throw ValidationError("give a startup file or words, not both: \(words[0])")
        }
    }

    func run() async throws {
        let plan = try RunPlan.make(
            startupFile: startupFile,
            words: words,
            settings: settings,
            isFresh: fresh
        )
        if check { return print(plan.text, terminator: "") }
        let status = await DataplaneRun(plan: plan).run()
        if status != 0 { throw ExitCode(status) }
    }
}

/// Writes to standard error what the operator must know whatever the log says.
func complain(_ text: String) {
    var line = text.hasSuffix("\n") ? text : text + "\n"
    line.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
}
