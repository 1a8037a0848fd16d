import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Routing
import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(2)))
struct SupervisorJournalTests {
    private func prefix(_ number: Int) -> IPv4Prefix {
        IPv4Prefix(address: IPv4Address(bits: 0x1400_0000 + UInt32(number) << 8), length: 24)
    }

    private func address(_ text: String, _ length: UInt8) -> InterfaceAddress {
        InterfaceAddress(address: IPv4Address(text)?.bits ?? 0, prefixLength: length)
    }

    /// Both interfaces up, 10.0.0.1/16 on the first and 10.1.0.1/16 on the second.
    private func configure(_ supervisor: Supervisor) async throws {
        for number in 0...1 {
            let name = "port\(number)"
            _ = try await supervisor.apply(.interfaceState(name: name, isUp: true))
            _ = try await supervisor.apply(
                .addAddress(interface: name, address("10.\(number).0.1", 16))
            )
        }
    }

    private var target: RouteTarget {
        .paths([RoutePath(nextHop: IPv4Address("10.0.0.2"), interface: "port0")])
    }

    /// The line with a worker's tables at its end.
    private func tables(_ machine: SupervisedMachine, _ worker: String) -> String? {
        machine.transcript(worker).last { $0.hasPrefix("tables ") }
    }

    @Test func everyWorkerGetsEveryChangeInOrder() async throws {
        let machine = SupervisedMachine(nodes: 3)
        defer { machine.remove() }
        try await machine.supervisor.start()
        let first = await machine.supervisor.view().changeNumber
        try await configure(machine.supervisor)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    _ = try? await machine.supervisor.apply(
                        .addRoutes([prefix(number)], target, replace: true)
                    )
                }
            }
        }
        let view = await machine.supervisor.view()
        #expect(view.changeNumber == first + 54)
        #expect(view.nodes.allSatisfy { $0.changeNumber == first + 54 })
        // A change that changes nothing is no entry.
        let same = try await machine.supervisor.apply(
            .addRoutes([prefix(7)], target, replace: true)
        )
        #expect(same == first + 54)
        await machine.supervisor.stop()
        for worker in ["worker.0.1", "worker.1.1", "worker.2.1"] {
            let numbers = machine.transcript(worker).compactMap { line -> UInt64? in
                let words = line.split(separator: " ")
                return words.first == "change" && words[3] == "true" ? UInt64(words[1]) : nil
            }
            #expect(numbers == Array(first...(first + 54)))
            #expect(tables(machine, worker) == tables(machine, "worker.0.1"))
        }
        #expect(tables(machine, "worker.0.1")?.contains("up=port0,port1") == true)
    }

    @Test func aRefusedChangeIsTakenBackEverywhere() async throws {
        let machine = SupervisedMachine(rules: "worker 1 * refuse 7")
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        let before = await machine.supervisor.view()
        #expect(before.changeNumber == 6)
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(
                .addRoutes((0..<40_000).map(prefix), target, replace: true)
            )
        }
        #expect(error?.description == "node 1 worker: heap full")
        let after = await machine.supervisor.view()
        #expect(after.changeNumber == 8)
        #expect(after.routing.staticRouteCount == 0)
        #expect(after.nodes.map(\.incarnation) == [1, 1])
        #expect(after.nodes.allSatisfy { $0.changeNumber == 8 })
        // What comes afterwards goes on as if nothing had been.
        let next = try await machine.supervisor.apply(
            .addRoutes([prefix(1)], target, replace: true)
        )
        #expect(next == 9)
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.0.1") == tables(machine, "worker.1.1"))
    }

    @Test func aChangeThatFailsHalfWayChangesNothing() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        let routes = (0..<40_000).map(prefix)
        _ = try await machine.supervisor.apply(.addRoutes(routes, target, replace: true))
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(.removeRoutes(routes + [prefix(50_000)], nil))
        }
        #expect(error?.description.contains("\(prefix(50_000))") == true)
        #expect(await machine.supervisor.view().routing.staticRouteCount == 40_000)
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.0.1") == tables(machine, "worker.1.1"))
        #expect(tables(machine, "worker.0.1")?.contains("routes=400") == true)
    }

    @Test func aWorkerThatDoesNotAcknowledgeIsKilledAndComesBackWithTheSameState() async throws {
        let machine = SupervisedMachine(rules: "worker 1 1 deaf-at 7") {
            $0.times.change = .milliseconds(200)
        }
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        _ = try await machine.supervisor.apply(
            .addRoutes((0..<100).map(prefix), target, replace: true)
        )
        #expect(await machine.status(0)?.changeNumber == 7)
        await machine.until { await machine.status(1)?.incarnation == 2 }
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        #expect(machine.logged("worker-hung node=1"))
        #expect(machine.logged("no \\\"acknowledgement of change 7\\\" within 0.200 s"))
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.1.2") == tables(machine, "worker.0.1"))
    }

    @Test func aStoppedWorkerHoldsUpABigChangeOnlyUntilItsDeadline() async throws {
        let machine = SupervisedMachine { $0.times.change = .seconds(3) }
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        kill(try #require(await machine.status(1)?.workerPID), SIGSTOP)
        _ = try await machine.supervisor.apply(
            .addRoutes((0..<200_000).map(prefix), target, replace: true)
        )
        #expect(await machine.status(0)?.changeNumber == 7)
        #expect(machine.logged("worker-hung node=1"))
        await machine.until { await machine.status(1)?.incarnation == 2 }
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.1.2") == tables(machine, "worker.0.1"))
    }

    @Test func aRestartedWorkerCatchesUpWhileChangesGoOn() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        _ = try await machine.supervisor.apply(
            .addRoutes((0..<30_000).map(prefix), target, replace: true)
        )
        let changes = Task {
            var count = 0
            while !Task.isCancelled {
                let routes = (0..<5).map { prefix(40_000 + count * 5 + $0) }
                _ = try await machine.supervisor.apply(.addRoutes(routes, target, replace: true))
                if count % 3 == 2 {
                    _ = try await machine.supervisor.apply(.removeRoutes([prefix(count)], nil))
                }
                count += 1
            }
        }
        for life in 2...4 {
            kill(try #require(await machine.status(1)?.workerPID), SIGKILL)
            await machine.until { await machine.status(1)?.incarnation == UInt32(life) }
            await machine.until { await machine.status(1)?.workerState == .forwarding }
            await machine.until { await machine.status(1)?.reason == "" }
        }
        changes.cancel()
        _ = try await changes.value
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.1.4") == tables(machine, "worker.0.1"))
        #expect(tables(machine, "worker.1.4") != nil)
    }

    @Test func othersAreAnsweredWhileManyRoutesAreOnTheirWay() async throws {
        let machine = SupervisedMachine { $0.times = StepTimes(slow: true) }
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        let routes = (0..<250_000).map {
            IPv4Prefix(address: IPv4Address(bits: 0x1400_0000 + UInt32($0)), length: 32)
        }
        let isDone = Task {
            _ = try await machine.supervisor.apply(.addRoutes(routes, target, replace: true))
        }
        var answers = 0
        while await machine.supervisor.view().changeNumber < 7 {
            _ = await machine.supervisor.portStatuses()
            answers += 1
        }
        try await isDone.value
        #expect(answers > 3)
        #expect(await machine.supervisor.view().routing.staticRouteCount == 250_000)
        kill(try #require(await machine.status(0)?.workerPID), SIGKILL)
        await machine.until { await machine.status(0)?.incarnation == 2 }
        await machine.until { await machine.status(0)?.workerState == .forwarding }
        await machine.until { await machine.status(0)?.reason == "" }
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.0.2") == tables(machine, "worker.1.1"))
    }

    @Test func aPortIsSetBeforeTheWorkersKnow() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        _ = try await machine.supervisor.apply(.mtu(interface: "port1", bytes: 9000))
        #expect(machine.transcript("keeper.1.1").contains("setPort 2 mtu(9000)"))
        #expect(await machine.supervisor.view().interfaces.last?.mtu == 9000)
        #expect(!machine.transcript("keeper.0.1").contains { $0.hasPrefix("setPort") })
        let text = try await machine.supervisor.packetGenerator(node: 1, .show(from: 0))
        #expect(text == "streams of node 1")
        await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(.mtu(interface: "port1", bytes: 20))
        }
        await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(.interfaceState(name: "port9", isUp: true))
        }
        await machine.supervisor.stop()
        await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(.mtu(interface: "port1", bytes: 1500))
        }
    }

    @Test func aPortThatCannotBeSetChangesNothing() async throws {
        let machine = SupervisedMachine(rules: "keeper 0 * refuse-ports;worker 1 * refuse 3")
        defer { machine.remove() }
        try await machine.supervisor.start()
        let refused = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(.interfaceState(name: "port0", isUp: true))
        }
        #expect(refused?.description == "node 0 keeper: not possible")
        #expect(await machine.supervisor.view().changeNumber == 2)
        // And a port whose change a worker refuses is set back.
        await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(.interfaceState(name: "port1", isUp: true))
        }
        #expect(await machine.supervisor.view().interfaces.last?.isUp == false)
        #expect(
            machine.transcript("keeper.1.1").suffix(2)
                == ["setPort 2 admin(isUp: true)", "setPort 2 admin(isUp: false)"]
        )
        await machine.supervisor.stop()
    }

    @Test func neighboursThatWorkersSeeReachAllWorkersInFewEntries() async throws {
        let rules = "worker 1 2 neighbour 1 10.0.0.10 02:00:00:00:00:99 1000"
        let machine = SupervisedMachine(rules: rules)
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        let fixed = MACAddress(bits: 0x0200_0000_0001)
        _ = try await machine.supervisor.apply(
            .neighbour(interface: "port0", IPv4Address(bits: 0x0A00_000B), fixed)
        )
        let before = await machine.supervisor.view().changeNumber
        kill(try #require(await machine.status(1)?.workerPID), SIGKILL)
        await machine.until {
            await machine.supervisor.view().routing.neighbourList.count == 1000
        }
        let view = await machine.supervisor.view()
        #expect(view.changeNumber - before < 100)
        let list = view.routing.neighbourList
        #expect(list.first { $0.isStatic }?.mac == fixed)
        #expect(list.filter { $0.mac == MACAddress(bits: 0x0200_0000_0099) }.count == 999)
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        await machine.supervisor.stop()
        #expect(tables(machine, "worker.1.2") == tables(machine, "worker.0.1"))
        #expect(tables(machine, "worker.0.1")?.contains("neighbours=1000") == true)
    }

    @Test(arguments: [
        "1 10.0.0.1 02:00:00:00:00:99 1",  // our own address
        "1 10.0.0.9 03:00:00:00:00:99 1",  // a group's MAC address
        "1 192.0.2.1 02:00:00:00:00:99 1",  // on no subnet of the interface
        "2 10.0.0.9 02:00:00:00:00:99 1",  // another interface's subnet
        "9 10.0.0.9 02:00:00:00:00:99 1",  // no such interface
    ])
    func neighboursThatCannotBeAreNotLearned(report: String) async throws {
        let machine = SupervisedMachine(rules: "worker 0 2 neighbour \(report)")
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await configure(machine.supervisor)
        kill(try #require(await machine.status(0)?.workerPID), SIGKILL)
        await machine.until { machine.logged("neighbour-refused") }
        #expect(await machine.supervisor.view().routing.neighbourList.isEmpty)
        #expect(await machine.supervisor.view().changeNumber == 6)
        await machine.supervisor.stop()
    }
}
