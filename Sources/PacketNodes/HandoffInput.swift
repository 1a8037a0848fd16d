internal import CDPDK
internal import Coordination
public import PacketBuffers
public import PacketGraph

/// A ring that leads to this lane.
public struct HandoffSource: Sendable {
    /// The ring's consumer end, which is this lane's alone.
    public let consumer: HandoffConsumer
    /// The number of the producing lane among all lanes, for the counters.
    public let peer: Int

    /// Names a ring and its producer.
    public init(consumer: HandoffConsumer, peer: Int) {
        self.consumer = consumer
        self.peer = peer
    }
}

/// Takes packets that lanes of other NUMA nodes, and of this one, have handed over.
///
/// It looks at a ring only when its doorbell bit is set: it clears the word, drains, and sets a bit
/// of its own for what it had to leave. So a lane's empty turn costs one look at each doorbell
/// word, however many rings there are.
public struct HandoffInput: InputNode {
    /// Where the producer wanted a packet to go; `drop` for what cannot be.
    public enum Next: UInt16, Exit {
        case ethernetInput, interfaceOutput, drop

        /// The name of the graph node behind the exit.
        public var target: String {
            switch self {
            case .ethernetInput: "ethernet-input"
            case .interfaceOutput: "interface-output"
            case .drop: "error-drop"
            }
        }
    }

    /// The node's name in the graph: `handoff-input`.
    public static let name = "handoff-input"
    /// The reasons for which packets are lost; a corrupt ring counts once each time.
    public static let errors = [
        "handoff ring corrupt", "no buffer for handoff", "handoff packet too long",
    ]

    private let context: UnsafeMutablePointer<LaneContext>
    private let doorbells: UnsafeMutablePointer<UInt64>?
    private let wordCount: Int
    private let sources: UnsafeMutablePointer<HandoffSource>
    private let sourceCount: Int
    private let localBells: UnsafeMutablePointer<UInt64>
    private let localRings: UnsafeMutablePointer<LaneRing?>
    private let mbufs: UnsafeMutablePointer<Mbuf>
    private let nexts: UnsafeMutablePointer<UInt16>
    /// Rings that were left with packets in them, a bit each.
    private let unfinished: UnsafeMutablePointer<UInt64>

    /// Makes the node of a lane.
    ///
    /// - Parameters:
    ///   - context: the lane's.
    ///   - doorbells: the lane's doorbell line in its node's ring file; nil: there is no other
    ///     node.
    ///   - sources: the rings, by the number of their source in the ring file.
    ///   - localBells: a word with a bit for each lane of this worker.
    ///   - localRings: the rings from the lanes of this worker; nil at the lane's own place.
    public init(
        context: UnsafeMutablePointer<LaneContext>,
        doorbells: UnsafeMutableRawPointer?,
        sources: [HandoffSource],
        localBells: UnsafeMutablePointer<UInt64>,
        localRings: [LaneRing?]
    ) {
        self.context = context
        self.doorbells = doorbells?.assumingMemoryBound(to: UInt64.self)
        wordCount = doorbells == nil ? 0 : (sources.count + 63) / 64
        self.sources = .allocate(capacity: max(1, sources.count))
        self.sources.initialize(from: sources, count: sources.count)
        sourceCount = sources.count
        self.localBells = localBells
        self.localRings = .allocate(capacity: 64)
        self.localRings.initialize(repeating: nil, count: 64)
        for (index, ring) in localRings.enumerated() { self.localRings[index] = ring }
        mbufs = UnsafeMutableRawPointer.allocate(
            byteCount: frameCapacity * MemoryLayout<Mbuf>.stride,
            alignment: 64
        ).bindMemory(to: Mbuf.self, capacity: frameCapacity)
        nexts = .allocate(capacity: frameCapacity)
        unfinished = .allocate(capacity: 10)
        unfinished.initialize(repeating: 0, count: 10)
    }

    /// Looks at every ring at the next poll: a predecessor may have taken a bell down and left packets.
    public func lookAtAll() {
        for source in 0..<sourceCount { unfinished[source / 64] |= 1 << UInt64(source % 64) }
    }

    /// Takes only what lanes of this worker hand over, or everything again.
    public func setLocalOnly(_ isLocalOnly: Bool) { unfinished[9] = isLocalOnly ? 1 : 0 }

