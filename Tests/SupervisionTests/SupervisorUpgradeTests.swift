import CausewayConfiguration
import ControlProtocol
import Coordination
import Foundation
import LinuxSystem
import Testing

@testable import Supervision

/// Exchanges of programs and of whole nodes, over fake nodes.
@Suite(.timeLimit(.minutes(4)))
struct SupervisorUpgradeTests {
    private func machine(rules: String = "", spare: Bool = false) -> SupervisedMachine {
        SupervisedMachine(rules: rules) { options in
            for index in options.placement.nodes.indices {
                options.placement.nodes[index].hasSpare = spare
            }
        }
    }

    /// A copy of the program at another path.
    private func copy(on machine: SupervisedMachine) throws -> String {
        let path = machine.directory + "/causeway-node"
        try FileManager.default.copyItem(atPath: machine.options.nodeExecutable, toPath: path)
        return path
    }

    /// A program that answers `--versions` with a text, and does nothing else.
    private func script(_ text: String, on machine: SupervisedMachine, mode: Int = 0o755) throws
        -> String
    {
        let path = machine.directory + "/script-\(UInt32.random(in: 0 ..< .max))"
        try "#!/bin/sh\n\(text)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    @Test(arguments: [false, true])
    func anotherProgramTakesOverAndIsKeptForLaterLives(hasSpare: Bool) async throws {
        let machine = machine(spare: hasSpare)
        defer { machine.remove() }
        try await machine.supervisor.start()
        if hasSpare { await machine.until { await machine.status(1)?.spareState == .ready } }
        let path = try copy(on: machine)
        try await machine.supervisor.checkUpgrade(nodes: [0, 1], with: path)
        let outcome = try await machine.supervisor.upgrade(node: 1, with: path)
        #expect(outcome.program?.path == path)
        #expect(outcome.formerProgram?.path == machine.options.nodeExecutable)
        #expect(outcome.program?.build == "\(Build.version) (fa4e)")
        var status = try #require(await machine.status(1))
        #expect(status.workerProgram?.path == path && status.workerState == .forwarding)
        #expect(status.keeperProgram?.path == machine.options.nodeExecutable)
        let variants = await machine.supervisor.view().variants
        #expect(variants.map(\.path) == [path] && "\(variants[0].level)" == "v3")
        if hasSpare {
            await machine.until { await machine.status(1)?.spareProgram?.path == path }
        }
        // The next life is of that program as well, and the other node's never is.
        kill(try #require(status.workerPID), SIGKILL)
        let life = status.incarnation
        await machine.until {
            guard let now = await machine.status(1) else { return false }
            return now.incarnation > life && now.workerState == .forwarding
        }
        status = try #require(await machine.status(1))
        #expect(status.workerProgram?.path == path)
        #expect(await machine.status(0)?.workerProgram?.path == machine.options.nodeExecutable)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func whatDoesNotFitIsRefusedBeforeAnythingStops() async throws {
        let machine = machine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        var other = BuildVersions(version: "9.8.7", buildID: "0123456789", processor: "v3")
        let segment = try #require(other.layouts["segment"])
        other.layouts["segment"] = "99-12345678"
        var unknown = BuildVersions(processor: "v3")
        unknown.layouts["graph-of-tomorrow"] = "1"
        var foreign = BuildVersions(processor: "v3")
        foreign.program = "causeway"
        let cases = [
            (
                try script("echo '\(other.json)'", on: machine),
                "(build 9.8.7 (01234567)) does not fit to what runs on node 1 "
                    + "(build \(Build.version) (fa4e)): segment 99-12345678, not \(segment)"
            ),
            (
                try script("echo '\(unknown.json)'", on: machine),
                "graph-of-tomorrow 1, not unknown here"
            ),
            (try script("echo '\(foreign.json)'", on: machine), "is another program"),
            (try script("echo hello", on: machine), "answers --versions with \"hello\""),
            (
                try script("exit 3", on: machine),
                "exit status 3 when it was asked for its --versions"
            ),
            (try script("kill -SEGV $$", on: machine), "signal 11 (SIGSEGV)"),
            (try script("echo", on: machine, mode: 0o644), "is not executable"),
            ("/nonexistent/node", "there is no such file"),
            (machine.directory, "there is no program for NUMA node 1"),
        ]
        let before = await machine.status(1)?.workerPID
        for (path, reason) in cases {
            let error = await #expect(throws: ChangeError.self) {
                try await machine.supervisor.upgrade(node: 1, with: path)
            }
            #expect(error?.description.contains(reason) == true, "\(error.map { "\($0)" } ?? "")")
        }
        #expect(await machine.status(1)?.workerPID == before)
        #expect(machine.transcript("worker.1.2") == [])
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test(arguments: [
        ("exit-at ready 70", true), ("layout segment 99", true), ("refuse-take-over graph", true),
        ("die-at-take-over", false),
    ])
    func aSuccessorThatFailsIsRolledBack(rule: String, goesOn: Bool) async throws {
        let machine = machine(rules: "worker 1 2 \(rule)")
        defer { machine.remove() }
        try await machine.supervisor.start()
        let before = try #require(await machine.status(1))
        let path = try copy(on: machine)
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.upgrade(node: 1, with: path)
        }
        let text = error?.description ?? ""
        let now = try #require(await machine.status(1))
        #expect(now.workerState == .forwarding)
        #expect(now.workerProgram?.path == machine.options.nodeExecutable)
        #expect((now.workerPID == before.workerPID) == goesOn, "\(text)")
        #expect(
            text.contains(goesOn ? "nothing stopped" : "rolled back: node 1 is up again"),
            "\(text)"
        )
        #expect(text.contains(machine.options.nodeExecutable), "\(text)")
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test(arguments: [false, true])
    func aWholeRestartReplacesKeeperAndWorkerOfOneNodeAlone(keeperIsDead: Bool) async throws {
        let machine = machine(spare: true)
        defer { machine.remove() }
        try await machine.supervisor.start()
        _ = try await machine.supervisor.apply(.interfaceState(name: "port1", isUp: true))
        await machine.until { await machine.status(1)?.spareState == .ready }
        let (other, before) = (
            try #require(await machine.status(0)), try #require(await machine.status(1))
        )
        if keeperIsDead {
            kill(try #require(before.keeperPID), SIGKILL)
            await machine.until { await machine.status(1)?.reason.isEmpty == false }
            let reason = try #require(await machine.status(1)?.reason)
            #expect(reason.hasPrefix("degraded: keeper died (signal 9 (SIGKILL))"), "\(reason)")
            #expect(reason.hasSuffix("causewayctl restart node 1 --whole"), "\(reason)")
            #expect(machine.logged("critical supervisor node-degraded node=1"))
            #expect(await machine.status(1)?.workerState == .forwarding)
            let error = await #expect(throws: ChangeError.self) {
                try await machine.supervisor.restart(node: 1)
            }
            #expect(error?.description.contains("restart node 1 --whole") == true)
        }
        let outcome = try await machine.supervisor.restartWhole(node: 1)
        #expect(outcome.isWhole && outcome.node == 1)
        let after = try #require(await machine.status(1))
        #expect(after.workerState == .forwarding && after.keeperState == .ready)
        #expect(after.workerPID != before.workerPID && after.keeperPID != before.keeperPID)
        #expect(after.reason.isEmpty && after.restarts == 0)
        for pid in [before.workerPID, before.keeperPID, before.sparePID] {
            #expect(kill(try #require(pid), 0) != 0)
        }
        #expect(machine.transcript("keeper.1.2").contains("setPort 2 admin(isUp: true)"))
        #expect(await machine.status(0)?.workerPID == other.workerPID)
        #expect(await machine.status(0)?.keeperPID == other.keeperPID)
        #expect(await machine.status(0)?.segment?.load(.peersUp) == 0b11)
        #expect(!machine.logged("worker-died"))
        await machine.until { await machine.status(1)?.spareState == .ready }
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aWholeRestartThatFailsIsTriedAgain() async throws {
        let machine = machine(rules: "keeper 1 2 exit-at ready 70")
        defer { machine.remove() }
        try await machine.supervisor.start()
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.restartWhole(node: 1)
        }
        #expect(error?.description.contains("exit status 70") == true)
        #expect(error?.description.contains("node 1 is down and is tried again") == true)
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        #expect(await machine.status(1)?.reason.isEmpty == true)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }
}
