import ControlProtocol
import LinuxSystem
import Routing
import Testing

@testable import Supervision

/// What a supervisor finds in its state directory.
@Suite(.timeLimit(.minutes(2)))
struct SupervisorStateTests {
    private func machine(
        _ directory: String? = nil,
        rules: String = "",
        nodes: Int = 2
    ) -> SupervisedMachine {
        SupervisedMachine(rules: rules, nodes: nodes, directory: directory) {
            $0.stateDirectory = $0.runtimeDirectory + "-state"
        }
    }

    private func prefix(_ number: Int) -> IPv4Prefix {
        IPv4Prefix(address: IPv4Address(bits: 0x1400_0000 + UInt32(number) << 8), length: 24)
    }

    private func target(_ port: Int) -> RouteTarget {
        let hop = IPv4Address(bits: 0x0A00_0002 | UInt32(port) << 16)
        return .paths([RoutePath(nextHop: hop, interface: "port\(port)")])
    }

    private func configure(_ supervisor: Supervisor) async throws {
        for number in 0...1 {
            let own = InterfaceAddress(
                address: 0x0A00_0001 | UInt32(number) << 16,
                prefixLength: 16
            )
            let name = "port\(number)"
            _ = try await supervisor.apply(.interfaceState(name: name, isUp: true))
            _ = try await supervisor.apply(.addAddress(interface: name, own))
            let routes = (number * 20_000..<(number + 1) * 20_000).map(prefix)
            _ = try await supervisor.apply(.addRoutes(routes, target(number), replace: true))
        }
        _ = try await supervisor.apply(.mtu(interface: "port1", bytes: 9000))
    }

    @Test func theNextSupervisorHasWhatWasConfigured() async throws {
        let first = machine()
        defer { first.remove() }
        try await first.supervisor.start()
        try await configure(first.supervisor)
        let before = await first.supervisor.view()
        await first.supervisor.stop()
        #expect(first.leftovers == [])
        let second = machine(first.directory)
        try await second.supervisor.start()
        let after = await second.supervisor.view()
        #expect(after.interfaces == before.interfaces)
        #expect(after.routing.staticRouteCount == 40_000)
        #expect(after.changeNumber > before.changeNumber)
        // Ports are what their interfaces say, though the keepers are new.
        #expect(second.transcript("keeper.1.1").contains("setPort 2 mtu(9000)"))
        #expect(second.transcript("keeper.0.1").contains("setPort 1 admin(isUp: true)"))
        _ = try await second.supervisor.apply(.removeRoutes([prefix(0)], nil))
        await second.supervisor.stop()
        let digests = ["worker.0.1", "worker.1.1"].map { worker in
            second.transcript(worker).filter { $0.hasPrefix("tables ") }
        }
        #expect(digests[0].last == digests[1].last)
        #expect(digests[0].count == 2 && digests[0][0] != digests[0][1])
    }

