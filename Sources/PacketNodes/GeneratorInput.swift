internal import CLinux
internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Makes packets of the streams that the lane was given (VPP's packet generator).
public struct GeneratorInput: InputNode {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case ethernetInput, ip4Input

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .ethernetInput: "ethernet-input"
            case .ip4Input: "ip4-input"
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
        var bytes = 0
        for index in 0..<count {
            make(mbufs[index], stream, state)
            bytes &+= mbufs[index].length
        }
        state.pointee.credit -= Double(count)
        // The control lane reads this word while the lane goes on.
        CLinux_store_relaxed64(&state.pointee.made, state.pointee.made &+ UInt64(count))
        let interface = stream.pointee.interface
        let counters = context.pointee.block.interface(Int(interface))
        counters[LaneBlock.InterfaceWord.rxPackets.rawValue] &+= UInt64(count)
        counters[LaneBlock.InterfaceWord.rxBytes.rawValue] &+= UInt64(bytes)
        let isEthernet = stream.pointee.exit == Next.ethernetInput.rawValue
        output.emit(mbufs, count: count, to: isEthernet ? .ethernetInput : .ip4Input)
        return count
    }

    /// How many packets a stream may make now: at most a frame, its limit and its rate observed.
    private func allowance(
        _ stream: UnsafePointer<GeneratorStream>,
        _ state: UnsafeMutablePointer<GeneratorState>
    ) -> Int {
        var count = min(stream.pointee.framePackets, frameCapacity)
        if stream.pointee.limit > 0 {
            count = Int(min(UInt64(count), stream.pointee.limit &- state.pointee.made))
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

    private func make(
        _ mbuf: Mbuf,
        _ stream: UnsafePointer<GeneratorStream>,
        _ state: UnsafeMutablePointer<GeneratorState>
    ) {
        let size = state.pointee.size
        state.pointee.size =
            size == stream.pointee.maximumBytes ? stream.pointee.minimumBytes : size &+ 1
        mbuf.enterGraph(rxInterface: stream.pointee.interface)
        mbuf.setLength(size)
        let data = mbuf.data
        data.copyMemory(from: stream.pointee.image, byteCount: size)
        let layout = stream.pointee.layout
        if let sizes = stream.pointee.sizes {
            layout.store(sizes[size &- stream.pointee.minimumBytes], in: data)
        }
        let context = context
        let isRandom = stream.pointee.isRandom
        if stream.pointee.source.count > 1 {
            let address = stream.pointee.source.next(&state.pointee.source, isRandom) {
                context.pointee.random()
            }
            layout.setAddress(address, at: 12, in: data, length: size)
        }
        if stream.pointee.destination.count > 1 {
            let address = stream.pointee.destination.next(&state.pointee.destination, isRandom) {
                context.pointee.random()
            }
            layout.setAddress(address, at: 16, in: data, length: size)
        }
    }
}

extension GeneratorRange {
    /// The next address, counted up or drawn.
    @inline(__always)
    func next(_ position: inout UInt64, _ isRandom: Bool, random: () -> UInt64) -> UInt32 {
        if isRandom {
            let scaled = ((random() &>> 32) &* count) &>> 32
            return first &+ UInt32(truncatingIfNeeded: scaled)
        }
        let address = first &+ UInt32(truncatingIfNeeded: position)
        position = position &+ 1 == count ? 0 : position &+ 1
        return address
    }
}

extension GeneratorLayout {
    /// Writes the fields of a size.
    @inline(__always)
    func store(_ fields: GeneratorSizeFields, in data: UnsafeMutableRawPointer) {
        (data + network + 2).storeBytes(of: fields.totalLength, as: UInt16.self)
        (data + network + 10).storeBytes(of: fields.headerChecksum, as: UInt16.self)
        if transportLength > 0 {
            (data + transportLength).storeBytes(of: fields.transportLength, as: UInt16.self)
        }
        if transportChecksum > 0 {
            (data + transportChecksum).storeBytes(of: fields.transportChecksum, as: UInt16.self)
        }
    }

    /// Writes an address of the IPv4 header, and what it makes of the checksums.
    ///
    /// - Parameters:
    ///   - address: in host byte order.
    ///   - offset: from the IPv4 header.
    ///   - data: the packet.
    ///   - length: its bytes; at least those of the IPv4 header.
    @inline(__always)
    func setAddress(
        _ address: UInt32,
        at offset: Int,
        in data: UnsafeMutableRawPointer,
        length: Int
    ) {
        let field = data + network + offset
        let old = field.loadUnaligned(as: UInt32.self)
        let new = address.bigEndian
        field.storeBytes(of: new, as: UInt32.self)
        update(at: network + 10, in: data, from: old, to: new)
        guard coversAddresses, transportChecksum > 0, transportChecksum &+ 2 <= length else {
            return
        }
        let isUDP = transportLength > 0
        let before = (data + transportChecksum).loadUnaligned(as: UInt16.self)
        // Zero in UDP means that there is no checksum, so a sum of zero is written as its other
        // form.
        guard !isUDP || before != 0 else { return }
        update(at: transportChecksum, in: data, from: old, to: new)
        if isUDP, (data + transportChecksum).loadUnaligned(as: UInt16.self) == 0 {
            (data + transportChecksum).storeBytes(of: .max, as: UInt16.self)
        }
    }

    @inline(__always)
    private func update(
        at offset: Int,
        in data: UnsafeMutableRawPointer,
        from old: UInt32,
        to new: UInt32
    ) {
        let checksum = (data + offset).loadUnaligned(as: UInt16.self)
        let updated = InternetChecksum.update(checksum, from: old, to: new)
        (data + offset).storeBytes(of: updated, as: UInt16.self)
    }
}
