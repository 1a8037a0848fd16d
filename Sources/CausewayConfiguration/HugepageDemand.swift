internal import Coordination

/// Hugepages that one purpose takes.
public struct HugepageDemand: Hashable, Sendable, Codable {
    /// What hugepages are for.
    public enum Purpose: String, Hashable, Sendable, Codable, CaseIterable {
        /// A worker's own heap; two with a spare.
        case heap
        /// DPDK's memory.
        case eal
        /// The handoff rings into a node.
        case rings
    }

    /// The number of the node that takes them.
    public var node: Int
    /// The operating system's number of the node that they lie on.
    public var realNode: Int
    /// What they are for.
    public var purpose: Purpose
    /// Bytes of a page.
    public var pageBytes: Int
    /// How many.
    public var pages: Int

    /// Bytes of all pages.
    public var bytes: Int { pages * pageBytes }

    /// Creates one from its parts.
    public init(node: Int, realNode: Int, purpose: Purpose, pageBytes: Int, pages: Int) {
        self.node = node
        self.realNode = realNode
        self.purpose = purpose
        self.pageBytes = pageBytes
        self.pages = pages
    }

    /// What a placement takes, by node and purpose; purposes that take none are left out.
    public static func all(of placement: Placement) -> [HugepageDemand] {
        placement.nodes.flatMap { node -> [HugepageDemand] in
            let rings = placement.rings(into: node)
            let bytes: [(Purpose, Int)] = [
                (.heap, node.heapBytes * node.heapCopies),
                (.eal, node.ealBytes),
                (.rings, rings.usedBytes),
            ]
            return bytes.filter { $0.1 > 0 }.map { purpose, bytes in
                HugepageDemand(
                    node: node.number,
                    realNode: node.realNode,
                    purpose: purpose,
                    pageBytes: node.hugepageBytes,
                    pages: bytes.roundedUp(toMultipleOf: node.hugepageBytes) / node.hugepageBytes
                )
            }
        }
    }
}
