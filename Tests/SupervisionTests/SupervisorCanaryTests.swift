import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Routing
import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(2)))
struct SupervisorCanaryTests {
    private func machine(_ rules: String, directory: String? = nil) -> SupervisedMachine {
        SupervisedMachine(rules: rules, directory: directory) {
            $0.stateDirectory = "\($0.runtimeDirectory)-state"
        }
    }

    /// An interface that is up with an address: the entries 3 and 4.
    private func configure(_ supervisor: Supervisor) async throws {
        _ = try await supervisor.apply(.interfaceState(name: "port0", isUp: true))
        let address = InterfaceAddress(address: 0x0A00_0001, prefixLength: 16)
        _ = try await supervisor.apply(.addAddress(interface: "port0", address))
        #expect(await supervisor.view().changeNumber == 4)
        try await supervisor.setCanary(CanaryRule(node: 1, windowMilliseconds: 200))
    }

    private func route(_ number: Int) -> ConfigurationChange {
        .addRoutes(
            [IPv4Prefix(address: IPv4Address(bits: 0x1400_0000 + UInt32(number) << 8), length: 24)],
            .paths([RoutePath(nextHop: IPv4Address("10.0.0.2"), interface: "port0")]),
            replace: true
        )
    }

    private func routes(_ machine: SupervisedMachine) async -> Int {
        await machine.supervisor.view().routing.staticRouteCount
    }

    private func numbers(_ machine: SupervisedMachine, _ worker: String) -> [UInt64] {
        machine.transcript(worker).compactMap { line in
            let words = line.split(separator: " ")
            return words.first == "change" ? UInt64(words[1]) : nil
        }
    }

    private func tables(_ machine: SupervisedMachine, _ worker: String) -> String? {
        machine.transcript(worker).last { $0.hasPrefix("tables ") }
    }

    @Test func aChangeGoesToTheCanaryFirstAndThenToAll() async throws {
        let machine = machine("")
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        let change = Task { try await machine.supervisor.apply(route(1)) }
        await machine.until { numbers(machine, "worker.1.1").last == 5 }
        #expect(
            await machine.supervisor.canaryStatus().pending?.change.hasPrefix("1 routes") == true
        )
        #expect(numbers(machine, "worker.0.1").last == 4)
        #expect(try await change.value == 5)
        #expect(numbers(machine, "worker.0.1").last == 5)
        #expect(await machine.supervisor.canaryStatus().pending == nil)
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.0.1") == tables(machine, "worker.1.1"))
        #expect(!SmallFile.exists(machine.directory + "/run/canary"))
    }

    /// The canary's entry and its inverse have numbers that no other change gets.
    @Test func whatTheCanaryRefusesIsTakenBackThere() async throws {
        let machine = machine("worker 1 * refuse 5")
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(route(1))
        }
        #expect(error?.description == "node 1 worker: heap full")
        #expect(await routes(machine) == 0)
        #expect(try await machine.supervisor.apply(route(2)) == 7)
        #expect(numbers(machine, "worker.0.1").suffix(2) == [4, 7])
        #expect(numbers(machine, "worker.1.1").suffix(3) == [5, 6, 7])
        #expect(await machine.supervisor.canaryStatus().poison.isEmpty)
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.0.1") == tables(machine, "worker.1.1"))
    }

    @Test func whatAnotherRefusesAfterTheCanaryIsTakenBackOnAll() async throws {
        let machine = machine("worker 0 * refuse 5")
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(route(1))
        }
        #expect(error?.description == "node 0 worker: heap full")
        #expect(await routes(machine) == 0)
        #expect(try await machine.supervisor.apply(route(2)) == 7)
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.0.1") == tables(machine, "worker.1.1"))
        // Nor does it come back with the next supervisor.
        let next = self.machine("", directory: machine.directory)
        try await next.supervisor.start()
        #expect(await routes(next) == 1)
        await next.supervisor.stop()
    }

    @Test func aChangeThatTheCanaryDiesOfIsNowhere() async throws {
        let machine = machine("worker 1 1 die-at 5")
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(route(1))
        }
        #expect(
            error?.description
                == "1 routes from 20.0.1.0/24 via 10.0.0.2 port0: taken back; node 1's worker 1, which had "
                + "it first, ended: exit status 9"
        )
        await machine.until { await machine.status(1)?.incarnation == 2 }
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        #expect(numbers(machine, "worker.0.1").last == 4)
        let poison = try #require(await machine.supervisor.canaryStatus().poison.first)
        #expect(poison.number == 5 && poison.numaNode == 1 && poison.incarnation == 1)
        #expect(machine.logged("poison-change"))
        #expect(try await machine.supervisor.apply(route(2)) == 7)
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.0.1") == tables(machine, "worker.1.2"))
        let next = self.machine("", directory: machine.directory)
        try await next.supervisor.start()
        #expect(await routes(next) == 1)
        await next.supervisor.stop()
    }

    @Test func withoutItsCanaryNothingIsChanged() async throws {
        let restart = RestartPolicy(
            maximumRestarts: 1,
            windowSeconds: 60,
            backoffMilliseconds: 1,
            maximumBackoffMilliseconds: 1
        )
        let machine = SupervisedMachine(rules: "worker 1 2 exit-at ready 70", restart: restart)
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        kill(try #require(await machine.status(1)?.workerPID), SIGKILL)
        await machine.until { await machine.status(1)?.reason.hasPrefix("left down") == true }
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(route(1))
        }
        #expect(error?.description.hasPrefix("changes go to node 1 first, and it does not") == true)
        #expect(await routes(machine) == 0)
        // The first that forwards will do, if none is named.
        try await machine.supervisor.setCanary(CanaryRule(windowMilliseconds: 10))
        _ = try await machine.supervisor.apply(route(1))
        try await machine.supervisor.setCanary(nil)
        _ = try await machine.supervisor.apply(route(2))
        #expect(await routes(machine) == 2)
        await #expect(throws: ChangeError("no node 7")) {
            try await machine.supervisor.setCanary(CanaryRule(node: 7))
        }
        await machine.supervisor.stop()
    }
}
