import Testing

@testable import CausewayConfiguration

@Suite struct PlacementDifferenceTests {
    private func actions(_ old: String, _ new: String) throws -> [PlacementDifference.Action] {
        try difference(old, new).nodes.map(\.action)
    }

    private func difference(_ old: String, _ new: String) throws -> PlacementDifference {
        let machine = try machine("numa:2(memory=16GB) core:4 pu:1")
        func placement(_ nodes: String) -> Placement {
            resolve("schema: 1\nnodes: [\(nodes)]\n", on: machine).placement
        }
        return PlacementDifference(from: placement(old), to: placement(new))
    }

    @Test func findsNothingBetweenEquals() throws {
        let difference = try difference("{node: 0}, {node: 1}", "{node: 0}, {node: 1}")
        #expect(difference.nodes.map(\.action) == [.keep, .keep])
        #expect(!difference.disturbsPackets)
        #expect(difference.text.contains("no node restarts"))
    }

    @Test(arguments: [
        ("{node: 1, heap: 256M}", PlacementDifference.Action.restartWorker),
        ("{node: 1, buffers: 20000}", .restartNode),
        ("{node: 1, eal-memory: 128M}", .restartNode),
        ("{node: 1, control-cpu: 5}", .restartNode),
        ("{node: 1, ports: [{tap: t}]}", .restartNode),
        ("{node: 1, restart: {max: 1}}", .adjust),
        ("{node: 1, spare: yes}", .adjust),
    ])
    func restartsNoMoreThanTheChangeNeeds(
        change: String,
        expected: PlacementDifference.Action
    ) throws {
        let difference = try difference("{node: 0}, {node: 1}", "{node: 0}, \(change)")
        #expect(difference.nodes[1].action == expected)
        #expect(!difference.nodes[1].reasons.isEmpty)
        #expect(difference.nodes[0].action == .keep)
    }

    @Test func restartsWorkersOnBothEndsOfRings() throws {
        #expect(
            try actions("{node: 0}, {node: 1}", "{node: 0}, {node: 1, handoff-ring: 4096}")
                == [.restartWorker, .restartWorker]
        )
        #expect(
            try actions("{node: 0}, {node: 1}", "{node: 0, lanes: 2}, {node: 1}")
                == [.restartWorker, .restartWorker]
        )
    }

    @Test func startsAndStopsNodes() throws {
        #expect(try actions("{node: 0}", "{node: 0}, {node: 1}") == [.restartWorker, .start])
        #expect(try actions("{node: 0}, {node: 1}", "{node: 1}") == [.stop, .restartWorker])
    }

    @Test func saysWhatChangesOfAPort() throws {
        let difference = try difference(
            "{node: 0, ports: [{tap: a}]}",
            "{node: 0, ports: [{tap: a, mtu: 1400}]}"
        )
        #expect(difference.nodes[0].reasons == ["port a: mtu 1500 -> 1400"])
    }
}
