internal import ArgumentParser
internal import CommandShell
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

    @Flag(help: "Make top print its tables once, over --watch SECONDS (1), instead of a live view.")
    var once = false

    @Flag(help: "Print the version of this program.")
    var version = false

    @Argument(
        parsing: .allUnrecognized,
        help:
            """
            The command, such as: show interface. Without one, this is a shell, or reads lines from \
            standard input if that is no terminal. top is a live view; stats ls, get and watch read \
            statistics; both read shared memory, without the supervisor. completion bash, zsh or fish \
            prints a script that completes commands.
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

/// Runs a shell; nil: this is no terminal for one.
func runShell(_ client: ControlClient, runtimeDirectory: String) async -> Int32? {
    guard let device = TerminalDevice() else { return nil }
    var shell = Shell(
        backend: client,
        terminal: device,
        events: device.events(),
        surroundings: Shell.Surroundings(
            folder: currentFolder(),
            runtimeDirectory: runtimeDirectory,
            variable: { name in getenv(name).map { String(cString: $0) } }
        )
    )
    let signal = await shell.run()
    if signal != 0 { device.end(by: signal) }
    return 0
}

/// Runs `top`: live on a terminal, else once.
func runTop(_ client: ControlClient, _ runtimeDirectory: String, _ arguments: Arguments) async
    -> Int32
{
    let sampler = TopSampler(runtimeDirectory: runtimeDirectory, client: client)
    if !arguments.once, !arguments.json, let device = TerminalDevice() {
        let title = (try? await client.session().instance) ?? "no supervisor"
        let top = TopSession(terminal: device, sampler: sampler, title: title)
        let signal = await top.run(device.events())
        if signal != 0 { device.end(by: signal) }
        return 0
    }
    return await TopSession.once(
        sampler: sampler,
        output: StandardTerminal(),
        isJSON: arguments.json,
        seconds: arguments.watch ?? 1
    ).rawValue
}

/// Runs `complete -- WORD...` and `completion SHELL`; nil: this is another command.
func runCompletion(_ words: [String], _ terminal: StandardTerminal, socketPath: String) async
    -> Int32?
{
    switch (words.first, words.count) {
    case ("complete", _):
        let behind = words.dropFirst().first == "--" ? 2 : 1
        let completion = WordCompletion(Array(words.dropFirst(behind)), folder: currentFolder())
        let client = ControlClient(socketPath: completion.socket ?? socketPath)
        for line in await completion.lines(client: client) { terminal.write(line + "\n") }
        return 0
    case ("completion", 2):
        guard let script = CompletionScript(rawValue: words[1]) else { break }
        terminal.write(script.text)
        return 0
    case ("completion", _): break
    default: return nil
    }
    let names = CompletionScript.allCases.map(\.rawValue).joined(separator: ", ")
    terminal.complain("causewayctl: completion takes one of \(names)\n")
    return CommandLineSession.Status.usage.rawValue
}

/// The folder that the program was started in.
func currentFolder() -> String {
    guard let buffer = getcwd(nil, 0) else { return "/" }
    defer { free(buffer) }
    return String(cString: buffer)
}

/// What stands behind `complete --` is somebody's line, not options of this run.
func parse() throws -> Arguments {
    let words = Array(CommandLine.arguments.dropFirst())
    guard words.first == "complete" else { return try Arguments.parse() }
    var arguments = try Arguments.parse(["complete"])
    arguments.command = words
    return arguments
}

let arguments: Arguments
do {
    arguments = try parse()
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
let socketFolder = socketPath.lastIndex(of: "/").map { String(socketPath[..<$0]) } ?? "."
let runtimeDirectory = arguments.runtimeDir ?? socketFolder
if let status = await runCompletion(arguments.command, terminal, socketPath: socketPath) {
    exit(status)
}
let client = ControlClient(socketPath: socketPath)
if arguments.command == ["top"] {
    exit(await runTop(client, runtimeDirectory, arguments))
}
if arguments.command.first == "stats" {
    let session = StatisticsSession(
        runtimeDirectory: runtimeDirectory,
        terminal: terminal,
        isJSON: arguments.json,
        seconds: arguments.watch ?? 1
    )
    exit(await session.run(Array(arguments.command.dropFirst())).rawValue)
}
let session = CommandLineSession(
    client: client,
    terminal: terminal,
    isJSON: arguments.json,
    folder: currentFolder()
)
let line = arguments.command.joined(separator: " ")
if let seconds = arguments.watch {
    if terminal.isInteractive { terminal.write("\u{1B}[2J") }
    exit(await session.watch(line, every: seconds).rawValue)
}
if line.isEmpty {
    if !arguments.json, let status = await runShell(client, runtimeDirectory: runtimeDirectory) {
        exit(status)
    }
    exit(await readLines(session, terminal).rawValue)
}
exit(await session.run(line).rawValue)
