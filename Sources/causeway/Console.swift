internal import CausewayConfiguration
internal import ControlProtocol
internal import Dispatch
internal import Supervision

/// The terminal of `unix { interactive }`: takes a command a line, prints what it says.
///
/// `quit` and the end of the input end it, and with it the dataplane, as in VPP.
struct Console {
    private let runner: CommandRunner
    private let prompt: String
    private let banner: String
    private let historyLimit: Int

    init(dataplane: Supervisor, startup: StartupConfiguration) {
        runner = CommandRunner(dataplane: dataplane)
        prompt = startup.console.prompt.map { $0 + " " } ?? "\(startup.instance)# "
        banner = startup.console.hasNoBanner ? "" : "Causeway v\(Build.version); help, quit\n"
        historyLimit = startup.console.historyLines
    }

    /// Reads until the end.
    func run() async {
        var history: [String] = []
        say(banner + prompt)
        for await line in Self.lines {
            switch line {
            case "quit", "exit", "q": return
            case "history": say(history.map { $0 + "\n" }.joined())
            default:
                let outcome = await runner.run(line: line)
                say(outcome.text)
            }
            if !line.isEmpty, historyLimit > 0 {
                history.append(line)
                history.removeFirst(max(0, history.count - historyLimit))
            }
            say(prompt)
        }
    }

    private func say(_ text: String) { print(text, terminator: "") }

    /// The lines of the standard input, read on a thread of their own.
    private static var lines: AsyncStream<String> {
        AsyncStream { continuation in
            DispatchQueue(label: "console").async {
                while let line = readLine() { continuation.yield(line) }
                continuation.finish()
            }
        }
    }
}
