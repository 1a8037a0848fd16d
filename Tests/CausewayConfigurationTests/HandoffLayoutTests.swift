import Coordination
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
        let layout = placement.rings(into: placement.nodes[1])
        #expect(layout.ringCount == (3 + 1) * 2)
        #expect(layout.ringBytes == 384 + 256 * 64)
        let offsets = (0..<4).flatMap { source in
            (0..<2).map { layout.ringOffset(source: source, destination: $0) }
        }
        #expect(
            offsets.sorted() == (0..<8).map { HandoffLayout.doorbellBytes + $0 * layout.ringBytes }
        )
        #expect(layout.usedBytes == HandoffLayout.doorbellBytes + 8 * layout.ringBytes)
        #expect(layout.fileBytes(pageBytes: 2 << 20) == 2 << 20)
    }

    @Test func needsNoFileForASingleNode() throws {
        let placement = Placement.resolve(machine: try machine("numa:1 core:4 pu:1")).placement
        let layout = placement.rings(into: placement.nodes[0])
        #expect(layout.ringCount == 0 && layout.usedBytes == 0)
        #expect(layout.fileBytes(pageBytes: 2 << 20) == 0)
    }

    @Test func refusesMoreLanesThanDoorbellsHaveBits() throws {
        let machine = try machine("numa:12(memory=64GB) core:62 pu:1")
        let resolved = resolve("schema: 1\nhousekeeping: 0\n", on: machine)
        #expect(resolved.placement.nodes.count == 12)
        #expect(resolved.complaints.contains(.tooManyLanes), "\(resolved.findings)")
        #expect(!resolved.isUsable)
    }

    @Test func hasRoomForTheDoorbellsOfAllLanes() {
        #expect(HandoffLayout.doorbellBytes >= NodePlacement.maximumLanes * 64)
        #expect(HandoffLayout.maximumDestinationLanes >= NodePlacement.maximumLanes)
    }
}
