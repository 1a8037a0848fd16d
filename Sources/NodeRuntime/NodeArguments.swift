/// How a `causeway-node` process was started.
public struct NodeArguments: Sendable {
    /// The NUMA node's number in the placement.
    public var node: Int
    /// Counts the lives of this role on this node, from 1.
    public var incarnation: UInt32
    /// The listening socket that the supervisor bound and passed on.
    public var listener: Int32
    /// For DPDK's environment.
    public var environment: [String]

    /// Makes a value of its parts.
    public init(node: Int, incarnation: UInt32, listener: Int32, environment: [String]) {
        self.node = node
        self.incarnation = incarnation
        self.listener = listener
        self.environment = environment
    }
}

/// The version of this build; both ends of a connection show theirs.
public let buildVersion = "0.1.0"