    @Test func whatWasRefusedIsNotThereTheNextTime() async throws {
        let first = machine(rules: "worker 1 * refuse 4")
        defer { first.remove() }
        try await first.supervisor.start()
        _ = try await first.supervisor.apply(.addRoutes([prefix(1)], .drop, replace: true))
        await #expect(throws: ChangeError.self) {
            try await first.supervisor.apply(
                .addRoutes((2..<40_000).map(prefix), .drop, replace: true)
            )
        }
        await #expect(throws: ChangeError.self) {
            try await first.supervisor.apply(
                .removeRoutes((1..<40_000).map(prefix), nil)
            )
        }
        let status = try #require(await first.supervisor.journalStatus())
        #expect(status.records == 1)
        await first.supervisor.stop()
        let second = machine(first.directory)
        try await second.supervisor.start()
        let routes = await second.supervisor.view().routing.staticRoutes
        #expect(routes.map(\.prefix) == [prefix(1)])
        await second.supervisor.stop()
    }

    @Test func whatBelongsToAMissingInterfaceIsKeptAndNamed() async throws {
        let first = machine()
        defer { first.remove() }
        try await first.supervisor.start()
        try await configure(first.supervisor)
        let both = RouteTarget.paths([
            RoutePath(nextHop: nil, interface: "port0"),
            RoutePath(nextHop: nil, interface: "port1"),
        ])
        _ = try await first.supervisor.apply(.addRoutes([prefix(60_000)], both, replace: true))
        let before = await first.supervisor.view()
        await first.supervisor.stop()
        let less = machine(first.directory, nodes: 1)
        try await less.supervisor.start()
        #expect(less.logged("journal-interface-missing interface=port1"))
        #expect(await less.supervisor.view().interfaces.map(\.name) == ["port0"])
        #expect(await less.supervisor.view().routing.staticRouteCount == 20_001)
        let status = try #require(await less.supervisor.journalStatus())
        #expect(status.missingInterfaces == ["port1"] && status.routesAside == 20_001)
        // A snapshot keeps them too.
        #expect(await less.supervisor.journal.compact() == nil)
        await less.supervisor.stop()
        let again = machine(first.directory)
        try await again.supervisor.start()
        let after = await again.supervisor.view()
        #expect(after.interfaces == before.interfaces)
        #expect(
            after.routing.staticRoutes.map(\.target) == before.routing.staticRoutes.map(\.target)
        )
        #expect(await again.supervisor.journalStatus()?.missingInterfaces == [])
        await again.supervisor.stop()
    }

    @Test func aDamagedJournalEndsTheStartAndIsLeftAlone() async throws {
        let first = machine()
        defer { first.remove() }
        try await first.supervisor.start()
        try await configure(first.supervisor)
        await first.supervisor.stop()
        let path = try #require(first.options.stateDirectory) + "/journal"
        var bytes = try #require(try DurableFile.open(path)?.read())
        bytes[JournalFormat.headBytes + 40] ^= 4
        try SmallFile.write(path, bytes: bytes)
        let second = machine(first.directory)
        let error = await #expect(throws: SupervisionError.self) {
            try await second.supervisor.start()
        }
        #expect(error?.description.contains("\(path) is damaged at offset 48") == true)
        #expect(second.leftovers == [])
        #expect(try DurableFile.open(path)?.read() == bytes)
    }

    @Test func startupCommandsAreRunOnce() async throws {
        let first = machine()
        defer { first.remove() }
        try await first.supervisor.start()
        #expect(await first.supervisor.startupCommandsAreDue().areDue)
        #expect(await first.supervisor.startupCommandsAreDue().isConfigured == false)
        _ = try await first.supervisor.apply(.interfaceState(name: "port0", isUp: true))
        await first.supervisor.stop()
        // They were cut short: they go on past what is there.
        let second = machine(first.directory)
        try await second.supervisor.start()
        #expect(await second.supervisor.startupCommandsAreDue() == (true, true))
        let file = first.directory + "/commands"
        let lines = [
            "set interface ip address port0 10.0.0.1/24",
            "set interface ip address port0 10.0.0.1/24",
            "ip route add 20.0.0.0/24 via 10.0.0.2 port0",
            "ip route add 20.0.1.0/24 via 10.0.0.2 port7",
            "ip route add 20.0.2.0/24 via 10.0.0.2 port0",
        ]
        try SmallFile.write(file, lines.map { $0 + "\n" }.joined())
        let outcome = await CommandRunner(dataplane: second.supervisor).run(
            file: file,
            goingOn: true
        )
        #expect(!outcome.isError)
        #expect(outcome.lineFailures.count == 2, "\(outcome.lineFailures)")
        #expect(outcome.lineFailures.first?.hasPrefix("\(file):2: ") == true)
        #expect(outcome.lineFailures.last?.hasPrefix("\(file):4: ") == true)
        #expect(await second.supervisor.view().routing.staticRouteCount == 2)
        await second.supervisor.noteStartupCommands(file: file)
        #expect(await second.supervisor.journal.compact() == nil)
        await second.supervisor.stop()
        let third = machine(first.directory)
        try await third.supervisor.start()
        #expect(await third.supervisor.startupCommandsAreDue().areDue == false)
        await third.supervisor.stop()
    }
}
