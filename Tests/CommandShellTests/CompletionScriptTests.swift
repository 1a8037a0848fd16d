import Foundation
import TestSupport
import Testing

@testable import CommandShell

/// The scripts, in the shells that they are for.
@Suite struct CompletionScriptTests {
    /// The folder of causewayctl, which is built beside the tests.
    private static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().path

    private static func has(_ shell: String) -> Bool {
        ["/usr/bin/\(shell)", "/bin/\(shell)"].contains(where: FileManager.default.isExecutableFile)
    }

    /// What is typed, what the line becomes or what is listed, in any shell.
    private static let cases = [
        ("causewayctl show interf", "interface"),
        ("causewayctl --json show hard", "hardware-interfaces"),
        ("causewayctl completion z", "zsh"), ("causewayctl --so", "--socket"),
        ("causewayctl exec /etc/host", "/etc/hosts"),
    ]

    /// Runs a shell's script with no supervisor in reach.
    private func run(_ shell: [String], _ script: String) async throws -> [String] {
        let environment = ["env", "PATH=\(Self.folder):/usr/bin:/bin", "CAUSEWAY_SOCKET=/nowhere"]
        return try await succeed(environment + shell + [script]).split(separator: "\n").map(
            String.init
        )
    }

    @Test(arguments: cases) func completesInBash(line: String, word: String) async throws {
        let script = """
            source <(causewayctl completion bash)
            COMP_LINE='\(line)' COMP_POINT=${#COMP_LINE}
            _causewayctl
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        #expect(try await run(["bash", "--norc", "-c"], script).contains(word))
    }

    @Test func completesBehindColonsInBash() async throws {
        let script = """
            source <(causewayctl completion bash)
            causewayctl() { printf '%s\\n' "$@"; }
            COMP_LINE='causewayctl set ip neighbor x 02:00:0' COMP_POINT=${#COMP_LINE}
            _causewayctl
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        // The function above says the words that it was asked about; of the last one bash has only what follows the
        // colon.
        #expect(
            try await run(["bash", "--norc", "-c"], script) == [
                "complete", "--", "set", "ip", "neighbor", "x", "0",
            ]
        )
    }

    @Test(
        .enabled(if: Machine.isContinuousIntegration || has("fish"), "fish is not installed"),
        arguments: cases
    )
    func completesInFish(line: String, word: String) async throws {
        let script = "causewayctl completion fish | source; complete -C '\(line)'"
        let found = try await run(["fish", "--no-config", "-c"], script)
        #expect(found.contains { $0.split(separator: "\t").first ?? "" == word }, "\(found)")
    }

    @Test(.enabled(if: Machine.isContinuousIntegration || has("zsh"), "zsh is not installed"))
    func completesInZsh() async throws {
        let terminal = try PseudoTerminal(
            ["zsh", "-f", "-i"],
            columns: 100,
            environment: [
                "TERM": "dumb", "PS1": "> ", "CAUSEWAY_SOCKET": "/nowhere",
                "PATH": "\(Self.folder):/usr/bin:/bin",
            ]
        )
        defer { terminal.signal(SIGKILL) }
        terminal.type(
            "autoload -Uz compinit; compinit -u -D; source <(causewayctl completion zsh)\r"
        )
        terminal.type("echo rea''dy\r")
        #expect(await eventually(withinSeconds: 60) { terminal.output.contains("\nready") })
        for (line, word) in Self.cases {
            let start = terminal.count
            terminal.type(line + "\t")
            let isSeen = await eventually(withinSeconds: 60) {
                terminal.output(from: start).contains(word)
            }
            #expect(isSeen, "\(line): \(terminal.output(from: start).debugDescription)")
            terminal.type("\u{15}")
        }
    }
}
