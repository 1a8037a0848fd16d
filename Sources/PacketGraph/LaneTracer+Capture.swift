internal import CDPDK
internal import Coordination
internal import PacketBuffers

extension LaneTracer {
    /// Captures packets of a frame that its node's role asks for.
    ///
    /// - Parameters:
    ///   - mbufs: the packets, as they came in or are about to be sent or dropped.
    ///   - count: how many.
    ///   - node: the graph index of the node that brought them or is to get them.
    mutating func captureFrame(_ mbufs: UnsafePointer<Mbuf>, count: Int, node: UInt16) {
        let wanted = captures.rawValue & UInt64(roles[Int(node)])
        guard wanted != 0, let area else { return }
        let interface = area.load(TraceBuffer.Word.captureInterface)
        let limit = area.load(TraceBuffer.Word.capturePackets)
        var index = 0
        while index < count {
            let mbuf = mbufs[index]
            let own = wanted == CaptureSet.tx.rawValue ? mbuf.txInterface : mbuf.rxInterface
            if interface == 0 || interface == UInt64(own) {
                guard area.pointer(.captured).pointee < limit else { return }
                capture(mbuf, interface: own, wanted, node: node, area)
            }
            index &+= 1
        }
    }

    private func capture(
        _ mbuf: Mbuf,
        interface: UInt16,
        _ what: UInt64,
        node: UInt16,
        _ area: TraceLane
    ) {
        let isCall = what == CaptureSet.dispatch.rawValue
        let isBare = isCall ? Self.beginsWithIPv4(mbuf) : Self.isBare(mbuf)
        let back = isCall && isBare ? 0 : Self.bytesBack(mbuf)
        let length = mbuf.length &+ back
        let stride = CapturedPacket.headerBytes &+ (length &+ 7) & ~7
        let used = area.pointer(.capturedBytes).pointee
        let room = min(
            area.load(TraceBuffer.Word.captureBytes),
            UInt64(TraceBuffer.captureLimit)
        )
        guard used &+ UInt64(stride) <= room else {
            let lost = area.pointer(.captureLost).pointee
            area.store(.captureLost, lost &+ 1)
            return
        }
        let address = area.capture + Int(truncatingIfNeeded: used)
        var header = CapturedPacket(
            time: cw_timestamp(),
            length: UInt32(truncatingIfNeeded: length),
            what: UInt16(truncatingIfNeeded: what)
                | (isBare ? CapturedPacket.bareBit : 0),
            interface: interface,
            error: mbuf.error,
            node: node
        )
        if isCall { Self.fill(&header, from: mbuf) }
        address.storeBytes(of: header, as: CapturedPacket.self)
        (address + CapturedPacket.headerBytes).copyMemory(
            from: mbuf.data - back,
            byteCount: length
        )
        area.store(.capturedBytes, used &+ UInt64(stride))
        area.store(.captured, area.pointer(.captured).pointee &+ 1)
    }

    private static func fill(_ header: inout CapturedPacket, from mbuf: Mbuf) {
        // Buffers begin at multiples of 64 bytes.
        header.buffer = UInt32(truncatingIfNeeded: UInt(bitPattern: mbuf.pointer) &>> 6)
        header.rxInterface = mbuf.rxInterface
        header.txInterface = mbuf.txInterface
        header.flags = mbuf.flags
        header.headroom = UInt16(truncatingIfNeeded: mbuf.headroom)
        header.adjacency = mbuf.adjacency
        header.flowHash = mbuf.flowHash
        header.trace = mbuf.trace
        header.l3Offset = mbuf.l3Offset
    }

    /// Bytes of the received frame's header in front of a packet that has lost it on its way.
    private static func bytesBack(_ mbuf: Mbuf) -> Int {
        let offset = Int(mbuf.l3Offset)
        return offset > 0 && mbuf.headroom &- offset == TraceRecord.frameHeadroom ? offset : 0
    }

    /// Whether it is an IPv4 packet that never had a header in front, or has another packet's there.
    private static func isBare(_ mbuf: Mbuf) -> Bool {
        bytesBack(mbuf) == 0 && beginsWithIPv4(mbuf)
    }

    /// Whether the packet begins with an IPv4 header as the graph has it now.
    private static func beginsWithIPv4(_ mbuf: Mbuf) -> Bool {
        mbuf.headroom != TraceRecord.frameHeadroom && mbuf.length > 0
            && mbuf.data.load(as: UInt8.self) >> 4 == 4
    }
}
