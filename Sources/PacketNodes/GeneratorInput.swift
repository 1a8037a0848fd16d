internal import CLinux
internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Makes packets of the streams that the lane was given (VPP's packet generator).
public struct GeneratorInput: InputNode {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case ethernetInput, ip4Input, interfaceOutput

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .ethernetInput: "ethernet-input"
            case .ip4Input: "ip4-input"
            case .interfaceOutput: "interface-output"
            }
        }
    }

    /// What is counted; not a drop.
    public enum Reason: UInt16, DropReason {
        case noBuffer

        /// What `show errors` prints.
        public var text: String { "no buffers to make packets in" }
    }

    /// The graph node's name.
    public static let name = "pg-input"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    private let context: UnsafeMutablePointer<LaneContext>
    private let feed: GeneratorFeed
    private let mbufs: UnsafeMutablePointer<Mbuf>

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>, feed: GeneratorFeed) {
        self.context = context
        self.feed = feed
        mbufs = UnsafeMutableRawPointer.allocate(
            byteCount: frameCapacity * MemoryLayout<Mbuf>.stride,
            alignment: 64
        ).bindMemory(to: Mbuf.self, capacity: frameCapacity)
    }

    /// Emits the packets that are due.
    public mutating func poll(_ output: Output<Next>) -> Int {
        guard let table = feed.table else { return 0 }
        feed.markSeen(table.pointee.generation)
        var packets = 0
        for index in 0..<table.pointee.count {
            packets &+= run(table.pointee.streams + index, output)
        }
        return packets
    }

    private func run(
        _ stream: UnsafePointer<GeneratorStream>,
        _ output: Output<Next>
    ) -> Int {
        let state = stream.pointee.state
        let count = allowance(stream, state)
        guard count > 0 else { return 0 }
        guard context.pointee.pool.take(mbufs, count: count) else {
            context.pointee.block.errors[Int(output.errorBase)] &+= UInt64(count)
            context.pointee.block.pointer(.bufferFailures).pointee &+= UInt64(count)
            return 0
        }
        let bytes = make(count, stream)
        if stream.pointee.packetsPerSecond > 0 { state.pointee.credit -= Double(count) }
        // The control lane reads this word while the lane goes on.
        CLinux_store_relaxed64(&state.pointee.made, state.pointee.made &+ UInt64(count))
        let interface = stream.pointee.interface
        if interface != 0 {
            let counters = context.pointee.block.interface(Int(interface))
            counters[LaneBlock.InterfaceWord.rxPackets.rawValue] &+= UInt64(count)
            counters[LaneBlock.InterfaceWord.rxBytes.rawValue] &+= UInt64(bytes)
        }
        switch stream.pointee.exit {
        case Next.ethernetInput.rawValue: output.emit(mbufs, count: count, to: .ethernetInput)
        case Next.ip4Input.rawValue: output.emit(mbufs, count: count, to: .ip4Input)
        default: output.emit(mbufs, count: count, to: .interfaceOutput)
        }
        return count
    }

    /// How many packets a stream may make now: at most a frame, its limit and its rate observed.
    private func allowance(
        _ stream: UnsafePointer<GeneratorStream>,
        _ state: UnsafeMutablePointer<GeneratorState>
    ) -> Int {
        var count = min(stream.pointee.framePackets, frameCapacity)
        if stream.pointee.limit > 0 {
            let limit = stream.pointee.limit
            let made = state.pointee.made
            // A limit may have been lowered since.
            count = made < limit ? Int(min(UInt64(count), limit &- made)) : 0
        }
        let rate = stream.pointee.packetsPerSecond
        guard rate > 0 else { return count }
        let now = context.pointee.now
        if state.pointee.lastTime == 0 { state.pointee.lastTime = now }
        let elapsed = Double(now &- state.pointee.lastTime) / Double(context.pointee.hertz)
        state.pointee.lastTime = now
        // What a lane missed while it slept is made up for, but no more than 10 ms of it.
        let most = max(Double(stream.pointee.framePackets), rate / 100)
        state.pointee.credit = min(state.pointee.credit + elapsed * rate, most)
        return min(count, Int(max(0, state.pointee.credit)))
    }

    /// Makes packets in the buffers at hand.
    ///
    /// - Returns: their bytes altogether.
    private func make(_ count: Int, _ stream: UnsafePointer<GeneratorStream>) -> Int {
        // A stream's values are read once and not for each packet: nobody changes them meanwhile.
        let own = stream.pointee
        var random = context.pointee.randomState
        var bytes = 0
        var index = 0
        while index < count {
            let mbuf = mbufs[index]
            mbuf.enterGraph(rxInterface: own.interface)
            mbuf.txInterface = own.txInterface
            let size = own.make(in: mbuf.data, random: &random)
            mbuf.setLength(size)
            bytes &+= size
            index &+= 1
        }
        context.pointee.randomState = random
        return bytes
    }
}
