import CBench
import CDPDK
import CLinux
import ControlProtocol
import Coordination
import Forwarding
import LinuxSystem
import PacketBuffers
import PacketGraph
import PacketNodes

/// Ends the path: counts packets and bytes of the interface as a transmit node does, and frees the buffers.
private struct NullOutput: Node {
    typealias Next = NoExit
    static let name = "null-tx"
    let counters: UnsafeMutablePointer<UInt64>
    let pool: MbufPool

    mutating func process(_ frame: borrowing Frame<Next>) {
        var bytes: UInt64 = 0
        let count = frame.count
        for index in 0..<count { bytes &+= UInt64(truncatingIfNeeded: frame.mbufs[index].length) }
        counters[LaneBlock.InterfaceWord.txPackets.rawValue] &+= UInt64(truncatingIfNeeded: count)
        counters[LaneBlock.InterfaceWord.txBytes.rawValue] &+= bytes
        pool.give(frame.mbufs, count: count)
    }
}

/// Takes the place of `worker-handoff`, to which nothing is sent here.
private struct NoHandoff: Node {
    enum Next: UInt16, Exit {
        case drop
        var target: String { "error-drop" }
    }
    static let name = "worker-handoff"

    mutating func process(_ frame: borrowing Frame<Next>) {
        for index in 0..<frame.count { frame.nexts[index] = Next.drop.rawValue }
    }
}

/// The lane graph from ethernet-input to transmission: 64-byte packets to random destinations.
///
/// Packets are made outside of the timed span, but right before it, so that they lie in the cache as after a
/// NIC's or a packet generator's input node.
final class ForwardPath: Subject {
    let unit = "clocks/packet"
    let parts = ForwardPath.path.map { "node=\($0)" }
    var checksum: UInt64 {
        txCounters[LaneBlock.InterfaceWord.txBytes.rawValue] &+ reference.pointee.tx_bytes.1
            &* 0x1_0000_0001
    }

    private let pool: MbufPool
    private let world: ForwardingWorld
    private let graph: LaneGraph
    private let reference: UnsafeMutablePointer<CBench_forward>
    private let destinations: [UInt32]
    private let mbufs: UnsafeMutablePointer<Mbuf>
    private let frame: Int
    private let input: UInt16
    /// The counters of each node of the path.
    private let nodes: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>
    private let nodeCount = ForwardPath.path.count
    private let before: UnsafeMutablePointer<UInt64>
    private var cursor = 0
    private let framesInBatch: Int
    private let txCounters: UnsafeMutablePointer<UInt64>

    private static let path = [
        "ethernet-input", "ip4-input", "ip4-lookup", "ip4-rewrite", "interface-output", "null-tx",
    ]

    init(routes count: Int, areScattered: Bool, frame: Int, pool: MbufPool) throws {
        self.pool = pool
        self.frame = frame
        framesInBatch = frame > 16 ? 8 : 64
        let routes = Routes(count: count, areScattered: areScattered)
        destinations = routes.destinations
        world = try ForwardingWorld(routes: routes)
        let block = makeLaneBlock()
        txCounters = block.interface(Int(ForwardingWorld.txInterface))
        let context = world.makeContext(block: block, pool: pool)
        let outputs = UnsafeMutablePointer<UInt16>.allocate(
            capacity: ForwardingTables.interfaceLimit
        )
        outputs.initialize(
            repeating: InterfaceOutput.noNode,
            count: ForwardingTables.interfaceLimit
        )
        var builder = GraphBuilder()
        _ = try ProtocolNodes.add(to: &builder, context: context, outputNodes: outputs)
        try builder.add(NoHandoff())
        try builder.add(NullOutput(counters: txCounters, pool: pool))
        let description = builder.description
        let indices = try Self.path.map { name in
            guard let index = description.index(of: name) else {
                throw BenchError("no node \(name)")
            }
            return index
        }
        nodes = .allocate(capacity: indices.count)
        for (place, index) in indices.enumerated() {
            (nodes + place).initialize(to: block.node(index))
        }
        input = UInt16(indices[0])
        outputs[Int(ForwardingWorld.txInterface)] = UInt16(indices[indices.count - 1])
        graph = try builder.build(block: block, pool: pool)
        before = .allocate(capacity: 2 * nodeCount)
        mbufs = .allocate(capacity: frameCapacity)
        reference = .allocate(capacity: 1)
        reference.initialize(to: try world.makeReference(routes: routes, pool: pool))
        try compare()
    }

