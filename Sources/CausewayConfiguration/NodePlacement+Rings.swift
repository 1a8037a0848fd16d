internal import Coordination

extension Placement {
    /// The handoff rings into `node`: one from each lane elsewhere to each lane there.
    func rings(into node: NodePlacement) -> HandoffLayout {
        // Beyond the limits there is a finding, and nothing is started.
        HandoffLayout(
            destinationLanes: min(node.lanes.count, HandoffLayout.maximumDestinationLanes),
            sourceLanes: min(sourceLanes(of: node), HandoffLayout.maximumSourceLanes),
            cells: node.handoffRingCells
        )
    }

    /// How many lanes all other nodes have together.
    func sourceLanes(of node: NodePlacement) -> Int {
        nodes.reduce(0) { $1.number == node.number ? $0 : $0 + $1.lanes.count }
    }

    /// The lanes of the other nodes, whose order is that of the rings.
    func ringSources(of node: NodePlacement) -> [[Int]] {
        nodes.filter { $0.number != node.number }.map { [$0.number, $0.lanes.count] }
    }
}

extension HandoffLayout {
    /// Bytes of doorbells and rings; 0 when there is no ring.
    var usedBytes: Int { ringCount == 0 ? 0 : byteCount }

    /// Bytes of the file in pages of `pageBytes`; 0 when there is no ring.
    func fileBytes(pageBytes: Int) -> Int { usedBytes.roundedUp(toMultipleOf: pageBytes) }
}
