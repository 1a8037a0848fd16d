internal import CDPDK
public import Coordination
public import PacketBuffers
public import PacketGraph

/// Where a lane can hand packets to: one of all lanes of the placement.
public enum HandoffDestination: Sendable {
    /// The lane itself.
    case here
    /// A lane of the same worker, with its ring from here, its doorbell word, and what wakes it.
    case lane(LaneRing, bell: SendablePointer<UInt64>, bit: UInt64, LaneWaker)
    /// A lane of another NUMA node, and what wakes it.
    case remote(HandoffProducer, node: UInt8, LaneWaker)
    /// A lane of another node whose rings could not be had.
    case none
}

/// A pointer into memory that outlives all who use it and whose writers are named where it is made.
@frozen
public struct SendablePointer<Pointee>: @unchecked Sendable {
    /// The address, as it was given.
    public let pointer: UnsafeMutablePointer<Pointee>

    /// Vouches for a pointer: its memory is never freed, and its writers keep to their rules.
    public init(_ pointer: UnsafeMutablePointer<Pointee>) { self.pointer = pointer }
}

/// Hands packets to other lanes: by value over a handoff ring to another NUMA node, by pointer
/// within the worker.
///
/// A packet that has an interface to leave by goes to a lane of that interface's node and on to its
/// `interface-output`; any other goes to the lane that its flow hash picks among those of its
/// receive interface, and on to `ethernet-input`. Nothing waits: a full ring and a peer that is
/// down drop and count.
public struct HandoffOutput: Node {
    /// A packet for this lane itself goes to `ethernet-input`; one that cannot be handed over is
    /// dropped.
    public enum Next: UInt16, Exit {
        case ethernetInput, drop

        /// The name of the graph node behind the exit.
        public var target: String {
            switch self {
            case .ethernetInput: "ethernet-input"
            case .drop: "error-drop"
            }
        }
    }

    /// The node's name in the graph: `worker-handoff`.
    public static let name = "worker-handoff"
    /// The reasons for which it drops: a full ring, a worker that is down, no lane to go to.
    public static let errors = ["congestion drop", "handoff peer down", "no such handoff lane"]

    private let context: UnsafeMutablePointer<LaneContext>
    private let destinations: UnsafeMutablePointer<HandoffDestination>
    private let destinationCount: Int
    /// By node number: the global lane that this lane's packets for that node's ports go to; .max:
    /// none.
    private let laneOfNode: UnsafeMutablePointer<UInt16>
    /// Bit n: the worker of node n takes packets.
    ///
    /// The supervisor writes it.
    private let peersUp: UnsafeMutablePointer<UInt64>
    private let targets: UnsafeMutablePointer<UInt16>
    private let batch: UnsafeMutablePointer<Mbuf>

    /// Makes the node of a lane.
    ///
    /// - Parameters:
    ///   - context: the lane's.
    ///   - destinations: by global lane number.
    ///   - laneOfNode: by node number, 32 entries.
    ///   - peersUp: the address of `WorkerSegment.Word.peersUp`.
    public init(
        context: UnsafeMutablePointer<LaneContext>,
        destinations: [HandoffDestination],
        laneOfNode: [UInt16],
        peersUp: UnsafeMutablePointer<UInt64>
    ) {
        precondition(laneOfNode.count == 32, "there are 32 node numbers")
        self.context = context
        self.destinations = .allocate(capacity: max(1, destinations.count))
        self.destinations.initialize(from: destinations, count: destinations.count)
        destinationCount = destinations.count
        self.laneOfNode = .allocate(capacity: 32)
        self.laneOfNode.initialize(from: laneOfNode, count: 32)
        self.peersUp = peersUp
        targets = .allocate(capacity: frameCapacity)
        batch = UnsafeMutableRawPointer.allocate(
            byteCount: frameCapacity * MemoryLayout<Mbuf>.stride,
            alignment: 64
        ).bindMemory(to: Mbuf.self, capacity: frameCapacity)
    }