    deinit {
        CBench_dir24_free(&reference.pointee.dir)
        reference.deallocate()
        nodes.deallocate()
        before.deallocate()
        mbufs.deallocate()
    }

    func run(batches: Int, into values: UnsafeMutablePointer<Double>) {
        let width = 1 &+ nodeCount
        for batch in 0..<batches {
            for index in 0..<nodeCount {
                let words = nodes[index]
                before[2 &* index] = words[LaneBlock.NodeWord.vectors.rawValue]
                before[2 &* index &+ 1] = words[LaneBlock.NodeWord.clocks.rawValue]
            }
            let switches = contextSwitches()
            var clocks: UInt64 = 0
            for _ in 0..<framesInBatch {
                makePackets()
                let start = timestamp()
                graph.append(mbufs, count: frame, to: input)
                graph.dispatchPending()
                clocks &+= timestamp() &- start
            }
            values[batch &* width] =
                contextSwitches() == switches
                ? Double(clocks) / Double(framesInBatch &* frame) : .nan
            for index in 0..<nodeCount {
                let words = nodes[index]
                let vectors = words[LaneBlock.NodeWord.vectors.rawValue] &- before[2 &* index]
                let clocks = words[LaneBlock.NodeWord.clocks.rawValue] &- before[2 &* index &+ 1]
                values[batch &* width &+ 1 &+ index] = Double(clocks) / Double(max(1, vectors))
            }
        }
    }

    func runReference(batches: Int, into values: UnsafeMutablePointer<Double>) {
        let pointers = UnsafeMutableRawPointer(mbufs).assumingMemoryBound(
            to: UnsafeMutableRawPointer.self
        )
        for batch in 0..<batches {
            let switches = contextSwitches()
            var clocks: UInt64 = 0
            for _ in 0..<framesInBatch {
                makePackets()
                let start = timestamp()
                let kept = CBench_forward_frame(
                    reference,
                    pointers,
                    UInt32(truncatingIfNeeded: frame)
                )
                CBench_forward_send(reference, pointers, kept)
                clocks &+= timestamp() &- start
            }
            values[batch] =
                contextSwitches() == switches
                ? Double(clocks) / Double(framesInBatch &* frame) : .nan
        }
    }

    /// Takes buffers and writes a frame of packets to the next destinations.
    private func makePackets() {
        guard pool.take(mbufs, count: frame) else { preconditionFailure("buffers have leaked") }
        destinations.withUnsafeBufferPointer { destinations in
            for index in 0..<frame {
                world.packet.write(
                    to: mbufs[index],
                    destination: destinations[(cursor &+ index) & (Routes.destinationCount &- 1)]
                )
            }
        }
        cursor = (cursor &+ frame) & (Routes.destinationCount &- 1)
    }
}

extension ForwardPath {
    /// Sends a frame through the C loop and through the graph's own functions, and compares every byte.
    private func compare() throws {
        let start = cursor
        let pointers = UnsafeMutableRawPointer(mbufs).assumingMemoryBound(
            to: UnsafeMutableRawPointer.self
        )
        makePackets()
        let kept = Int(CBench_forward_frame(reference, pointers, UInt32(frame)))
        guard kept == frame else {
            throw BenchError("the C loop dropped \(frame - kept) of \(frame)")
        }
        let expected = (0..<frame).map { world.packet.bytes(of: mbufs[$0]) }
        CBench_forward_send(reference, pointers, UInt32(kept))
        cursor = start
        makePackets()
        let sent = txCounters[LaneBlock.InterfaceWord.txPackets.rawValue]
        let own = (0..<frame).map { mbufs[$0] }
        graph.append(mbufs, count: frame, to: input)
        graph.dispatchPending()
        guard txCounters[LaneBlock.InterfaceWord.txPackets.rawValue] == sent + UInt64(frame) else {
            throw BenchError("the graph did not send all of \(frame) packets")
        }
        // The buffers are free again, but nobody has written to them since.
        for index in 0..<frame where world.packet.bytes(of: own[index]) != expected[index] {
            throw BenchError("packet \(index) left the graph with other bytes than the C loop")
        }
    }
}
