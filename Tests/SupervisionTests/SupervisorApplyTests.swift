import CausewayConfiguration
import ControlProtocol
import Coordination
import Foundation
import LinuxSystem
import Testing

@testable import Supervision

@Suite struct ApplyPlanTests {
    private let old = SupervisedMachine.placement(nodes: 2, restart: RestartPolicy())

    private func steps(_ change: (inout Placement) -> Void) throws -> [String] {
        var new = old
        change(&new)
        return try ApplyPlan(from: old, to: new).steps.map { "\($0.number) \($0.way.rawValue)" }
    }

    @Test func restartsOnlyWhatMustAndTheQuietOnesFirst() throws {
        #expect(try steps { _ in } == ["0 keep", "1 keep"])
        #expect(try steps { $0.nodes[1].hasSpare = true } == ["0 keep", "1 adjust"])
        #expect(try steps { $0.nodes[1].heapBytes *= 2 } == ["0 keep", "1 planned"])
        #expect(try steps { $0.nodes[0].lanes = [5] } == ["1 keep", "0 planned"])
        #expect(try steps { $0.nodes[0].ports[0].mtu = 9000 } == ["1 keep", "0 whole"])
        let both = try steps {
            $0.nodes[0].poolBuffers = 4096
            $0.nodes[1].heapBytes *= 2
        }
        #expect(both == ["1 planned", "0 whole"])
    }

    @Test func anotherRingLayoutRestartsAllEndsWhole() throws {
        #expect(try steps { $0.nodes[1].lanes = [1, 2] } == ["0 whole", "1 whole"])
        #expect(try steps { $0.nodes[0].handoffRingCells = 128 } == ["0 whole", "1 whole"])
        var new = old
        new.nodes[1].lanes = [1, 2]
        #expect(try ApplyPlan(from: old, to: new).changesRings)
        // Without another node there is no ring.
        let alone = Placement(housekeeping: [0], nodes: [old.nodes[0]])
        var wider = alone
        wider.nodes[0].lanes = [0, 1]
        let plan = try ApplyPlan(from: alone, to: wider)
        #expect(!plan.changesRings && plan.steps.map(\.way) == [.whole])
    }

    @Test func interfacesThatStayKeepTheirIndices() throws {
        var new = old
        var port = new.nodes[0].ports[0]
        port.name = "added"
        // As a start numbers them: in the order of the file.
        new.nodes[0].ports.insert(port, at: 0)
        new.nodes[0].ports[1].interfaceIndex = 2
        new.nodes[1].ports[0].interfaceIndex = 3
        let plan = try ApplyPlan(from: old, to: new)
        #expect(plan.placement.nodes[0].ports.map(\.interfaceIndex) == [3, 1])
        #expect(plan.placement.nodes[1].ports.map(\.interfaceIndex) == [2])
        #expect(plan.steps.map { "\($0.number) \($0.way)" } == ["1 keep", "0 whole"])
    }

    @Test func refusesWhatNeedsAStartOfEverything() {
        let changes: [((inout Placement) -> Void, String)] = [
            ({ $0.nodes.removeLast() }, "node 1 is no longer placed"),
            ({ $0.nodes[1].number = 7 }, "node 7 is new; node 1 is no longer placed"),
            ({ $0.housekeeping = [3] }, "housekeeping: 0 -> 3"),
            ({ $0.nodes[1].ports = [] }, "port port1 is taken out"),
            (
                {
                    $0.nodes[0].ports += $0.nodes[1].ports; $0.nodes[1].ports = []
                }, "port port1 moves to node 0"
            ),
        ]
        for (change, reason) in changes {
            let error = #expect(throws: ChangeError.self) { try steps(change) }
            #expect(error?.description.contains(reason) == true, "\(error.map { "\($0)" } ?? "")")
            let remedy = "stop Causeway and start it with that file"
            #expect(error?.description.contains(remedy) == true)
        }
    }
}

