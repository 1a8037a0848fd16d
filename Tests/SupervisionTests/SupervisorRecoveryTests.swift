import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(4)))
struct SupervisorRecoveryTests {
    @Test func replacesAKilledWorkerAndLeavesTheOthersAlone() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        let before = await machine.supervisor.view()
        let victim = try #require(before.nodes[1].workerPID)
        before.nodes[1].segment?.store(.heapUsedBytes, 4711)
        kill(victim, SIGKILL)
        await machine.until { await machine.status(1)?.restarts == 1 }
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        await machine.until { await machine.status(0)?.segment?.load(.peersUp) == 0b11 }

        let after = await machine.supervisor.view()
        #expect(after.nodes[0].workerPID == before.nodes[0].workerPID)
        #expect(after.nodes[1].keeperPID == before.nodes[1].keeperPID)
        #expect(after.nodes[1].incarnation == 2)
        #expect(after.nodes[1].reason.isEmpty)
        #expect(after.nodes[1].segment?.load(.heapUsedBytes) == 0)
        #expect(machine.transcript("keeper.1.1").contains("recoverPorts"))
        #expect(machine.logged("worker-died node=1 cause=\"signal 9 (SIGKILL)\""))
        // The dead life's counters can still be read, also after the next death.
        let dead = try WorkerSegment.open(
            path: machine.directory + "/shm/test/node1.1",
            writable: false
        )
        #expect(dead.load(.heapUsedBytes) == 4711)
        #expect(!SmallFile.exists(machine.directory + "/run/node1/worker.1.sock"))

        kill(try #require(after.nodes[1].workerPID), SIGKILL)
        await machine.until { await machine.status(1)?.incarnation == 3 }
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        #expect(
            SmallFile.names(in: machine.directory + "/shm/test") == [
                "node0.1", "node0.1.events", "node0.1.trace", "node0.keeper.1", "node1.1",
                "node1.1.events", "node1.1.trace",
                "node1.2", "node1.2.events", "node1.2.trace", "node1.3", "node1.3.events",
                "node1.3.trace", "node1.keeper.1",
                "supervisor.events",
            ]
        )
        let lives = await machine.supervisor.deadLives(node: 1)
        #expect(lives.map(\.incarnation) == [1, 2])
        #expect(lives.map(\.cause) == ["signal 9 (SIGKILL)", "signal 9 (SIGKILL)"])
        #expect(lives[0].segment?.load(.heapUsedBytes) == 4711)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func tellsThePeersAtOnceThatAWorkerIsGone() async throws {
        let machine = SupervisedMachine(rules: "keeper 1 * recover-silent", nodes: 3)
        defer { machine.remove() }
        try await machine.supervisor.start()
        kill(try #require(await machine.status(1)?.workerPID), SIGKILL)
        // The keeper is still busy with the ports: the peers do not wait for it.
        await machine.until { machine.transcript("keeper.1.1").contains("recoverPorts") }
        #expect(await machine.status(0)?.segment?.load(.peersUp) == 0b101)
        #expect(await machine.status(2)?.segment?.load(.peersUp) == 0b101)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func leavesANodeDownThatKeepsDying() async throws {
        let restart = RestartPolicy(
            maximumRestarts: 3,
            windowSeconds: 60,
            backoffMilliseconds: 1,
            maximumBackoffMilliseconds: 4
        )
        let rules = (2...9).map { "worker 0 \($0) exit-at ready 70" }.joined(separator: ";")
        let machine = SupervisedMachine(rules: rules, restart: restart)
        defer { machine.remove() }
        try await machine.supervisor.start()
        kill(try #require(await machine.status(0)?.workerPID), SIGKILL)
        await machine.until {
            await machine.status(0)?.reason.hasPrefix("left down: died 4 times within 60 s") == true
        }
        let view = await machine.supervisor.view()
        #expect(view.nodes[0].restarts == 3)
        #expect(view.nodes[0].workerState == .stopped)
        #expect(view.nodes[0].reason.contains("exit status 70 before \"ready\""))
        #expect(view.nodes[1].workerState == .forwarding)
        #expect(view.nodes[1].segment?.load(.peersUp) == 0b10)
        #expect(machine.logged("critical supervisor node-left-down node=0"))
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aWorkerOutlivesItsKeeperAndTheNodeIsReplacedWhole() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        _ = try await machine.supervisor.apply(.interfaceState(name: "port1", isUp: true))
        let before = try #require(await machine.status(1))
        kill(try #require(before.keeperPID), SIGKILL)
        await machine.until { await machine.status(1)?.reason.hasPrefix("degraded") == true }
        #expect(await machine.status(1)?.workerPID == before.workerPID)
        #expect(await machine.status(1)?.workerState == .forwarding)
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(.interfaceState(name: "port1", isUp: false))
        }
        #expect(error?.description.contains("node 1's keeper does not run") == true)

        kill(try #require(before.workerPID), SIGKILL)
        await machine.until { await machine.status(1)?.incarnation == 2 }
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        await machine.until { await machine.status(1)?.reason.isEmpty == true }
        #expect(machine.transcript("keeper.1.2").contains("setPort 1 admin(isUp: true)") == false)
        #expect(machine.transcript("keeper.1.2").contains("setPort 2 admin(isUp: true)"))
        #expect(await machine.status(0)?.incarnation == 1)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aKeeperThatCannotRecoverThePortsIsReplaced() async throws {
        let machine = SupervisedMachine(rules: "keeper 0 1 recover-fails pool")
        defer { machine.remove() }
        try await machine.supervisor.start()
        kill(try #require(await machine.status(0)?.workerPID), SIGKILL)
        await machine.until { !machine.transcript("keeper.0.2").isEmpty }
        await machine.until { await machine.status(0)?.workerState == .forwarding }
        #expect(machine.logged("restart-failed node=0 reason=\"node 0 keeper: pool\""))
        await machine.supervisor.stop()
    }
}
