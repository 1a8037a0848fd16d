internal import CDPDK
public import Coordination
public import MainLoop
public import PacketBuffers

/// A lane's running graph: lives until the process ends, touched by the lane's thread alone.
///
/// Plain pointers only, so that using it in the loop touches no reference count.
public struct LaneGraph {
    /// The frames in motion; a stable address.
    public let dispatcher: UnsafeMutablePointer<DispatcherState>
    @usableFromInline let inputs: UnsafeMutablePointer<Input>
    @usableFromInline let inputCount: Int
    /// The place of each graph node among `inputs`; -1: it is none.
    private let inputOfNode: UnsafeMutablePointer<Int16>
    @usableFromInline let shared: UnsafeMutablePointer<Shared>

    /// An input node's place.
    @frozen @usableFromInline
    struct Input {
        @usableFromInline let runner: any InputRunner.Type
        @usableFromInline let node: UInt16
        @usableFromInline var mode = AdaptiveMode(state: .polling, isAdaptive: false)

        init(runner: any InputRunner.Type, node: UInt16) {
            self.runner = runner
            self.node = node
        }
    }

    /// What all inputs have in common.
    @frozen @usableFromInline
    struct Shared {
        @usableFromInline var thresholds = AdaptiveMode.Thresholds()
        /// The input that changed its mode by itself last, and has not been asked about yet.
        @usableFromInline var switched = -1

        init() {}
    }

    init(dispatcher: UnsafeMutablePointer<DispatcherState>, inputs: [Input]) {
        self.dispatcher = dispatcher
        self.inputs = .allocate(capacity: max(1, inputs.count))
        self.inputs.initialize(from: inputs, count: inputs.count)
        inputCount = inputs.count
        inputOfNode = .allocate(capacity: LaneSignals.nodeLimit)
        inputOfNode.initialize(repeating: -1, count: LaneSignals.nodeLimit)
        for (place, input) in inputs.enumerated() { inputOfNode[Int(input.node)] = Int16(place) }
        shared = .allocate(capacity: 1)
        shared.initialize(to: Shared())
        for place in 0..<inputCount { publishState(of: place) }
    }

    /// Polls every input node that is in polling mode once.
    ///
    /// - Parameter turn: the loop's turn, by which adaptive nodes reckon.
    /// - Returns: how many packets came in.
    @inlinable
    public func pollInputs(turn: UInt64 = 0) -> Int {
        if dispatcher.pointee.tracer.pointee.isCalled { return pollObserved(turn: turn) }
        var total = 0
        var place = 0
        while place < inputCount {
            if inputs[place].mode.state == .polling { total &+= call(place, turn: turn) }
            place &+= 1
        }
        return total
    }

    /// Calls an input node.
    @inlinable @inline(__always)
    func call(_ place: Int, turn: UInt64) -> Int {
        let node = Int(inputs[place].node)
        let slot = dispatcher.pointee.slots[node]
        let start = timestamp()
        let count = inputs[place].runner.poll(
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
        // An empty poll is not recorded, as it would drown the clocks of those that bring packets.
        if count > 0 {
            let end = timestamp()
            dispatcher.pointee.record(node, vectors: count, clocks: end &- start)
            dispatcher.pointee.trace(
                inputs[place].node,
                vectors: count,
                start: start,
                end: end
            )
        }
        if inputs[place].mode.isAdaptive { note(place, packets: count, turn: turn) }
        return count
    }

    /// Tells an adaptive node's mode what it handled.
    @usableFromInline @inline(never)
    func note(_ place: Int, packets: Int, turn: UInt64) {
        let isSwitched = inputs[place].mode.note(
            packets: packets,
            turn: turn,
            shared.pointee.thresholds
        )
        guard isSwitched else { return }
        publishState(of: place)
        shared.pointee.switched = place
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

extension LaneGraph {
    /// Calls the input nodes that have an interrupt pending, each once; one that brought packets
    /// gets another, as it may have left some.
    ///
    /// - Parameters:
    ///   - signals: where interrupts are set.
    ///   - turn: the loop's turn.
    /// - Returns: how many packets came in.
    public func takeInterrupts(_ signals: LaneSignals, turn: UInt64) -> Int {
        var total = 0
        for word in 0..<LaneSignals.nodeLimit / 64 {
            let address = signals.interrupts + word
            guard cw_load_relaxed64(address) != 0 else { continue }
            var bits = cw_exchange64(address, 0)
            while bits != 0 {
                let node = word * 64 &+ bits.trailingZeroBitCount
                bits &= bits &- 1
                total &+= interrupt(node, signals, turn: turn)
            }
        }
        return total
    }

    private func interrupt(_ node: Int, _ signals: LaneSignals, turn: UInt64) -> Int {
        let place = Int(inputOfNode[node])
        // A node that is polled anyway has no use for it, and other processes may set any bit.
        guard place >= 0, inputs[place].mode.state == .interrupt else { return 0 }
        dispatcher.pointee.block.node(node)[LaneBlock.NodeWord.interrupts.rawValue] &+= 1
        let isObserved = dispatcher.pointee.tracer.pointee.isCalled
        let count = isObserved ? callObserved(place, turn: turn) : call(place, turn: turn)
        if count > 0, inputs[place].mode.state == .interrupt { signals.setInterrupt(node) }
        return count
    }

    /// Polls one input node once, whatever its mode.
    ///
    /// - Returns: how many packets came in.
    public func poll(only node: Int, turn: UInt64) -> Int {
        let place = Int(inputOfNode[node])
        return place >= 0 ? call(place, turn: turn) : 0
    }

    /// Has every input node give back the buffers that it keeps at hand; the lane has ended.
    public func release(to pool: MbufPool) {
        for place in 0..<inputCount {
            let state = dispatcher.pointee.slots[Int(inputs[place].node)].state
            inputs[place].runner.release(state, to: pool)
        }
    }

    /// Sets where adaptive nodes switch.
    public func setThresholds(_ thresholds: AdaptiveMode.Thresholds) {
        shared.pointee.thresholds = thresholds
    }

    /// Sets how an input node is run.
    public func setMode(of node: Int, _ state: LaneNodeState, isAdaptive: Bool = false) {
        let place = Int(inputOfNode[node])
        guard place >= 0 else { return }
        inputs[place].mode.set(state, isAdaptive: isAdaptive)
        publishState(of: place)
    }

    /// How an input node is run now; `active` for another node.
    public func state(of node: Int) -> LaneNodeState {
        let place = Int(inputOfNode[node])
        return place >= 0 ? inputs[place].mode.state : .active
    }

    /// The input node that went over to another mode by itself since the last call; nil: none.
    @inlinable
    public func takeSwitched() -> Int? {
        let place = shared.pointee.switched
        guard place >= 0 else { return nil }
        shared.pointee.switched = -1
        return Int(inputs[place].node)
    }

    private func publishState(of place: Int) {
        let words = dispatcher.pointee.block.node(Int(inputs[place].node))
        words[LaneBlock.NodeWord.state.rawValue] = inputs[place].mode.state.rawValue
        words[LaneBlock.NodeWord.switches.rawValue] = inputs[place].mode.switches
    }
}
