internal import ControlProtocol
internal import Coordination
internal import Forwarding
internal import PacketBuffers
internal import PacketGraph

/// The graph indices of the nodes whose work the fast path does, for their counters.
struct FusedNodes {
    var input = 0
    var lookup = 0
    var rewrite = 0
    var output = 0

    init() {}

    /// Looks them up.
    init(_ graph: GraphDescription) {
        input = graph.index(of: IPv4Input.name) ?? 0
        lookup = graph.index(of: IPv4Lookup.name) ?? 0
        rewrite = graph.index(of: IPv4Rewrite.name) ?? 0
        output = graph.index(of: InterfaceOutput.name) ?? 0
    }
}

/// The way that most packets of a router take, `ethernet-input`, `ip4-input`, `ip4-lookup`, `ip4-rewrite` and
/// `interface-output`, in one call of `ethernet-input`.
///
/// Each of these nodes reads a packet's metadata and header anew; here that is done once for the checks and once
/// for the changes. A packet is taken only if every node on the way would do the plain thing with it; all others
/// are left as they came, for the nodes themselves. What leaves, and what is counted, is the same either way:
/// `FastPathTests` compares bytes, metadata and counters.
struct IPv4FastPath {
    typealias Next = EthernetInput.Next

    /// From this many packets on each phase's clocks are counted for the node whose work it is; the time-stamp counter
    /// takes longer to read than few packets take, so the clocks of smaller frames stay with `ethernet-input`.
    private static let timedCount = 16
    /// How many packets go through all phases together: their headers and metadata, two lines a packet, stay in
    /// the first-level cache.
    private static let chunk = 64

    private let context: UnsafeMutablePointer<LaneContext>
    private let outputNodes: UnsafeMutablePointer<UInt16>
    /// Of each packet of the frame: where its bytes begin, 0 if it is not for the fast path.
    private let places: UnsafeMutablePointer<UInt>
    /// Its destination address, and the leaf that the lookup found.
    private let destinations: UnsafeMutablePointer<UInt32>
    private let leaves: UnsafeMutablePointer<UInt32>
    /// The nodes that are left out.
    private let nodes: UnsafePointer<FusedNodes>

    /// Makes the fast path of a lane.
    ///
    /// - Parameters:
    ///   - context: the lane's.
    ///   - outputNodes: see `InterfaceOutput.init`.
    ///   - nodes: the nodes that are left out, filled in before the graph runs.
    init(
        context: UnsafeMutablePointer<LaneContext>,
        outputNodes: UnsafeMutablePointer<UInt16>,
        nodes: UnsafePointer<FusedNodes>
    ) {
        self.context = context
        self.outputNodes = outputNodes
        self.nodes = nodes
        places = .allocate(capacity: frameCapacity)
        places.initialize(repeating: 0, count: frameCapacity)
        destinations = .allocate(capacity: frameCapacity)
        destinations.initialize(repeating: 0, count: frameCapacity)
        leaves = .allocate(capacity: frameCapacity)
        leaves.initialize(repeating: 0, count: frameCapacity)
    }

    /// Sends the frame's plain packets on their way; their exits become `Frame.consumed`, all others 0.
    ///
    /// - Returns: how many those are.
    @inline(__always)
    func forward(_ frame: borrowing Frame<Next>) -> Int {
        let count = frame.count
        let isTimed = count >= Self.timedCount
        var times = Times(begin: isTimed ? timestamp() : 0)
        var run = Run()
        var start = 0
        while start < count {
            let end = min(start &+ Self.chunk, count)
            check(frame, start, end)
            if isTimed, start == 0 { times.checked = timestamp() }
            lookUp(frame, start, end)
            if isTimed, start == 0 { times.found = timestamp() }
            rewrite(frame, start, end, &run)
            if isTimed, start == 0 { times.end = timestamp() }
            start = end
        }
        end(&run, at: count, frame)
        if run.sent > 0 { record(frame, run.sent, times) }
        return run.sent
    }

