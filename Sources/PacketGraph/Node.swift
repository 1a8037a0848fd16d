public import PacketBuffers

/// Where a graph node may send a packet: an enum over UInt16 whose cases are numbered from 0.
public protocol Exit: RawRepresentable, CaseIterable, Sendable where RawValue == UInt16 {
    /// The name of the graph node that this exit leads to when the graph is built.
    var target: String { get }
}

/// One stage of the graph.
///
/// A node is a struct; each lane has its own copy. `process` sees a whole frame, decides the exit
/// of each packet and leaves moving them to the dispatcher. It must not allocate, throw, or touch
/// reference counts.
public protocol Node {
    /// The node's exits.
    associatedtype Next: Exit

    /// The name, VPP's where the function is VPP's; unique in the graph.
    static var name: String { get }

    /// The reasons for which the node drops packets, numbered from 0: the text that `show errors`
    /// prints.
    static var errors: [String] { get }

    /// Those of `errors` that count something else than drops.
    static var informational: [String] { get }

    /// Works on a frame: fills `frame.nexts`, one exit a packet.
    mutating func process(_ frame: borrowing Frame<Next>)
}

extension Node {
    /// No drop reasons.
    public static var errors: [String] { [] }
    /// All reasons are drops.
    public static var informational: [String] { [] }
}

/// A node that brings packets in.
public protocol InputNode {
    /// The node's exits.
    associatedtype Next: Exit

    /// The name; unique in the graph.
    static var name: String { get }

    /// See `Node.errors`.
    static var errors: [String] { get }

    /// See `Node.informational`.
    static var informational: [String] { get }

    /// Takes what is there, at most a bounded number of packets, and emits it.
    ///
    /// - Returns: how many packets came in.
    mutating func poll(_ output: Output<Next>) -> Int

    /// Gives back the buffers that the node keeps at hand, because its lane ends.
    mutating func release(to pool: MbufPool)
}

extension InputNode {
    /// No drop reasons.
    public static var errors: [String] { [] }
    /// All reasons are drops.
    public static var informational: [String] { [] }
    /// Keeps none.
    public mutating func release(to pool: MbufPool) {}
}

/// The exits of a node that has none: it ends every packet itself.
public enum NoExit: UInt16, Exit {
    /// Where nothing is ever sent; every graph has this node.
    case drop

    /// The node that drops and counts: `error-drop`.
    public var target: String { "error-drop" }
}

/// Up to 256 packets on their way through one graph node.
@frozen
public struct Frame<Next: Exit>: ~Copyable {
    /// The packets; `count` of them.
    public let mbufs: UnsafeMutablePointer<Mbuf>
    /// For the node to fill: the exit of each packet, or `Frame.consumed`.
    public let nexts: UnsafeMutablePointer<UInt16>
    /// 1...`frameCapacity`.
    public let count: Int
    /// For packets beyond those of the frame.
    public let output: Output<Next>

    /// In `nexts`: the node has kept, sent or freed the packet itself.
    @inlinable @inline(__always)
    public static var consumed: UInt16 { .max }

    /// Wraps a frame.
    @inlinable @inline(__always)
    public init(
        mbufs: UnsafeMutablePointer<Mbuf>,
        nexts: UnsafeMutablePointer<UInt16>,
        count: Int,
        output: Output<Next>
    ) {
        self.mbufs = mbufs
        self.nexts = nexts
        self.count = count
        self.output = output
    }

    /// The index of drop reason `reason` of this node in the worker's table, for `Mbuf.error`.
    @inlinable @inline(__always)
    public func error(_ reason: UInt16) -> UInt16 { output.errorBase &+ reason }

    /// Sends every packet to the exit that `choose` names for it.
    ///
    /// Packets ahead are prefetched, as `Mbuf.visit` does.
    ///
    /// - Parameter choose: gives the exit of a packet; called once for each, in order.
    @inlinable @inline(__always)
    public func route(_ choose: (Mbuf) -> Next) {
        routeRaw { choose($0).rawValue }
    }

    /// Looks at every packet in order, prefetched as `route` does, without deciding exits.
    @inlinable @inline(__always)
    public func visit(_ body: (_ index: Int, _ mbuf: Mbuf) -> Void) {
        Mbuf.visit(mbufs, count: count, body)
    }

    /// As `route`, with the exit's number or `consumed`.
    @inlinable @inline(__always)
    public func routeRaw(_ choose: (Mbuf) -> UInt16) {
        Mbuf.visit(mbufs, count: count) { nexts[$0] = choose($1) }
    }
}

/// The most packets of a frame (VPP's VLIB_FRAME_SIZE).
public let frameCapacity = 256

/// A node's way to send packets that are not in the frame it was given.
@frozen
public struct Output<Next: Exit> {
    /// The lane's dispatcher.
    public let dispatcher: UnsafeMutablePointer<DispatcherState>
    /// The graph index of each exit's target.
    public let wiring: UnsafePointer<UInt16>
    /// The index of the node's first drop reason.
    public let errorBase: UInt16

    /// Makes the output of a node; the dispatcher does so for each call.
    @inlinable @inline(__always)
    public init(
        dispatcher: UnsafeMutablePointer<DispatcherState>,
        wiring: UnsafePointer<UInt16>,
        errorBase: UInt16
    ) {
        self.dispatcher = dispatcher
        self.wiring = wiring
        self.errorBase = errorBase
    }

    /// Sends packets through an exit.
    @inlinable @inline(__always)
    public func emit(_ mbufs: UnsafePointer<Mbuf>, count: Int, to exit: Next) {
        dispatcher.pointee.append(mbufs, count: count, to: wiring[Int(exit.rawValue)])
    }

    /// Sends one packet through an exit.
    @inlinable @inline(__always)
    public func emit(_ mbuf: Mbuf, to exit: Next) {
        dispatcher.pointee.append(mbuf, to: wiring[Int(exit.rawValue)])
    }
}