    /// Whether all rings from lanes of this worker are empty.
    public var localRingsAreEmpty: Bool {
        (0..<64).allSatisfy { localRings[$0]?.isEmpty ?? true }
    }

    /// Takes at most `frameCapacity` packets from each ring whose bell was rung.
    ///
    /// - Parameter output: gets the packets.
    /// - Returns: how many came in.
    public mutating func poll(_ output: Output<Next>) -> Int {
        var total = 0
        var word = 0
        while word < wordCount, let doorbells, unfinished[9] == 0 {
            var bits = unfinished[word]
            if cw_load_relaxed64(doorbells + word) != 0 {
                bits |= cw_exchange64(doorbells + word, 0)
            }
            unfinished[word] = 0
            while bits != 0 {
                let bit = bits.trailingZeroBitCount
                bits &= bits &- 1
                let source = word &* 64 &+ bit
                if source < sourceCount { total &+= drain(source, word, bit, output) }
            }
            word &+= 1
        }
        if cw_load_relaxed64(localBells) != 0 || unfinished[8] != 0 { total &+= drainLocal(output) }
        return total
    }

    /// Whether a bell is rung, or a ring was left with packets in it.
    public var isCalled: Bool {
        for word in 0..<wordCount {
            if unfinished[word] != 0 { return true }
            if let doorbells, cw_load_relaxed64(doorbells + word) != 0 { return true }
        }
        return unfinished[8] != 0 || cw_load_relaxed64(localBells) != 0
    }

    private func drain(_ index: Int, _ word: Int, _ bit: Int, _ output: Output<Next>) -> Int {
        let source = sources[index]
        let taken = source.consumer.read(
            into: mbufs,
            nexts: nexts,
            capacity: frameCapacity,
            pool: context.pointee.pool
        )
        if taken.mayHaveMore { unfinished[word] |= 1 << UInt64(bit) }
        let block = context.pointee.block
        if taken.isCorrupt { block.errors[Int(output.errorBase)] &+= 1 }
        if taken.lost > 0 {
            block.errors[Int(output.errorBase) &+ 1] &+= UInt64(truncatingIfNeeded: taken.lost)
            block.pointer(.bufferFailures).pointee &+= UInt64(truncatingIfNeeded: taken.lost)
        }
        guard taken.packets > 0 else { return 0 }
        let counters = block.peer(source.peer)
        counters[LaneBlock.PeerWord.received.rawValue] &+= UInt64(truncatingIfNeeded: taken.packets)
        counters[LaneBlock.PeerWord.visits.rawValue] &+= 1
        if taken.hasTraced {
            output.dispatcher.pointee.adoptTraced(
                mbufs,
                count: taken.packets,
                peer: source.peer,
                kind: .fromWorker
            )
        }
        emitRuns(count: taken.packets, output)
        return taken.packets
    }

    private func emitRuns(count: Int, _ output: Output<Next>) {
        var start = 0
        while start < count {
            let raw = nexts[start]
            var end = start &+ 1
            while end < count, nexts[end] == raw { end &+= 1 }
            if let next = Next(rawValue: raw), next != .drop {
                output.emit(mbufs + start, count: end &- start, to: next)
            } else {
                var index = start
                while index < end {
                    mbufs[index].error = output.errorBase &+ 2
                    index &+= 1
                }
                output.emit(mbufs + start, count: end &- start, to: .drop)
            }
            start = end
        }
    }

    private func drainLocal(_ output: Output<Next>) -> Int {
        var bits = cw_exchange64(localBells, 0) | unfinished[8]
        unfinished[8] = 0
        var total = 0
        while bits != 0 {
            let lane = bits.trailingZeroBitCount
            bits &= bits &- 1
            guard let ring = localRings[lane] else { continue }
            let count = ring.take(mbufs, count: frameCapacity)
            if count == frameCapacity { unfinished[8] |= 1 << UInt64(lane) }
            var flags: UInt16 = 0
            for index in 0..<count {
                flags |= mbufs[index].flags
                mbufs[index].flags |= MbufFlags.handedOver
            }
            if flags & MbufFlags.traced != 0 {
                let first = Int(context.pointee.globalLane) &- Int(context.pointee.lane)
                output.dispatcher.pointee.adoptTraced(
                    mbufs,
                    count: count,
                    peer: first &+ lane,
                    kind: .fromLane
                )
            }
            if count > 0 { output.emit(mbufs, count: count, to: .ethernetInput) }
            total &+= count
        }
        return total
    }
}
