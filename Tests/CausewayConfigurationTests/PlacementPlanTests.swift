import Testing

@testable import CausewayConfiguration

@Suite struct PlacementPlanTests {
    private func plan(_ text: String, on description: String) throws -> PlacementPlan {
        let machine = try machine(description)
        return PlacementPlan(
            of: resolve(text, on: machine).placement,
            on: machine,
            arguments: EALArguments(machine: machine)
        )
    }

    @Test func startsTheSupervisorThenKeepersThenWorkers() throws {
        let plan = try plan("schema: 1\n", on: "numa:2(memory=16GB) core:4 pu:1")
        #expect(plan.processes.map(\.role) == [.supervisor, .keeper, .keeper, .worker, .worker])
        #expect(plan.processes.map(\.node) == [nil, 0, 1, 0, 1])
        #expect(plan.processes.map(\.cpus) == [[0, 4], [0], [4], [0, 1, 2, 3], [4, 5, 6, 7]])
        #expect(plan.processes.map(\.memoryNode) == [nil, 0, 1, 0, 1])
    }

    @Test func addsUpHugepages() throws {
        let plan = try plan(
            "schema: 1\ndefaults: {heap: 80M, spare: yes}\n",
            on: "numa:2(memory=16GB) core:4 pu:1"
        )
        // Nine rings of 384 + 8192 * 64 bytes and a page of doorbells: 4,726,144 bytes, three
        // pages.
        #expect(plan.hugepages.map(\.pages) == [80, 48, 3, 80, 48, 3])
        #expect(plan.totals.map(\.pages) == [131, 131])
        #expect(plan.rings.map(\.count) == [9, 9])
        #expect(plan.processes.map(\.role).filter { $0 == .spare }.count == 2)
        #expect(plan.text.contains("sum   NUMA 1"))
    }

    @Test func countsVirtualNodesOnTheirRealOne() throws {
        let plan = try plan(
            "schema: 1\nnodes: [{node: 0, virtual-of: 0}, {node: 1, virtual-of: 0}]\n",
            on: "numa:1(memory=16GB) core:4 pu:1"
        )
        #expect(plan.totals.count == 1)
        #expect(
            plan.totals[0].pages == 2 * (96 + 48)
                + plan.hugepages.filter { $0.purpose == .rings }.reduce(0) { $0 + $1.pages }
        )
    }
}