    /// When the phases of the first chunk ended.
    private struct Times {
        /// 0: not timed.
        var begin: UInt64
        var checked: UInt64 = 0
        var found: UInt64 = 0
        var end: UInt64 = 0
    }

    /// The packets from `start` on, as far as the frame has been worked on, leave by one interface and are not
    /// sent yet.
    private struct Run {
        var start = 0
        /// How many are sent.
        var sent = 0
        /// `sw_if_index`, or more than that can be.
        var interface: UInt32 = .max
        var node = InterfaceOutput.noNode
    }

    /// Counts the packets for the nodes that are left out.
    ///
    /// The first chunk's shares of the phases stand for the whole frame's.
    @inline(__always)
    private func record(_ frame: borrowing Frame<Next>, _ sent: Int, _ times: Times) {
        let dispatcher = frame.output.dispatcher
        var (lookup, rewrite) = (UInt64(0), UInt64(0))
        if times.begin != 0 {
            let first = Float(Int64(truncatingIfNeeded: times.end &- times.begin))
            let ratio = Float(Int64(truncatingIfNeeded: timestamp() &- times.begin)) / first
            lookup = Self.scaled(times.found &- times.checked, ratio)
            rewrite = Self.scaled(times.end &- times.found, ratio)
        }
        dispatcher.pointee.countFusedCalls(4, vectors: 4 &* sent)
        dispatcher.pointee.countFused(nodes.pointee.input, vectors: sent)
        dispatcher.pointee.countFused(nodes.pointee.lookup, vectors: sent, clocks: lookup)
        dispatcher.pointee.countFused(nodes.pointee.rewrite, vectors: sent, clocks: rewrite)
        dispatcher.pointee.countFused(nodes.pointee.output, vectors: sent)
    }

    @inline(__always)
    private static func scaled(_ clocks: UInt64, _ ratio: Float) -> UInt64 {
        let product = Float(Int64(truncatingIfNeeded: clocks)) * ratio
        // Not a time, or one of minutes: the counter was moved, or the lane put aside.
        return product >= 0 && product < 1e12 ? UInt64(product) : 0
    }
}

// What the nodes ask of a packet.
extension IPv4FastPath {
    /// What `ethernet-input` and `ip4-input` ask of a packet that they pass on, and that its TTL lets it go on.
    @inline(__always)
    private func check(_ frame: borrowing Frame<Next>, _ start: Int, _ end: Int) {
        let mbufs = frame.mbufs
        var door = Door(mbufs[start].rxInterface, context.pointee.tables)
        let fib = context.pointee.fib
        var index = start
        while index &+ 8 < end {
            mbufs[index &+ 8].prefetchHeader()
            mbufs[index &+ 4].prefetchData()
            check(index, mbufs[index], &door, fib)
            index &+= 1
        }
        while index < end {
            check(index, mbufs[index], &door, fib)
            index &+= 1
        }
    }

    /// A receive interface, and the address that frames to a router on it have.
    private struct Door {
        let interface: UInt16
        /// No address at all if its packets go another way.
        let mac: UInt64

        @inline(__always)
        init(_ index: UInt16, _ tables: UnsafePointer<ForwardingTables>) {
            interface = index
            let entry = tables.pointee.interface(index)
            let flags = entry.pointee.flags & (InterfaceEntry.up | InterfaceEntry.detours)
            let isPlain =
                flags == InterfaceEntry.up && entry.pointee.addressCount > 0
                && !EthernetHeader.isGroup(entry.pointee.mac)
            mac = isPlain ? entry.pointee.mac : .max
        }
    }

