/// The handoff rings into one node: one for each lane elsewhere and each lane here, in one hugepage file.
///
/// The file begins with a page of doorbells and a page of signals, a cache line a lane of this node in each; the
/// rings follow, sorted by
/// source node, source lane and destination lane. Every process computes the same from the same placement.
public struct HandoffLayout: Hashable, Sendable, Codable {
    /// The node that consumes, by its number.
    public var node: Int
    /// Cells of each ring.
    public var cells: Int
    /// Lanes of the node.
    public var lanes: Int
    /// The nodes that produce, ascending by number, with their lanes.
    public var sources: [Source]

    /// A producing node.
    public struct Source: Hashable, Sendable, Codable {
        /// Its number.
        public var node: Int
        /// How many lanes it has.
        public var lanes: Int

        /// Creates one from its parts.
        public init(node: Int, lanes: Int) {
            self.node = node
            self.lanes = lanes
        }
    }

    /// Bytes of a cell.
    public static let cellBytes = 64
    /// Bytes of a ring's header: three pairs of cache lines.
    public static let ringHeaderBytes = 128 * 3
    /// Bytes before the first ring: two cache lines for each of up to 62 lanes, and room.
    public static let doorbellBytes = 8192

    /// The rings into `node` under `placement`.
    public init(into node: NodePlacement, of placement: Placement) {
        self.node = node.number
        cells = node.handoffRingCells
        lanes = node.lanes.count
        sources = placement.nodes.filter { $0.number != node.number }
            .map { Source(node: $0.number, lanes: $0.lanes.count) }
            .sorted { $0.node < $1.node }
    }

    /// The number of rings.
    public var ringCount: Int { sources.reduce(0) { $0 + $1.lanes } * lanes }

    /// Bytes of each ring, header included; a multiple of 64.
    public var ringBytes: Int {
        (Self.ringHeaderBytes + cells * Self.cellBytes).roundedUp(toMultipleOf: 64)
    }

    /// Bytes of doorbells and rings; 0 when there is no ring.
    public var bytes: Int { ringCount == 0 ? 0 : Self.doorbellBytes + ringCount * ringBytes }

    /// Bytes of the file in pages of `pageBytes`.
    public func fileBytes(pageBytes: Int) -> Int { bytes.roundedUp(toMultipleOf: pageBytes) }

    /// The offset in the file of the ring from a lane of another node to a lane of this one.
    ///
    /// - Returns: bytes from the start of the file; nil when there is no such ring.
    public func offset(fromNode source: Int, lane sourceLane: Int, toLane lane: Int) -> Int? {
        var before = 0
        for candidate in sources {
            guard candidate.node == source else {
                before += candidate.lanes * lanes
                continue
            }
            guard (0..<candidate.lanes).contains(sourceLane), (0..<lanes).contains(lane) else {
                return nil
            }
            return Self.doorbellBytes + (before + sourceLane * lanes + lane) * ringBytes
        }
        return nil
    }
}
