internal import CPlugin
internal import Coordination
internal import PacketBuffers
internal import PacketGraph

/// Calls a plugin's graph node: one indirect call more than a node of the worker's own.
enum PluginNodeRunner: NodeRunner {
    /// A lane's node.
    private struct State {
        let process: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<cw_frame>) -> Void
        let state: UnsafeMutableRawPointer?
        let errors: UnsafeMutablePointer<UInt64>
        let lane: UInt16
    }

    /// Runs the node on a frame.
    static func run(_ call: NodeCall) {
        let node = call.state.assumingMemoryBound(to: State.self)
        var frame = cw_frame(
            packets: UnsafeMutableRawPointer(call.mbufs).assumingMemoryBound(
                to: UnsafeMutableRawPointer.self
            ),
            nexts: call.nexts,
            counters: node.pointee.errors + Int(call.errorBase),
            count: UInt32(truncatingIfNeeded: call.count),
            first_error: call.errorBase,
            lane: node.pointee.lane
        )
        node.pointee.process(node.pointee.state, &frame)
    }

    /// Adds a node to a lane's graph.
    static func add(
        _ node: LoadedPlugin.Node,
        of plugin: LoadedPlugin,
        to graph: inout GraphBuilder,
        block: LaneBlock,
        lane: Int
    ) throws(GraphError) {
        let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
        state.initialize(
            to: State(
                process: node.process,
                state: plugin.makeState(node, lane: lane),
                errors: block.errors,
                lane: UInt16(lane)
            )
        )
        try graph.add(
            runner: PluginNodeRunner.self,
            state: UnsafeMutableRawPointer(state),
            name: node.name,
            targets: node.exits.map { $0 == "next" ? node.arc ?? $0 : $0 },
            errors: node.reasons,
            informational: node.informational
        )
    }
}