/// Changes of the topology, over fake nodes.
@Suite(.timeLimit(.minutes(4)))
struct SupervisorApplyTests {
    /// The files are names of changes.
    private func machine(
        rules: String = "",
        nodes: Int = 2,
        _ changes: [String: @Sendable (inout Placement) -> Void]
    ) -> SupervisedMachine {
        SupervisedMachine(rules: rules, nodes: nodes) { options in
            let placement = options.placement
            options.topologyPath = "/start"
            options.resolveTopology = { path, _ in
                var new = placement
                guard let change = changes[path] else {
                    let finding = Finding(.syntax, .error, "\(path):3:1 it is not YAML")
                    return TopologyResolution(placement: placement, findings: [finding])
                }
                change(&new)
                return TopologyResolution(placement: new, findings: [])
            }
        }
    }

    private func processes(_ machine: SupervisedMachine, _ node: Int) async throws -> [Int32?] {
        let status = try #require(await machine.status(node))
        return [status.keeperPID, status.workerPID]
    }

    @Test func anotherHeapRestartsItsWorkerAloneAsPlanned() async throws {
        let machine = machine(["/heap": { $0.nodes[1].heapBytes = 4 << 20 }])
        defer { machine.remove() }
        try await machine.supervisor.start()
        let before = try await [processes(machine, 0), processes(machine, 1)]
        let check = try await machine.supervisor.apply(topology: "/heap", isCheck: true)
        #expect(!check.isApplied && check.nodes.map(\.action) == [.keep, .planned])
        #expect(try await processes(machine, 1) == before[1])
        let report = try await machine.supervisor.apply(topology: "/heap", isCheck: false)
        #expect(report.isApplied && report.nodes[1].incarnation == 2)
        #expect(report.nodes[1].gapMicroseconds == 42)
        #expect(
            report.notes == ["the next start reads /start, not /heap: copy it there to keep it"]
        )
        let now = try await [processes(machine, 0), processes(machine, 1)]
        #expect(now[0] == before[0] && now[1][0] == before[1][0] && now[1][1] != before[1][1])
        #expect(await machine.supervisor.view().placement.nodes[1].heapBytes == 4 << 20)
        // A supervisor that takes over goes on with it, and one that starts does not.
        let directory = machine.options.runtimeDirectory
        let applied = AppliedTopology.read(runtimeDirectory: directory)
        #expect(applied?.placement.nodes[1].heapBytes == 4 << 20)
        let again = try await machine.supervisor.apply(topology: "/heap", isCheck: false)
        #expect(!again.isApplied && again.text.hasSuffix("nothing to change\n"))
        await machine.supervisor.stop()
        #expect(AppliedTopology.read(runtimeDirectory: directory) == nil)
        #expect(machine.leftovers == [])
    }

    @Test func aNewPortRestartsItsNodeWholeAndInterfacesKeepTheirConfiguration() async throws {
        let machine = machine([
            "/port": {
                var port = $0.nodes[0].ports[0]
                (port.name, port.device) = ("added", "cwx")
                $0.nodes[0].ports.insert(port, at: 0)
                $0.nodes[0].ports[1].interfaceIndex = 2
                $0.nodes[1].ports[0].interfaceIndex = 3
            }
        ])
        defer { machine.remove() }
        try await machine.supervisor.start()
        for port in ["port0", "port1"] {
            _ = try await machine.supervisor.apply(.interfaceState(name: port, isUp: true))
        }
        let before = try await processes(machine, 1)
        let report = try await machine.supervisor.apply(topology: "/port", isCheck: false)
        #expect(
            report.nodes.map(\.numaNode) == [1, 0] && report.nodes.map(\.action) == [.keep, .whole]
        )
        #expect(try await processes(machine, 1) == before)
        #expect(machine.transcript("keeper.0.2").contains("setPort 1 admin(isUp: true)"))
        let interfaces = await machine.supervisor.view().interfaces
        #expect(interfaces.map(\.name) == ["port0", "port1", "added"])
        #expect(interfaces.map(\.isUp) == [true, true, false])
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func anotherNumberOfLanesLaysTheRingsAnewAndRestartsBothEnds() async throws {
        let machine = machine(["/lanes": { $0.nodes[1].lanes = [1, 2] }])
        defer { machine.remove() }
        try await machine.supervisor.start()
        let rings = machine.directory + "/huge/test-handoff-n0"
        func identity() throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: rings)[.systemFileNumber] as? Int
        }
        let before = try identity()
        let report = try await machine.supervisor.apply(topology: "/lanes", isCheck: false)
        #expect(report.nodes.map(\.action) == [.whole, .whole])
        #expect(report.notes.contains { $0.contains("rings between the nodes are laid out anew") })
        #expect(try identity() != before)
        for node in 0..<2 {
            let status = try #require(await machine.status(node))
            #expect(status.workerState == .forwarding && status.incarnation == 2)
            #expect(status.segment?.laneCount == node + 1)
            await machine.until { await machine.status(node)?.segment?.load(.peersUp) == 0b11 }
        }
        #expect(!machine.logged("worker-died"))
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test(arguments: ["keeper 1 2 exit-at ready 70", "worker 1 2 exit-at ready 70"])
    func aNodeThatDoesNotComeUpTakesEverythingBack(rule: String) async throws {
        let machine = machine(
            rules: rule,
            [
                "/both": {
                    $0.nodes[0].heapBytes = 4 << 20
                    $0.nodes[1].poolBuffers = 2048
                }
            ]
        )
        defer { machine.remove() }
        try await machine.supervisor.start()
        _ = try await machine.supervisor.apply(.interfaceState(name: "port1", isUp: true))
        let old = await machine.supervisor.view().placement
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(topology: "/both", isCheck: false)
        }
        let text = error?.description ?? ""
        #expect(
            text.contains("node 1 does not come up") && text.contains("exit status 70"),
            "\(text)"
        )
        #expect(
            text.hasSuffix("rolled back: node 1 runs as before; node 0 runs as before"),
            "\(text)"
        )
        for node in 0..<2 {
            let status = try #require(await machine.status(node))
            #expect(status.workerState == .forwarding && status.reason.isEmpty)
            await machine.until { await machine.status(node)?.segment?.load(.peersUp) == 0b11 }
        }
        #expect(await machine.supervisor.view().placement == old)
        #expect(machine.transcript("keeper.1.3").contains("setPort 2 admin(isUp: true)"))
        let directory = machine.options.runtimeDirectory
        #expect(AppliedTopology.read(runtimeDirectory: directory) == nil)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aFileWithErrorsChangesNothing() async throws {
        let machine = machine([:])
        defer { machine.remove() }
        try await machine.supervisor.start()
        let before = try await [processes(machine, 0), processes(machine, 1)]
        let error = await #expect(throws: ChangeError.self) {
            try await machine.supervisor.apply(topology: "/broken", isCheck: false)
        }
        let text = "error[topology.syntax]: /broken:3:1 it is not YAML\nnothing was changed"
        #expect(error?.description == text)
        let now = try await [processes(machine, 0), processes(machine, 1)]
        #expect(now == before)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    @Test func aSpareCanBeHadAndGivenUp() async throws {
        let machine = machine([
            "/spare": { $0.nodes[0].hasSpare = true }, "/none": { $0.nodes[0].hasSpare = false },
        ])
        defer { machine.remove() }
        try await machine.supervisor.start()
        let before = try await processes(machine, 0)
        _ = try await machine.supervisor.apply(topology: "/spare", isCheck: false)
        await machine.until { await machine.status(0)?.spareState == .ready }
        _ = try await machine.supervisor.apply(topology: "/none", isCheck: false)
        #expect(await machine.status(0)?.sparePID == nil)
        #expect(try await processes(machine, 0) == before)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }
}
