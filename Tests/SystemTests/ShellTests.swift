import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// `causewayctl` at a pseudo-terminal, against a running dataplane.
    @Suite(.needsDataplane) struct ShellTests {
        @Test func runsAScriptOfTwoHundredLines() async throws {
            try await withShell { shell in
                try await shell.run("set terminal pager off", shows: "")
                for (line, shown) in ShellScript.right { try await shell.run(line, shows: shown) }
                for (line, shown) in ShellScript.wrong {
                    try await shell.run(line, shows: shown, isRight: false)
                }
                for (typed, shown) in ShellScript.half {
                    try await shell.press(typed, shows: shown)
                    try await shell.press("\u{03}", shows: "^C")
                }
                let count =
                    ShellScript.right.count + ShellScript.wrong.count + ShellScript.half.count
                #expect(count >= 200)
                try await shell.press("\u{1B}[A\r", shows: ShellScript.wrong.last?.shown ?? "")
                try await shell.press("\u{12}versio", shows: "show version")
                try await shell.press("\r", shows: "unexpected \"now\"")
                try await shell.run("set terminal pager on", shows: "")
                try await shell.press("help\r", shows: "-- more -- (1-")
                try await shell.press("/event-logger\r", shows: "\u{1B}[7mevent-logger\u{1B}[27m")
                try await shell.press("q", shows: shell.prompt)
                try await shell.press("wait 60\r", shows: "wait 60")
                try await shell.press("\u{03}", shows: shell.prompt)
                try await shell.run("show nodes", shows: "forwarding")
                shell.terminal.type("quit\r")
                try await shell.expectEnd(status: 0)
            }
        }

        @Test func outlivesTheSupervisor() async throws {
            let instance = LiveDataplane.freshName()
            let topology = Testbed.topology(instance: instance)
            let dataplane = try LiveDataplane(starting: instance, topology: topology)
            do {
                try await dataplane.waitUntilForwarding()
                let shell = try await ShellAtTerminal(dataplane)
                // The dataplane goes on without its supervisor, and so does the shell.
                dataplane.supervisor.signal(SIGKILL)
                _ = try await dataplane.supervisor.end(withinSeconds: 10)
                try await shell.see("the supervisor does not answer")
                try await shell.press("show nodes\r", shows: "cannot reach the supervisor")
                let next = try LiveDataplane(starting: instance, topology: topology)
                try await shell.see("a supervisor answers: process")
                try await next.waitUntilForwarding()
                try await shell.run("show nodes", shows: "forwarding")
                shell.terminal.signal(SIGTERM)
                try await shell.expectEnd(status: 128 + SIGTERM)
                try await next.stop()
            } catch {
                await dataplane.destroy()
                throw error
            }
        }

        private func withShell(_ body: (ShellAtTerminal) async throws -> Void) async throws {
            let instance = LiveDataplane.freshName()
            try await LiveDataplane.run(
                instance: instance,
                topology: Testbed.topology(instance: instance)
            ) { dataplane in
                let shell = try await ShellAtTerminal(dataplane)
                try await body(shell)
                #expect(shell.terminal.isCooked)
            }
        }
    }
}

/// A shell, and what it shows after each line.
private struct ShellAtTerminal: Sendable {
    let terminal: PseudoTerminal
    /// How a prompt ends on the screen that nothing is typed behind.
    let prompt = "# \r\u{1B}["

    init(_ dataplane: LiveDataplane) async throws {
        let history = dataplane.folder.appendingPathComponent("history").path
        terminal = try PseudoTerminal(
            [Machine.program("causewayctl"), "-s", "\(dataplane.runtimeDirectory)/api.sock"],
            columns: 200,
            environment: ["TERM": "xterm", "CAUSEWAY_HISTORY": history]
        )
        // A debug build's prompt begins with DBG.
        guard
            await eventually(
                withinSeconds: 20,
                { [terminal] in
                    terminal.output.contains("\(dataplane.instance)# ")
                }
            )
        else { throw ShellFault(waitedFor: "the prompt", saw: terminal.output) }
    }

    /// Types a line, and waits for its answer and the prompt.
    func run(_ line: String, shows shown: String, isRight: Bool = true) async throws {
        let start = terminal.count
        terminal.type(line + "\r")
        // The line itself is drawn anew at each key; its answer follows the last time.
        try await see(shown, from: start, endingIn: prompt)
        let answer = terminal.output(from: start)
        #expect(!isRight || !answer.contains("  expected:"), "\(line): \(answer.suffix(500))")
    }

    /// Types keys, and waits for what they make the shell show.
    func press(_ keys: String, shows shown: String) async throws {
        let start = terminal.count
        terminal.type(keys)
        try await see(shown, from: start)
    }

    func see(_ shown: String, from start: Int = 0, endingIn end: String = "") async throws {
        let isSeen = await eventually(withinSeconds: 20, everyMilliseconds: 5) {
            let output = terminal.output(from: start)
            return (shown.isEmpty || output.contains(shown))
                && (end.isEmpty || output.contains("\r\n") && output.suffix(12).contains(end))
        }
        guard isSeen else { throw ShellFault(waitedFor: shown, saw: terminal.output(from: start)) }
    }

    func expectEnd(status: Int32) async throws {
        let hasEnded = await eventually(withinSeconds: 10) { terminal.status != nil }
        guard hasEnded else { throw ShellFault(waitedFor: "its end", saw: terminal.output) }
        #expect(terminal.status == status)
        #expect(terminal.isCooked)
    }
}

/// What a shell did not show.
private struct ShellFault: Error, CustomStringConvertible {
    var waitedFor: String
    var saw: String

    var description: String {
        "waited for \(waitedFor.debugDescription), saw \(saw.suffix(1500).debugDescription)"
    }
}
