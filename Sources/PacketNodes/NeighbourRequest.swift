internal import Coordination
internal import PacketBuffers

/// Makes ARP requests.
enum NeighbourRequest {
    /// What became of a request.
    enum Outcome {
        /// It is a frame that is ready for `interface-output`.
        case made(Mbuf)
        case noBuffer, noSourceAddress
    }

    /// Makes a broadcast request for an address (in host byte order), from the interface's address
    /// on the same subnet.
    static func make(
        for address: UInt32,
        interface: UInt16,
        context: UnsafeMutablePointer<LaneContext>
    ) -> Outcome {
        let tables = context.pointee.tables
        guard let own = tables.pointee.sourceAddress(towards: address, interface: interface) else {
            return .noSourceAddress
        }
        guard let mbuf = context.pointee.pool.take() else {
            context.pointee.block.pointer(.bufferFailures).pointee &+= 1
            return .noBuffer
        }
        mbuf.enterGraph(rxInterface: 0)
        mbuf.txInterface = interface
        mbuf.flags = MbufFlags.local
        mbuf.setLength(EthernetHeader.minimumFrameBytes)
        let data = mbuf.data
        data.initializeMemory(as: UInt8.self, repeating: 0, count: EthernetHeader.minimumFrameBytes)
        let mac = tables.pointee.interface(interface).pointee.mac
        EthernetHeader.write(
            at: data,
            destination: EthernetHeader.addressMask,
            source: mac,
            type: EthernetHeader.TypeInMemory.arp
        )
        ARPHeader(at: data + EthernetHeader.byteCount).write(
            operation: ARPHeader.request,
            senderMAC: mac,
            sender: own,
            targetMAC: 0,
            target: address
        )
        return .made(mbuf)
    }
}
