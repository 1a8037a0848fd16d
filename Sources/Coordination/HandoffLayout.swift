/// Where the handoff rings into one NUMA node lie in that node's ring file.
///
/// There is one ring for each pair of a source lane on another node and a destination lane on this
/// one, so each has a single producer and a single consumer. The file starts with a page of
/// doorbells, a line of eight 64-bit words for each destination lane with a bit for each source
/// lane, and a page with the `LaneSignals` of each destination lane. Who writes what:
/// - a ring's producer end and doorbell bits: the source lane, by atomic OR after the ring's
///   publish;
/// - a ring's consumer end: the destination lane, which clears its doorbell words before it drains;
/// - the ring headers, once, before any worker runs: the node's keeper.
public struct HandoffLayout: Hashable, Sendable {
    /// Lanes on the node that the rings lead to.
    public let destinationLanes: Int
    /// Lanes on all other nodes together.
    public let sourceLanes: Int
    /// 64-byte cells of each ring; a power of two.
    public let cells: Int

    /// The version of the file's form and of what a run of cells begins with.
    public static let version: UInt64 = 1
    /// The most lanes a node may have; the doorbell page has a line for each.
    public static let maximumDestinationLanes = 64
    /// The most source lanes; a doorbell line has a bit for each.
    public static let maximumSourceLanes = 512
    /// Bytes of a cell.
    public static let cellBytes = 64
    /// Bytes reserved for a ring's header, which is DPDK's `struct rte_ring`.
    ///
    /// That has 384 bytes in DPDK 22.11; the keeper checks it.
    public static let ringHeaderBytes = 384
    /// Bytes of the pages at the start of the file: doorbells, and the lanes' signals.
    public static let doorbellBytes = 8192

    /// Makes the layout of a node's ring file; both ends make the same one.
    ///
    /// - Parameters:
    ///   - destinationLanes: lanes of the node, at most `maximumDestinationLanes`.
    ///   - sourceLanes: lanes of all other nodes, at most `maximumSourceLanes`.
    ///   - cells: 64-byte cells of each ring, a power of two.
    public init(destinationLanes: Int, sourceLanes: Int, cells: Int) {
        precondition(destinationLanes <= Self.maximumDestinationLanes, "too many lanes on a node")
        precondition(sourceLanes <= Self.maximumSourceLanes, "too many lanes on other nodes")
        precondition(cells > 0 && cells & (cells - 1) == 0, "cells of a ring: a power of two")
        self.destinationLanes = destinationLanes
        self.sourceLanes = sourceLanes
        self.cells = cells
    }

    /// Bytes of one ring.
    public var ringBytes: Int { Self.ringHeaderBytes + cells * Self.cellBytes }

    /// How many rings the file holds.
    public var ringCount: Int { destinationLanes * sourceLanes }

    /// Bytes used in the file; round up to its page size.
    public var byteCount: Int { Self.doorbellBytes + ringCount * ringBytes }

    /// Where the ring from a source lane to a destination lane lies.
    ///
    /// - Parameters:
    ///   - source: the source lane's number among the lanes of all other nodes.
    ///   - destination: the destination lane's number on this node.
    /// - Returns: bytes from the start of the file to the ring's header.
    public func ringOffset(source: Int, destination: Int) -> Int {
        precondition(
            (0..<sourceLanes).contains(source) && (0..<destinationLanes).contains(destination)
        )
        return Self.doorbellBytes + (destination * sourceLanes + source) * ringBytes
    }

    /// Where a destination lane's doorbell line lies, in bytes from the start of the file.
    public func doorbellOffset(destination: Int) -> Int { destination * 64 }

    /// Where a destination lane's `LaneSignals` lie, in bytes from the start of the file.
    public func signalsOffset(destination: Int) -> Int {
        Self.doorbellBytes / 2 + destination * LaneSignals.byteCount
    }
}

/// All lanes of a placement, numbered through: the lanes of the first node, then those of the
/// second...
public struct LaneNumbering: Hashable, Sendable {
    /// The node numbers in the order of the placement.
    public let nodes: [Int]
    /// How many lanes each of them has, in the same order.
    public let laneCounts: [Int]

    /// Makes the numbering of a placement.
    ///
    /// - Parameters:
    ///   - nodes: the node numbers in the order of the placement.
    ///   - laneCounts: how many lanes each has; as many entries.
    public init(nodes: [Int], laneCounts: [Int]) {
        precondition(nodes.count == laneCounts.count)
        self.nodes = nodes
        self.laneCounts = laneCounts
    }

    /// The number of a lane among all lanes.
    public func global(nodePosition: Int, lane: Int) -> Int {
        laneCounts[..<nodePosition].reduce(0, +) + lane
    }

    /// A lane's number among the lanes on nodes other than `destination` (positions in `nodes`).
    public func source(nodePosition: Int, lane: Int, destination: Int) -> Int {
        precondition(nodePosition != destination, "a node has no ring to itself")
        let global = global(nodePosition: nodePosition, lane: lane)
        return nodePosition > destination ? global - laneCounts[destination] : global
    }

    /// The ring layout of the node at a position.
    public func layout(destination: Int, cells: Int) -> HandoffLayout {
        HandoffLayout(
            destinationLanes: laneCounts[destination],
            sourceLanes: laneCounts.reduce(0, +) - laneCounts[destination],
            cells: cells
        )
    }
}
