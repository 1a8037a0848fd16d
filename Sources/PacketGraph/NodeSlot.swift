public import PacketBuffers

/// A graph node on a lane, its type forgotten.
///
/// The runner is a metatype, not an object: a call through it is one indirect call and touches no
/// reference count.
@frozen
public struct NodeSlot {
    /// Calls the node.
    public let runner: any NodeRunner.Type
    /// The lane's copy of the node.
    public let state: UnsafeMutableRawPointer
    /// The graph index of each exit's target.
    public let wiring: UnsafePointer<UInt16>
    /// How many exits there are; 0: the node ends its packets itself.
    public let exitCount: UInt16
    /// The index of the node's first drop reason.
    public let errorBase: UInt16
    /// The frame that takes packets for this node now, or -1.
    @usableFromInline var openFrame: Int32
}

/// What a node is called with.
@frozen
public struct NodeCall {
    /// The lane's copy of the node.
    public let state: UnsafeMutableRawPointer
    /// The frame's packets; an input node has its own array and leaves this alone.
    public let mbufs: UnsafeMutablePointer<Mbuf>
    /// Room for `frameCapacity` exits, which the node fills: one a packet.
    public let nexts: UnsafeMutablePointer<UInt16>
    /// How many packets the frame has, 1...`frameCapacity`; 0 when an input node is polled.
    public let count: Int
    /// The lane's dispatcher, which takes what the node emits.
    public let dispatcher: UnsafeMutablePointer<DispatcherState>
    /// The graph index of each exit's target.
    public let wiring: UnsafePointer<UInt16>
    /// The index of the node's first drop reason in the worker's table.
    public let errorBase: UInt16

    @inlinable @inline(__always)
    init(
        state: UnsafeMutableRawPointer,
        mbufs: UnsafeMutablePointer<Mbuf>,
        nexts: UnsafeMutablePointer<UInt16>,
        count: Int,
        dispatcher: UnsafeMutablePointer<DispatcherState>,
        wiring: UnsafePointer<UInt16>,
        errorBase: UInt16
    ) {
        self.state = state
        self.mbufs = mbufs
        self.nexts = nexts
        self.count = count
        self.dispatcher = dispatcher
        self.wiring = wiring
        self.errorBase = errorBase
    }
}

/// Calls a node whose type the caller does not know.
public protocol NodeRunner {
    /// Runs the node on a frame.
    static func run(_ call: NodeCall)
}

/// The runner of a node type.
public enum Runner<Stage: Node>: NodeRunner {
    /// Has the node process the frame; the call to `process` is direct, and may be inlined.
    @inlinable
    public static func run(_ call: NodeCall) {
        let frame = Frame<Stage.Next>(
            mbufs: call.mbufs,
            nexts: call.nexts,
            count: call.count,
            output: Output(
                dispatcher: call.dispatcher,
                wiring: call.wiring,
                errorBase: call.errorBase
            )
        )
        call.state.assumingMemoryBound(to: Stage.self).pointee.process(frame)
    }
}

/// Polls an input node whose type the caller does not know.
public protocol InputRunner {
    /// Polls the node once.
    ///
    /// - Parameter call: without packets.
    /// - Returns: how many packets came in.
    static func poll(_ call: NodeCall) -> Int

    /// Has the node give back the buffers that it keeps at hand.
    ///
    /// - Parameters:
    ///   - state: the lane's copy of the node.
    ///   - pool: where they go.
    static func release(_ state: UnsafeMutableRawPointer, to pool: MbufPool)
}

/// The runner of an input node type.
public enum Poller<Stage: InputNode>: InputRunner {
    /// Has the node take what is there, and gives the number of packets.
    @inlinable
    public static func poll(_ call: NodeCall) -> Int {
        call.state.assumingMemoryBound(to: Stage.self).pointee.poll(
            Output(dispatcher: call.dispatcher, wiring: call.wiring, errorBase: call.errorBase)
        )
    }

    /// Has the node give back the buffers that it keeps at hand.
    public static func release(_ state: UnsafeMutableRawPointer, to pool: MbufPool) {
        state.assumingMemoryBound(to: Stage.self).pointee.release(to: pool)
    }
}
