internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import MainLoop
internal import PacketBuffers
internal import PacketGraph
internal import PacketNodes

/// Puts a lane's graph together: inputs, protocol nodes, a transmit node a port, the handoff.
struct LaneBuilder {
    let configuration: WorkerConfiguration
    let segment: WorkerSegment
    let context: UnsafeMutablePointer<LaneContext>
    let ports: PortWiring
    let handoff: HandoffWiring
    let lane: Int
    /// Where the lane's packet generator finds its streams.
    let generator: GeneratorFeed
    /// Where the lane calls its control lane.
    let mailbox: ControlMailbox
    let plugins: PluginSet
    /// The lane's ring of the event log.
    let events: EventWriter
    /// Where the lane writes what it sees of single packets; nil: it does not look at them.
    let tracing: TraceLane?

    /// Builds the graph; lane 0's writes the name tables of the segment, which are the same for
    /// all.
    ///
    /// - Returns: the lane, and its graph as `text(of:_:)` describes it.
    /// - Throws: what does not fit together.
    func build() throws(GraphError) -> (lane: UnsafeMutablePointer<LaneState>, graph: String) {
        let lanes = configuration.laneCPUs.count
        var graph = GraphBuilder()
        let outputs = UnsafeMutablePointer<UInt16>.allocate(
            capacity: ForwardingTables.interfaceLimit
        )
        outputs.initialize(repeating: 0, count: ForwardingTables.interfaceLimit)
        let held = try ProtocolNodes.add(
            to: &graph,
            context: context,
            outputNodes: outputs,
            generator: generator,
            features: plugins.featureNodes
        )
        let handoffInput = HandoffInput(
            context: context,
            doorbells: handoff.doorbells(of: lane),
            sources: handoff.sources(of: lane),
            localBells: handoff.bell(of: lane),
            localRings: handoff.localRings(to: lane)
        )
        try graph.addInput(handoffInput)
        let queues = ports.dpdkQueues(lane: lane, of: lanes)
        try graph.addInput(DpdkInput(context: context, queues: queues))
        let taps = ports.tapQueues(lane: lane, of: lanes)
        try graph.addInput(TapInput(context: context, queues: taps))
        try graph.add(
            HandoffOutput(
                context: context,
                destinations: handoff.destinations(from: lane),
                laneOfNode: handoff.laneOfNode(from: lane),
                peersUp: segment.pointer(.peersUp)
            )
        )
        try addTransmitters(to: &graph)
        try plugins.addNodes(to: &graph, block: segment.lane(lane), lane: lane)
        wire(outputs, graph.description)
        let names = graph.description.names
        if lane == 0 { segment.writeNames(nodes: names.nodes, errors: names.errors) }
        let nodes = nodes(graph.description, dpdk: queues, taps)
        let text = Self.text(of: graph.description, outputs)
        let made = try graph.build(
            block: segment.lane(lane),
            pool: context.pointee.pool,
            events: events,
            tracing: tracing,
            lane: lane
        )
        return (state(graph: made, handoffInput, nodes: nodes, taps, held), text)
    }

    /// The graph as the supervisor reads it: a line a node, its name, `input` or `internal`, and the names of the
    /// nodes that it sends packets to, with tabs between and commas between names.
    ///
    /// - Parameters:
    ///   - description: of the graph.
    ///   - outputs: by interface, the graph index of the node that `interface-output` sends its packets to.
    /// - Returns: the lines.
    private static func text(
        of description: GraphDescription,
        _ outputs: UnsafePointer<UInt16>
    ) -> String {
        description.entries.map { entry in
            var targets: [String] = []
            for target in entry.targets where !targets.contains(target) { targets.append(target) }
            if entry.name == InterfaceOutput.name {
                for interface in 0..<ForwardingTables.interfaceLimit {
                    let index = Int(outputs[interface])
                    guard index < description.entries.count else { continue }
                    let name = description.entries[index].name
                    if !targets.contains(name) { targets.append(name) }
                }
            }
            let kind = entry.isInput ? "input" : "internal"
            return "\(entry.name)\t\(kind)\t\(targets.joined(separator: ","))"
        }.joined(separator: "\n")
    }

