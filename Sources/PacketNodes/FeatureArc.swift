internal import PacketBuffers
public import PacketGraph

/// `ip4-unicast`: leads each packet through the features of the interface that it came in on, one after the
/// other, and then to the lookup.
///
/// Only packets of interfaces with features get here: `ethernet-input` sends them to an instance of
/// `ip4-input` of their own, so that all others pay nothing. A feature sends what it lets pass back here;
/// `Mbuf.adjacency`, which nobody needs before the lookup, counts how far a packet has come.
public enum FeatureArc: NodeRunner {
    /// The graph node's name.
    public static let name = "ip4-unicast"
    /// The `ip4-input` before it.
    public static let inputName = "ip4-input-features"
    /// The most features, a bit each.
    public static let maximumFeatures = 64

    /// Adds the arc and its `ip4-input`.
    ///
    /// - Parameters:
    ///   - builder: the lane's graph; the features' nodes are the caller's to add.
    ///   - context: the lane's.
    ///   - features: the names of their nodes, in the order in which packets pass them.
    /// - Throws: when the graph has one of them already.
    static func add(
        to builder: inout GraphBuilder,
        context: UnsafeMutablePointer<LaneContext>,
        features: [String]
    ) throws(GraphError) {
        try builder.add(
            IPv4Input(context: context),
            name: inputName,
            redirecting: [IPv4Lookup.name: name]
        )
        try builder.add(
            runner: FeatureArc.self,
            state: UnsafeMutableRawPointer(context),
            name: name,
            targets: [IPv4Lookup.name] + features
        )
    }

    /// Sends each packet to its next feature.
    public static func run(_ call: NodeCall) {
        let context = call.state.assumingMemoryBound(to: LaneContext.self)
        let tables = context.pointee.tables.pointee
        var index = 0
        while index < call.count {
            let mbuf = call.mbufs[index]
            let passed = UInt64(truncatingIfNeeded: mbuf.adjacency)
            let features = tables.interface(mbuf.rxInterface).pointee.features
            // A shift by 64 and more gives 0.
            let left = features >> passed
            if left == 0 {
                mbuf.adjacency = 0
                call.nexts[index] = 0
            } else {
                let feature = Int(truncatingIfNeeded: passed) &+ left.trailingZeroBitCount
                mbuf.adjacency = UInt32(truncatingIfNeeded: feature &+ 1)
                call.nexts[index] = UInt16(truncatingIfNeeded: feature &+ 1)
            }
            index &+= 1
        }
    }
}