    /// Hands the frame's packets over, a destination at a time; those of a flow keep their order.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let count = frame.count
        let tables = context.pointee.tables
        for index in 0..<count {
            let mbuf = frame.mbufs[index]
            if mbuf.txInterface != 0 {
                let node = tables.pointee.interface(mbuf.txInterface).pointee.node
                targets[index] = laneOfNode[Int(node & 31)]
            } else {
                targets[index] = spread(mbuf, tables)
            }
        }
        // A destination at a time, in the order of their first packets, so that each flow keeps its
        // order.
        for index in 0..<count where targets[index] != Self.done {
            let target = targets[index]
            let toPort = frame.mbufs[index].txInterface != 0
            var size = 0
            var positions = index
            while positions < count {
                if targets[positions] == target, (frame.mbufs[positions].txInterface != 0) == toPort
                {
                    batch[size] = frame.mbufs[positions]
                    size &+= 1
                    targets[positions] = Self.done
                }
                positions &+= 1
            }
            send(size, to: target, toPort: toPort, frame.output)
        }
        for index in 0..<count { frame.nexts[index] = Frame<Next>.consumed }
    }

    private static let done: UInt16 = .max - 1

    /// The lane that a packet's flow hash picks among those of its receive interface.
    @inline(__always)
    private func spread(_ mbuf: Mbuf, _ tables: UnsafePointer<ForwardingTables>) -> UInt16 {
        let interface = tables.pointee.interface(mbuf.rxInterface)
        let count = UInt32(interface.pointee.handoffCount)
        guard count > 0 else { return .max }
        let pick = count & (count &- 1) == 0 ? mbuf.flowHash & (count &- 1) : mbuf.flowHash % count
        return tables.pointee.handoffLanes[Int(interface.pointee.handoffOffset) &+ Int(pick)]
    }

    private func send(_ size: Int, to target: UInt16, toPort: Bool, _ output: Output<Next>) {
        guard Int(target) < destinationCount else { return drop(0, size, reason: 2, output) }
        let counters = context.pointee.block.peer(Int(target))
        switch destinations[Int(target)] {
        case .here:
            var index = 0
            while index < size {
                batch[index].flags |= MbufFlags.handedOver
                index &+= 1
            }
            output.emit(batch, count: size, to: .ethernetInput)
        case .lane(let ring, let bell, let bit, let waker):
            let sent = ring.put(batch, count: size)
            cw_full_fence()
            if sent > 0, cw_load_relaxed64(bell.pointer) & bit == 0 {
                _ = cw_fetch_or64(bell.pointer, bit)
                wake(waker)
            }
            counters[LaneBlock.PeerWord.packets.rawValue] &+= UInt64(truncatingIfNeeded: sent)
            if sent < size { dropFull(sent, size, counters, output) }
        case .remote(let producer, let node, let waker):
            guard cw_load_relaxed64(peersUp) >> UInt64(node) & 1 == 1 else {
                counters[LaneBlock.PeerWord.downDrops.rawValue] &+= UInt64(truncatingIfNeeded: size)
                return drop(0, size, reason: 1, output)
            }
            let written = producer.write(
                batch,
                count: size,
                next: toPort ? .interfaceOutput : .ethernetInput,
                now: context.pointee.now
            )
            counters[LaneBlock.PeerWord.packets.rawValue] &+= UInt64(
                truncatingIfNeeded: written.packets
            )
            counters[LaneBlock.PeerWord.cells.rawValue] &+= UInt64(
                truncatingIfNeeded: written.cells
            )
            if written.rang {
                counters[LaneBlock.PeerWord.doorbells.rawValue] &+= 1
                wake(waker)
            }
            if written.packets > 0 { context.pointee.pool.give(batch, count: written.packets) }
            if written.packets < size { dropFull(written.packets, size, counters, output) }
        case .none:
            drop(0, size, reason: 2, output)
        }
    }

    /// A lane whose doorbell has just been rung may have gone to sleep before.
    @inline(__always)
    private func wake(_ waker: LaneWaker) {
        if waker.wake() { context.pointee.block.pointer(.wakesSent).pointee &+= 1 }
    }

    private func dropFull(
        _ start: Int,
        _ end: Int,
        _ counters: UnsafeMutablePointer<UInt64>,
        _ output: Output<Next>
    ) {
        counters[LaneBlock.PeerWord.fullDrops.rawValue] &+= UInt64(truncatingIfNeeded: end &- start)
        drop(start, end, reason: 0, output)
    }

    private func drop(_ start: Int, _ end: Int, reason: UInt16, _ output: Output<Next>) {
        var index = start
        while index < end {
            batch[index].error = output.errorBase &+ reason
            index &+= 1
        }
        output.emit(batch + start, count: end &- start, to: .drop)
    }
}
