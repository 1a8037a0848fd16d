import ControlProtocol
import Foundation
import LinuxSystem
import TestSupport
import Testing

extension SystemTests {
    /// Processes whose supervisor dies before it has written down that they are there.
    @Suite(.needsDataplane) struct OrphanTests {
        @Test(arguments: ["keeper", "worker"])
        func aProcessThatNobodyWillConfigureEndsByItself(role: String) async throws {
            let name = "/run/cw\(getpid())x-\(role)"
            defer { SmallFile.remove(name + ".sock") }
            let listener = try MessageChannel.listen(path: name + ".sock")
            var channel: MessageChannel? = try MessageChannel.connect(path: name + ".sock")
            let child = try ChildProcess.spawn(
                executable: Machine.program("causeway-node"),
                arguments: [
                    role, "--node", "0", "--incarnation", "1", "--listen-fd", "3",
                    "--crash-file", name + ".crash", "--",
                ],
                environment: [:],
                descriptor: listener
            )
            close(listener)
            defer {
                try? child.process.send(signal: SIGKILL)
                _ = child.reap()
            }
            // Connected to, it waits for what it is to do.
            try channel?.send(.connect(supervisorPID: UInt32(getpid())), request: 1)
            var greeting: NodeMessage?
            _ = await eventually(withinSeconds: 20) {
                greeting = try? channel?.receive()?.message
                return greeting != nil
            }
            guard case .hello = greeting else {
                Issue.record("said \(String(describing: greeting)) in place of hello")
                return
            }
            channel = nil
            var status: LinuxSystem.ExitStatus?
            _ = await eventually(withinSeconds: 20) {
                status = child.reap()
                return status != nil
            }
            #expect(status == .exited(code: 0))
        }
    }
}
