import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Testing

@testable import Supervision

/// Warm spares and planned restarts, over fake nodes.
@Suite(.timeLimit(.minutes(4)))
struct SupervisorSpareTests {
    private func machine(rules: String = "", spare: Bool = true) -> SupervisedMachine {
        SupervisedMachine(rules: rules) { options in
            for index in options.placement.nodes.indices {
                options.placement.nodes[index].hasSpare = spare
            }
        }
    }

    private func untilReady(_ machine: SupervisedMachine, _ node: Int) async {
        await machine.until {
            guard let status = await machine.status(node) else { return false }
            return status.sparePID != nil && status.spareState == .ready
                && machine.logged("spare-ready node=\(node)")
        }
    }

    @Test func aSpareIsBroughtToTheJournalsEndAndGetsLaterChanges() async throws {
        let machine = machine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        await untilReady(machine, 1)
        let number = try await machine.supervisor.apply(
            .interfaceState(name: "port0", isUp: true)
        )
        // Acknowledged by the spare as well: it is there when `apply` returns.
        #expect(
            machine.transcript("worker.1.2").contains { $0.hasPrefix("change \(number) ") }
        )
        #expect(!machine.transcript("worker.1.2").contains("forward"))
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aSpareTakesOverFromADeadWorkerAndAnotherComes() async throws {
        let machine = machine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        await untilReady(machine, 1)
        let before = try #require(await machine.status(1))
        kill(try #require(before.workerPID), SIGKILL)
        await machine.until {
            guard let status = await machine.status(1) else { return false }
            return status.workerPID == before.sparePID && status.workerState == .forwarding
        }
        #expect(machine.transcript("worker.1.2").contains("keeps-handoffs"))
        #expect(machine.transcript("keeper.1.1").contains("recoverPorts"))
        #expect(await machine.status(1)?.incarnation == 2)
        await machine.until { await machine.status(0)?.segment?.load(.peersUp) == 0b11 }
        // Life 3 could not share lcores with life 1, but that one is gone.
        await machine.until { await machine.status(1)?.spareState == .ready }
        await machine.until { machine.transcript("worker.1.3").contains { $0.hasPrefix("change") } }
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aSpareThatDiesIsReplacedByOneWithOtherLcoresThanTheWorker() async throws {
        let machine = machine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        await untilReady(machine, 0)
        let worker = await machine.status(0)?.workerPID
        kill(try #require(await machine.status(0)?.sparePID), SIGKILL)
        // Life 3 would have the lcores of life 1, which forwards.
        await machine.until { machine.transcript("worker.0.4").contains { $0.hasPrefix("change") } }
        await machine.until { await machine.status(0)?.spareState == .ready }
        #expect(machine.logged("spare-died node=0"))
        #expect(await machine.status(0)?.workerPID == worker)
        #expect(await machine.status(0)?.restarts == 0)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    /// The spare that is on its way holds the restart up; the worker dies meanwhile, and nobody but the restart
    /// starts processes for the node.
    @Test func aDeathDuringARestartOfTheWholeNodeIsTheRestartsToDealWith() async throws {
        let machine = machine(rules: "worker 1 2 silent-at ready")
        defer { machine.remove() }
        try await machine.supervisor.start()
        await machine.until { await machine.status(1)?.sparePID != nil }
        let before = try #require(await machine.status(1))
        kill(try #require(before.keeperPID), SIGKILL)
        await machine.until { machine.logged("node-degraded node=1") }
        async let restart = machine.supervisor.restartWhole(node: 1)
        await machine.until { machine.logged("node-restarts-whole node=1") }
        kill(try #require(before.workerPID), SIGKILL)
        let outcome = try await restart
        #expect(outcome.isWhole)
        #expect(machine.transcript("keeper.1.3").isEmpty)
        #expect(machine.store.lines.filter { $0.contains("node-restarts-whole") }.count == 1)
        #expect(await machine.status(1)?.workerState == .forwarding)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func withoutAReadySpareAWorkerIsStartedCold() async throws {
        let machine = machine(rules: "worker 1 2 silent-at ready")
        defer { machine.remove() }
        try await machine.supervisor.start()
        await machine.until { await machine.status(1)?.sparePID != nil }
        let spare = try #require(await machine.status(1)?.sparePID)
        kill(try #require(await machine.status(1)?.workerPID), SIGKILL)
        kill(spare, SIGKILL)
        await machine.until { await machine.status(1)?.incarnation ?? 0 > 2 }
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test(arguments: [true, false])
    func aPlannedRestartHandsOverAndLetsTheOldWorkerGo(hasSpare: Bool) async throws {
        let machine = machine(spare: hasSpare)
        defer { machine.remove() }
        try await machine.supervisor.start()
        if hasSpare { await untilReady(machine, 1) }
        let stream = PacketGeneratorStream(name: "s", interface: 2, template: [1, 2, 3])
        _ = try await machine.supervisor.packetGenerator(node: 1, .create(stream))
        let enable = PacketGeneratorCommand.enable(name: "s", isEnabled: true)
        _ = try await machine.supervisor.packetGenerator(node: 1, enable)
        let before = try #require(await machine.status(1))
        let outcome = try await machine.supervisor.restart(node: 1)
        #expect(outcome.incarnation == 2 && outcome.gapMicroseconds == 42)
        let after = try #require(await machine.status(1))
        #expect(after.workerState == .forwarding && after.workerPID != before.workerPID)
        #expect(after.restarts == 0 && after.reason.isEmpty)
        if hasSpare { #expect(after.workerPID == before.sparePID) }
        #expect(kill(try #require(before.workerPID), 0) != 0, "the old worker is still there")
        // Peers were never told to drop.
        #expect(!machine.logged("worker-died"))
        #expect(machine.transcript("worker.1.1").contains("hand-over"))
        let told = machine.transcript("worker.1.2")
        #expect(told.contains("take-over"))
        #expect(told.filter { $0.hasPrefix("generator") }.count == 2)
        let keeper = machine.transcript("keeper.1.1")
        #expect(!keeper.contains("recoverPorts"))
        if hasSpare {
            await machine.until {
                await machine.status(1)?.sparePID != nil
                    && machine.transcript("worker.1.3").contains { $0.hasPrefix("change") }
            }
        } else {
            #expect(after.sparePID == nil)
        }
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aSuccessorThatDoesNotFitChangesNothing() async throws {
        let machine = machine(rules: "worker 1 2 refuse-take-over graph", spare: false)
        defer { machine.remove() }
        try await machine.supervisor.start()
        let before = try #require(await machine.status(1))
        let error = await #expect(throws: ChangeError.self) {
            _ = try await machine.supervisor.restart(node: 1)
        }
        #expect(error?.description.contains("graph") == true)
        #expect(await machine.status(1)?.workerPID == before.workerPID)
        #expect(await machine.status(1)?.workerState == .forwarding)
        #expect(!machine.transcript("worker.1.1").contains("hand-over"))
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test(arguments: ["worker 1 2 die-at-take-over", "worker 1 1 refuse-hand-over lane"])
    func aRestartThatFailsHalfWayIsACrash(rule: String) async throws {
        let machine = machine(rules: rule, spare: false)
        defer { machine.remove() }
        try await machine.supervisor.start()
        await #expect(throws: ChangeError.self) {
            _ = try await machine.supervisor.restart(node: 1)
        }
        await machine.until {
            guard let status = await machine.status(1) else { return false }
            return status.workerState == .forwarding && status.incarnation > 1
        }
        await machine.until { await machine.status(0)?.segment?.load(.peersUp) == 0b11 }
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    /// The supervisor is still busy with the old worker when the new one dies.
    @Test func aSuccessorThatDiesRightAfterItsTakeOverIsReplaced() async throws {
        let machine = machine(rules: "worker 1 2 die-after-take-over", spare: false)
        defer { machine.remove() }
        try await machine.supervisor.start()
        _ = try? await machine.supervisor.restart(node: 1)
        await machine.until {
            guard let status = await machine.status(1) else { return false }
            return status.workerState == .forwarding && status.incarnation > 2
        }
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    /// The successor forwards by then: nobody may make the pool anew under it.
    @Test func aPredecessorThatDiesWhenItHasHandedOverHasDoneItsPart() async throws {
        let machine = machine(rules: "worker 1 1 die-after-hand-over", spare: false)
        defer { machine.remove() }
        try await machine.supervisor.start()
        let outcome = try await machine.supervisor.restart(node: 1)
        #expect(outcome.incarnation == 2)
        let status = try #require(await machine.status(1))
        #expect(status.workerState == .forwarding && status.incarnation == 2)
        #expect(!machine.transcript("keeper.1.1").contains("recoverPorts"))
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aNodeWithoutAWorkerOrOfNoNumberIsRefused() async throws {
        let machine = machine(spare: false)
        defer { machine.remove() }
        try await machine.supervisor.start()
        let error = await #expect(throws: ChangeError.self) {
            _ = try await machine.supervisor.restart(node: 7)
        }
        #expect(error?.description == "no node 7")
        await machine.supervisor.stop()
    }
}