    @inline(__always)
    private func check(_ index: Int, _ mbuf: Mbuf, _ door: inout Door, _ fib: FibReader) {
        if mbuf.rxInterface != door.interface {
            door = Door(mbuf.rxInterface, context.pointee.tables)
        }
        let length = mbuf.length
        let data = mbuf.data
        guard length >= Self.minimumBytes, mbuf.flags & MbufFlags.traced == 0,
            data.loadUnaligned(as: UInt64.self) & EthernetHeader.addressMask == door.mac,
            Self.isPlain(data, length &- EthernetHeader.byteCount)
        else {
            places[index] = 0
            destinations[index] = 0
            return
        }
        let total = Int((data + 16).loadUnaligned(as: UInt16.self).byteSwapped)
        if total &+ EthernetHeader.byteCount != length {
            mbuf.setLength(total &+ EthernetHeader.byteCount)
        }
        places[index] = UInt(bitPattern: data)
        let destination = UInt32(bigEndian: (data + 30).loadUnaligned(as: UInt32.self))
        destinations[index] = destination
        fib.prefetch(destination)
    }

    /// Ethernet and IPv4 headers.
    private static var minimumBytes: Int { EthernetHeader.byteCount + IPv4Header.minimumBytes }

    /// Whether a frame of at least `minimumBytes`, `rest` of them behind its Ethernet header, has an IPv4 header
    /// without options and with nothing to object to.
    @inline(__always)
    private static func isPlain(_ data: UnsafeMutableRawPointer, _ rest: Int) -> Bool {
        let type = (data + 12).loadUnaligned(as: UInt32.self)
        let first = (data + 14).loadUnaligned(as: UInt64.self)
        let second = (data + 22).loadUnaligned(as: UInt64.self)
        let third = (data + 30).loadUnaligned(as: UInt32.self)
        let total = Int(UInt16(truncatingIfNeeded: first &>> 16).byteSwapped)
        let fragment = UInt16(truncatingIfNeeded: first &>> 48)
        let source = UInt8(truncatingIfNeeded: second &>> 32)
        let destination = UInt8(truncatingIfNeeded: third)
        return type & 0xFF_FFFF == 0x45_0008
            && isRightSum(first, second, third)
            && UInt(bitPattern: rest &- total) <= UInt(bitPattern: rest &- IPv4Header.minimumBytes)
            && fragment & 0xFF1F != 0x0100
            && UInt8(truncatingIfNeeded: second) > 1
            && source &- 1 < 223 && source != 127
            && destination &- 1 < 223 && destination != 127
    }

    /// Whether a header, not all 0, has the one's complement sum 0xFFFF (RFC 1071), which is 0 in arithmetic
    /// modulo 65,535.
    ///
    /// A carry out of 64 bits counts 1 there as well. A multiple of an odd divisor times the divisor's inverse
    /// modulo 2^64 is the quotient; any other number comes out larger than all quotients.
    @inline(__always)
    private static func isRightSum(_ first: UInt64, _ second: UInt64, _ third: UInt32) -> Bool {
        let (both, isOver) = first.addingReportingOverflow(second)
        let carried = both &+ (isOver ? 1 : 0)
        let (all, isOverAgain) = carried.addingReportingOverflow(UInt64(third))
        let sum = all &+ (isOverAgain ? 1 : 0)
        // 65535 * 0xFFFE_FFFE_FFFE_FFFF = 1 modulo 2^64.
        return sum &* 0xFFFE_FFFE_FFFE_FFFF <= UInt64.max / 65535
    }
}

// What the nodes do with it.
extension IPv4FastPath {
    /// Finds the adjacencies.
    @inline(__always)
    private func lookUp(_ frame: borrowing Frame<Next>, _ start: Int, _ end: Int) {
        let seen = context.pointee.fib.lookupPrefetched(
            addresses: destinations + start,
            leaves: leaves + start,
            count: end &- start
        )
        if seen & Leaf.isPathListBit != 0 { pick(frame, start, end) }
    }

