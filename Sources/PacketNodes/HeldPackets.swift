internal import CDPDK
public import Coordination
public import PacketBuffers

/// The packets of a lane that wait for neighbours, for the control lane while the lane does not run.
public struct HeldPackets {
    private let hold: UnsafeMutablePointer<NeighbourHold>

    init(_ hold: UnsafeMutablePointer<NeighbourHold>) { self.hold = hold }

    /// Leaves them to a successor, whose they are from then on.
    ///
    /// - Parameters:
    ///   - record: where to.
    ///   - lane: the lane's number.
    public func leave(in record: HandoverRecord, lane: Int) {
        let list = record.held(lane)
        var count = 0
        for index in 0..<NeighbourHold.capacity where count < HandoverRecord.heldPerLane {
            let entry = hold.pointee.entry(index)
            guard entry.pointee.isUsed else { continue }
            let packet = hold.pointee.takePacket(index)
            list[count] = HandoverRecord.Held(
                buffer: packet.map { UInt64(UInt(bitPattern: $0.pointer)) } ?? 0,
                lastRequest: entry.pointee.lastRequest,
                address: entry.pointee.address,
                interface: entry.pointee.interface,
                requests: entry.pointee.requests
            )
            hold.pointee.remove(index)
            count += 1
        }
        record.setHeldCount(lane, count)
    }

    /// Takes over what a predecessor has left.
    ///
    /// - Parameters:
    ///   - record: from where.
    ///   - lane: the lane's number.
    ///   - pool: the buffers' own; what finds no place goes back there.
    public func adopt(from record: HandoverRecord, lane: Int, pool: MbufPool) {
        let list = record.held(lane)
        for index in 0..<record.heldCount(lane) {
            let packet = UnsafeMutablePointer<cw_mbuf>(bitPattern: UInt(list[index].buffer))
                .map(Mbuf.init)
            if !hold.pointee.adopt(list[index], packet: packet), let packet { pool.give(packet) }
        }
    }
}
