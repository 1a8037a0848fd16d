import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(4))) struct NodeProcessTests {
    /// A keeper's next life has the socket and the record of the one before for its own.
    @Test func theFilesOfAProcessAreGoneBeforeAnybodyKnowsOfItsEnd() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        let runtime = RuntimeDirectory(path: machine.options.runtimeDirectory)
        let launch = NodeProcess.Launch(
            name: ProcessName(role: .keeper, node: 0, incarnation: 1),
            executable: machine.options.nodeExecutable,
            environmentArguments: [],
            environment: [:],
            runtime: runtime
        )
        try SmallFile.makeDirectory(runtime.path)
        let process = try await NodeProcess.start(launch) { _, event in
            // Whoever deals with the end may be late.
            if case .ended = event { try? await Task.sleep(for: .seconds(30)) }
        }
        #expect(SmallFile.exists(launch.socket))
        #expect(runtime.records.map(\.name) == ["keeper"])
        try process.child.process.send(signal: SIGKILL)
        #expect(await process.waitForEnd(within: .seconds(30)) == .signalled(SIGKILL))
        #expect(!SmallFile.exists(launch.socket))
        #expect(runtime.records.isEmpty)
    }
}
