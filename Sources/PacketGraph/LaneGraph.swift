public import PacketBuffers

/// A lane's running graph: lives until the process ends, touched by the lane's thread alone.
///
/// Plain pointers only, so that using it in the loop touches no reference count.
public struct LaneGraph {
    /// The frames in motion; a stable address.
    public let dispatcher: UnsafeMutablePointer<DispatcherState>
    @usableFromInline let inputs: UnsafeMutablePointer<Input>
    @usableFromInline let inputCount: Int

    /// An input node's place.
    @frozen @usableFromInline
    struct Input {
        @usableFromInline let runner: any InputRunner.Type
        @usableFromInline let node: UInt16

        init(runner: any InputRunner.Type, node: UInt16) {
            self.runner = runner
            self.node = node
        }
    }

    init(dispatcher: UnsafeMutablePointer<DispatcherState>, inputs: [Input]) {
        self.dispatcher = dispatcher
        self.inputs = .allocate(capacity: max(1, inputs.count))
        self.inputs.initialize(
            from: inputs.isEmpty ? [] : inputs,
            count: inputs.count
        )
        inputCount = inputs.count
    }

    /// Polls every input node once.
    ///
    /// - Returns: how many packets came in.
    @inlinable
    public func pollInputs() -> Int {
        var total = 0
        var index = 0
        while index < inputCount {
            let input = inputs[index]
            let slot = dispatcher.pointee.slots[Int(input.node)]
            let start = timestamp()
            let count = input.runner.poll(
                NodeCall(
                    state: slot.state,
                    mbufs: dispatcher.pointee.packets,
                    nexts: dispatcher.pointee.nexts,
                    count: 0,
                    dispatcher: dispatcher,
                    wiring: slot.wiring,
                    errorBase: slot.errorBase
                )
            )
            // An empty poll is not recorded, as it would drown the clocks of those that bring
            // packets.
            if count > 0 {
                let end = timestamp()
                dispatcher.pointee.record(
                    Int(input.node),
                    vectors: count,
                    clocks: end &- start
                )
                dispatcher.pointee.trace(input.node, vectors: count, start: start, end: end)
                total &+= count
            }
            index &+= 1
        }
        return total
    }

    /// Runs the graph until no frame is left.
    @inlinable
    public func dispatchPending() {
        DispatcherState.dispatchPending(dispatcher)
    }

    /// Gives packets to a node by its graph index.
    @inlinable @inline(__always)
    public func append(_ mbufs: UnsafePointer<Mbuf>, count: Int, to node: UInt16) {
        dispatcher.pointee.append(mbufs, count: count, to: node)
    }
}
