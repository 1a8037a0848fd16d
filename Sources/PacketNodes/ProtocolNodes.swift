internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// The graph nodes that do not depend on ports, in one fixed order.
public enum ProtocolNodes {
    /// Adds them to a lane's graph.
    ///
    /// The graph is complete with `worker-handoff`, port inputs and transmit nodes, which the
    /// caller adds after these, so that reason 0 of the worker's table is `error-drop`'s.
    ///
    /// - Parameters:
    ///   - builder: an empty graph.
    ///   - context: the lane's.
    ///   - outputNodes: see `InterfaceOutput.init`.
    ///   - generator: where the lane's `pg-input` finds its streams.
    ///   - features: the names of the nodes on `ip4-unicast`, which the caller adds.
    /// - Returns: the packets that will wait for neighbours.
    /// - Throws: when the graph has one of them, or too many nodes.
    @discardableResult
    public static func add(
        to builder: inout GraphBuilder,
        context: UnsafeMutablePointer<LaneContext>,
        outputNodes: UnsafeMutablePointer<UInt16>,
        generator: GeneratorFeed = GeneratorFeed(),
        features: [String] = []
    ) throws(GraphError) -> HeldPackets {
        let hold = UnsafeMutablePointer<NeighbourHold>.allocate(capacity: 1)
        hold.initialize(
            to: NeighbourHold(hertz: context.pointee.hertz, block: context.pointee.block)
        )
        try builder.add(ErrorDrop(context: context))
        let fused = UnsafeMutablePointer<FusedNodes>.allocate(capacity: 1)
        fused.initialize(to: FusedNodes())
        let fastPath = IPv4FastPath(context: context, outputNodes: outputNodes, nodes: fused)
        try builder.add(EthernetInput(context: context, fastPath: fastPath))
        try builder.add(ARPInput(context: context))
        try builder.add(IPv4Input(context: context))
        try builder.add(IPv4Lookup(context: context))
        try builder.add(IPv4Rewrite(context: context))
        try builder.add(IPv4Fragment(context: context))
        try builder.add(IPv4Local(context: context))
        try builder.add(ICMPEchoRequest(context: context))
        try builder.add(ICMPError(context: context))
        try builder.add(IPv4ARP(context: context, hold: hold))
        try builder.add(IPv4Glean(context: context, hold: hold))
        try builder.add(InterfaceOutput(context: context, outputNodes: outputNodes))
        fused.pointee = FusedNodes(builder.description)
        try FeatureArc.add(to: &builder, context: context, features: features)
        try builder.addInput(GeneratorInput(context: context, feed: generator))
        try builder.addInput(ARPHoldInput(context: context, hold: hold))
        return HeldPackets(hold)
    }
}