    private func addTransmitters(to graph: inout GraphBuilder) throws(GraphError) {
        for port in ports.ports {
            let name = port.configuration.name + "-tx"
            switch port.access {
            case .dpdk(let number):
                try graph.add(
                    DpdkOutput(
                        context: context,
                        port: number,
                        queue: UInt16(lane),
                        interface: port.configuration.interface
                    ),
                    name: name
                )
            case .tap(let descriptors):
                let queue = TapQueue(
                    descriptor: descriptors[lane % descriptors.count],
                    interface: port.configuration.interface,
                    queue: UInt16(lane % descriptors.count)
                )
                try graph.add(TapOutput(context: context, queue: queue), name: name)
            }
        }
    }

    /// Local ports lead to their transmit nodes, all other interfaces to the handoff.
    private func wire(_ outputs: UnsafeMutablePointer<UInt16>, _ description: GraphDescription) {
        let remote = UInt16(description.index(of: HandoffOutput.name) ?? 0)
        for interface in 0..<ForwardingTables.interfaceLimit { outputs[interface] = remote }
        outputs[0] = UInt16(description.index(of: "error-drop") ?? 0)
        for port in ports.ports {
            if let node = description.index(of: port.configuration.name + "-tx") {
                outputs[Int(port.configuration.interface)] = UInt16(node)
            }
        }
    }

    /// The lane's clock, which goes by the worker's time base, and its wheel.
    private var timers: LaneTimers {
        let tsc = timestamp()
        let fallback = TimeBase(
            anchorTSC: tsc,
            anchorNanoseconds: 0,
            hertz: Double(context.pointee.hertz)
        )
        let published = PublishedTimeBase(segment.pointer(.timeBase))
        return LaneTimers(clock: LaneClock(published, fallback: fallback), tsc: tsc)
    }

    private func nodes(
        _ description: GraphDescription,
        dpdk: [DpdkQueue],
        _ taps: [TapQueue]
    ) -> LaneNodes {
        func index(_ name: String) -> Int { description.index(of: name) ?? 0 }
        func list(_ queues: [LaneQueue]) -> UnsafeMutablePointer<LaneQueue> {
            let list = UnsafeMutablePointer<LaneQueue>.allocate(capacity: max(1, queues.count))
            list.initialize(from: queues, count: queues.count)
            return list
        }
        return LaneNodes(
            handoff: index(HandoffInput.name),
            dpdk: index(DpdkInput.name),
            tap: index(TapInput.name),
            generator: index(GeneratorInput.name),
            hold: index(ARPHoldInput.name),
            dpdkQueues: list(dpdk.map { LaneQueue(interface: $0.interface, queue: $0.queue) }),
            dpdkCount: dpdk.count,
            tapQueues: list(taps.map { LaneQueue(interface: $0.interface, queue: $0.queue) }),
            tapCount: taps.count
        )
    }

    private var threadName: String {
        "\(configuration.lanes.threadPrefix)-n\(configuration.node)-l\(lane)"
    }

    private func state(
        graph: LaneGraph,
        _ handoffInput: HandoffInput,
        nodes: LaneNodes,
        _ taps: [TapQueue],
        _ held: HeldPackets
    ) -> UnsafeMutablePointer<LaneState> {
        let words = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
            .bindMemory(to: UInt64.self, capacity: 16)
        words.initialize(repeating: 0, count: 16)
        let waker = handoff.waker(of: lane)
        context.pointee.holdNode = nodes.hold
        context.pointee.timers = timers
        let name = Array(threadName.utf8CString.prefix(15)) + [0]
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: name.count)
        text.initialize(from: name, count: name.count)
        let state = UnsafeMutablePointer<LaneState>.allocate(capacity: 1)
        state.initialize(
            to: LaneState(
                graph: graph,
                context: context,
                block: segment.lane(lane),
                controls: LaneControls(segment),
                barrier: LaneBarrier(segment, lane: lane),
                stopAsked: words,
                stopped: words + 8,
                quiet: (turns: words + 9, packets: words + 10),
                bed: LaneBed(
                    signals: waker.signals,
                    wakeup: waker.descriptor,
                    devices: taps.map(\.descriptor)
                ),
                handoff: handoffInput,
                held: held,
                generator: generator,
                nodes: nodes,
                mailbox: mailbox,
                clockZero: segment.load(.clockZero),
                name: text,
                events: events,
                signalStack: CrashReport.makeStack()
            )
        )
        return state
    }
}
