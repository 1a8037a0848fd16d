import Testing

@testable import CausewayConfiguration

@Suite struct HandoffLayoutTests {
    @Test func laysEveryRingOutOnceAndWithoutOverlap() throws {
        let machine = try machine("numa:3(memory=16GB) core:4 pu:1")
        let text = """
            schema: 1
            defaults: {handoff-ring: 256}
            nodes: [{node: 0}, {node: 1, lanes: 2}, {node: 2, lanes: 1}]
            """
        let placement = resolve(text, on: machine).placement
        #expect(placement.nodes.map(\.lanes.count) == [3, 2, 1])
        let layout = HandoffLayout(into: placement.nodes[1], of: placement)
        #expect(layout.ringCount == (3 + 1) * 2)
        #expect(layout.ringBytes == 384 + 256 * 64)
        var offsets: [Int] = []
        for (source, lanes) in [(0, 3), (2, 1)] {
            for from in 0..<lanes {
                for to in 0..<2 {
                    offsets.append(
                        try #require(layout.offset(fromNode: source, lane: from, toLane: to))
                    )
                }
            }
        }
        #expect(offsets == (0..<8).map { HandoffLayout.doorbellBytes + $0 * layout.ringBytes })
        #expect(layout.bytes == HandoffLayout.doorbellBytes + 8 * layout.ringBytes)
        #expect(layout.fileBytes(pageBytes: 2 << 20) == 2 << 20)
        #expect(layout.offset(fromNode: 1, lane: 0, toLane: 0) == nil)
        #expect(layout.offset(fromNode: 0, lane: 3, toLane: 0) == nil)
        #expect(layout.offset(fromNode: 0, lane: 0, toLane: 2) == nil)
    }

    @Test func needsNoFileForASingleNode() throws {
        let placement = Placement.resolve(machine: try machine("numa:1 core:4 pu:1")).placement
        let layout = HandoffLayout(into: placement.nodes[0], of: placement)
        #expect(
            layout.ringCount == 0 && layout.bytes == 0 && layout.fileBytes(pageBytes: 2 << 20) == 0
        )
    }

    @Test func hasRoomForTheDoorbellsOfAllLanes() {
        #expect(HandoffLayout.doorbellBytes >= NodePlacement.maximumLanes * 64)
    }
}
