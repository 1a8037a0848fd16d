/// How a `causeway-node` process was started.
public struct NodeArguments: Sendable {
    /// The NUMA node's number in the placement, 0...31.
    public var node: Int
    /// Counts the lives of this role on this node, from 1.
    public var incarnation: UInt32
    /// The listening socket that the supervisor bound and passed on.
    public var listener: Int32
    /// Arguments for DPDK's environment, without a program name.
    public var environment: [String]
    /// Where a report goes if the process crashes; nil: nowhere.
    public var crashFile: String?

    /// Makes the arguments; `causeway-node` reads them from its command line.
    public init(
        node: Int,
        incarnation: UInt32,
        listener: Int32,
        environment: [String],
        crashFile: String? = nil
    ) {
        self.node = node
        self.incarnation = incarnation
        self.listener = listener
        self.environment = environment
        self.crashFile = crashFile
    }
}