    /// Takes one adjacency of each ECMP group, by the flow.
    @inline(never)
    private func pick(_ frame: borrowing Frame<Next>, _ start: Int, _ end: Int) {
        let tables = context.pointee.tables
        var index = start
        while index < end {
            if leaves[index] & Leaf.isPathListBit != 0,
                let data = UnsafeMutableRawPointer(bitPattern: places[index])
            {
                let mbuf = frame.mbufs[index]
                let header = IPv4Header(at: data + EthernetHeader.byteCount)
                let hash = FlowHash.hash(header, mbuf.length &- EthernetHeader.byteCount)
                mbuf.flowHash = hash
                leaves[index] = tables.pointee.bucket(leaves[index] & ~Leaf.isPathListBit, hash)
            }
            index &+= 1
        }
    }

    /// What `ip4-rewrite` and `interface-output` do with a packet that has a next hop and fits.
    @inline(__always)
    private func rewrite(
        _ frame: borrowing Frame<Next>,
        _ start: Int,
        _ end: Int,
        _ run: inout Run
    ) {
        let tables = context.pointee.tables
        let (places, leaves, mbufs, nexts) = (places, leaves, frame.mbufs, frame.nexts)
        var interface = run.interface
        var index = start
        while index < end {
            let mbuf = mbufs[index]
            let leaf = leaves[index]
            let adjacency = tables.pointee.adjacency(leaf)
            let output = adjacency.pointee.txInterface
            if let data = UnsafeMutableRawPointer(bitPattern: places[index]),
                mbuf.length <= Int(adjacency.pointee.frameLimit),
                UInt32(output) == interface || begin(&run, at: index, with: output, frame)
            {
                interface = UInt32(output)
                Self.change(mbuf, data, leaf, adjacency)
                nexts[index] = Frame<Next>.consumed
            } else {
                nexts[index] = 0
                self.end(&run, at: index, frame)
                run.start = index &+ 1
            }
            index &+= 1
        }
    }

    /// Ends the run before a packet that leaves by another interface, and begins one with it.
    ///
    /// - Returns: false if that interface is down or none.
    @inline(never)
    private func begin(
        _ run: inout Run,
        at index: Int,
        with interface: UInt16,
        _ frame: borrowing Frame<Next>
    ) -> Bool {
        end(&run, at: index, frame)
        guard Int(interface) < ForwardingTables.interfaceLimit,
            context.pointee.tables.pointee.interface(interface).pointee.isUp,
            outputNodes[Int(interface)] != InterfaceOutput.noNode
        else { return false }
        run.interface = UInt32(interface)
        run.node = outputNodes[Int(interface)]
        return true
    }

    /// Sends what is not sent of the packets before `index`.
    @inline(never)
    private func end(_ run: inout Run, at index: Int, _ frame: borrowing Frame<Next>) {
        let count = index &- run.start
        guard count > 0 else { return }
        let dispatcher = frame.output.dispatcher
        if count == 1 {
            dispatcher.pointee.append(frame.mbufs[run.start], to: run.node)
        } else {
            dispatcher.pointee.append(frame.mbufs + run.start, count: count, to: run.node)
        }
        run.sent &+= count
        run.start = index
    }

    /// Takes one off the TTL and puts the next hop's header in the place of that of the received frame.
    @inline(__always)
    private static func change(
        _ mbuf: Mbuf,
        _ data: UnsafeMutableRawPointer,
        _ leaf: UInt32,
        _ adjacency: UnsafePointer<AdjacencyEntry>
    ) {
        // TTL, protocol, checksum: with 1 off the first the last is 1 more, and not 0xFFFF (RFC 1624).
        let word = (data + 22).loadUnaligned(as: UInt32.self)
        let next = word &+ 0xFFFF &+ (word >= 0xFFFE_0000 ? 0x1_0000 : 0)
        (data + 22).storeBytes(of: next, as: UInt32.self)
        data.storeBytes(of: adjacency.pointee.headerHead, as: UInt64.self)
        (data + 6).storeBytes(of: adjacency.pointee.headerTail, as: UInt64.self)
        mbuf.l3Offset = UInt16(EthernetHeader.byteCount)
        mbuf.adjacency = leaf
        mbuf.txInterface = adjacency.pointee.txInterface
    }
}
