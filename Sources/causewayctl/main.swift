internal import ArgumentParser
internal import ControlClient
internal import ControlProtocol
internal import Glibc

/// The command line of `causewayctl`.
struct Arguments: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "causewayctl",
        abstract: "Runs a command on a running causeway.",
        discussion: """
            Exit status: 0 done, 1 the command was refused, 2 there is no such command, \
            3 the supervisor cannot be reached.
            """
    )

    @Option(
        name: [.short, .long],
        help:
            "The supervisor's socket; else \(ControlSocket.environmentVariable), else \(ControlSocket.defaultPath)."
    )
    var socket: String?

    @Flag(help: "Answer in JSON, one value a line.")
    var json = false

    @Option(
        help: "Where stats finds the dataplane's runtime directory; else the folder of the socket."
    )
    var runtimeDir: String?

    @Option(help: "Run the command again every so many seconds, until Ctrl-C.")
    var watch: Double?

    @Flag(help: "Print the version of this program.")
    var version = false

    @Argument(
        parsing: .allUnrecognized,
        help:
            """
            The command, such as: show interface. Without one, lines are read from standard input. \
            stats ls, get and watch read shared memory, without the supervisor.
            """
    )
    var command: [String] = []

    func validate() throws {
        guard let watch else { return }
        guard watch >= 0.1, watch <= 86_400 else {
            throw ValidationError("--watch takes 0.1...86400 seconds")
        }
        if command.isEmpty { throw ValidationError("--watch needs a command") }
    }
}

/// Standard output and error.
struct StandardTerminal: SessionTerminal {
    let isInteractive = isatty(STDOUT_FILENO) == 1

    func write(_ text: String) { Self.put(text, STDOUT_FILENO) }

    func complain(_ text: String) { Self.put(text, STDERR_FILENO) }

    private static func put(_ text: String, _ descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // A reader that has gone ends the program, as it would with the signal.
            if count <= 0 { exit(CommandLineSession.Status.refused.rawValue) }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// Reads lines from standard input until its end, `quit` or, if nobody types, the first that fails.
func readLines(_ session: CommandLineSession, _ terminal: StandardTerminal) async
    -> CommandLineSession.Status
{
    let hasPrompt = isatty(STDIN_FILENO) == 1
    while true {
        if hasPrompt { terminal.write("causeway# ") }
        guard let line = readLine() else {
            if hasPrompt { terminal.write("\n") }
            return .done
        }
        if ["quit", "exit", "q"].contains(line) { return .done }
        let status = await session.run(line)
        if status != .done, !hasPrompt { return status }
    }
}

/// The folder that the program was started in.
func currentFolder() -> String {
    guard let buffer = getcwd(nil, 0) else { return "/" }
    defer { free(buffer) }
    return String(cString: buffer)
}

let arguments: Arguments
do {
    arguments = try Arguments.parse()
} catch {
    let isHelp = Arguments.exitCode(for: error) == .success
    let text = Arguments.fullMessage(for: error) + "\n"
    if isHelp { StandardTerminal().write(text) } else { StandardTerminal().complain(text) }
    exit(isHelp ? 0 : CommandLineSession.Status.usage.rawValue)
}

signal(SIGPIPE, SIG_IGN)
let terminal = StandardTerminal()
if arguments.version {
    terminal.write("causewayctl v\(Build.version)\n")
    exit(0)
}
let environment = getenv(ControlSocket.environmentVariable).map { String(cString: $0) }
let socketPath = arguments.socket ?? environment ?? ControlSocket.defaultPath
if arguments.command.first == "stats" {
    let folder = socketPath.lastIndex(of: "/").map { String(socketPath[..<$0]) } ?? "."
    let session = StatisticsSession(
        runtimeDirectory: arguments.runtimeDir ?? folder,
        terminal: terminal,
        isJSON: arguments.json,
        seconds: arguments.watch ?? 1
    )
    exit(await session.run(Array(arguments.command.dropFirst())).rawValue)
}
let session = CommandLineSession(
    client: ControlClient(socketPath: socketPath),
    terminal: terminal,
    isJSON: arguments.json,
    folder: currentFolder()
)
let line = arguments.command.joined(separator: " ")
if let seconds = arguments.watch {
    if terminal.isInteractive { terminal.write("\u{1B}[2J") }
    exit(await session.watch(line, every: seconds).rawValue)
}
exit(
    await line.isEmpty
        ? readLines(session, terminal).rawValue : session.run(line).rawValue
)
