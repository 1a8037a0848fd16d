/// Why a forwarding table refuses a change.
public enum ForwardingError: Error, Hashable, CustomStringConvertible {
    /// The node's heap has no room for what the change needs.
    ///
    /// `applied` routes of a bulk were taken before this one; the table is as it was for all others.
    case heapFull(neededBytes: Int, freeBytes: Int, applied: Int)
    /// A length above 32, host bits in the network, or a leaf of more than 24 bits.
    case invalidRoute(prefix: UInt32, length: Int, leaf: UInt32)

    /// What is wrong and what to change.
    public var description: String {
        switch self {
        case .heapFull(let needed, let free, let applied):
            "the NUMA node's heap is full: \(needed) bytes needed in one piece, \(free) bytes free in all "
                + "(\(applied) routes of this change were taken); give the node a larger heap in the "
                + "topology file or take routes out"
        case .invalidRoute(let prefix, let length, let leaf):
            "\(prefix >> 24).\(prefix >> 16 & 255).\(prefix >> 8 & 255).\(prefix & 255)/\(length) with leaf "
                + "\(leaf) is no route: the length is 0...32, host bits are zero, a leaf has 24 bits"
        }
    }
}
