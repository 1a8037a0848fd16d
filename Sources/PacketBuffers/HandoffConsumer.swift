internal import CDPDK

/// The reading end of a handoff ring, for one lane.
///
/// The ring has this lane as its only consumer. Packets are copied out into buffers of the lane's
/// own pool before their cells are given back, so that a consumer's death loses at most what was
/// published and not yet taken.
public struct HandoffConsumer: @unchecked Sendable {
    let ring: UnsafeMutableRawPointer

    /// In `nexts` of `read`: the packet was cut off, because this node's buffers cannot hold it.
    public static let tooLong: UInt16 = .max

    /// Takes the reading end of an initialised ring.
    public init(ring: UnsafeMutableRawPointer) { self.ring = ring }

    /// Forgets what a dead predecessor looked at and did not take.
    ///
    /// A packet is taken when it has been copied out and before the graph gets it, so that none comes
    /// twice, and one that its consumer died of does not come again.
    ///
    /// - Parameter keepsPublished: whether what was published for the predecessor is still wanted.
    /// - Returns: the cells skipped; 0 if they are kept.
    public func repair(keepsPublished: Bool) -> Int {
        guard keepsPublished else { return Int(cw_ring_skip_published(ring)) }
        cw_ring_repair_consumer(ring)
        return 0
    }

    /// What a visit found.
    public struct Taken {
        /// Packets copied into `mbufs`.
        public let packets: Int
        /// Packets lost because no buffer could be had.
        public let lost: Int
        /// Whether the cells made no sense and all that were visible were thrown away.
        public let isCorrupt: Bool
        /// Whether there may be more in the ring.
        public let mayHaveMore: Bool
        /// Whether packets are traced: they have the producer's trace in `trace`, its life in `adjacency`.
        public var hasTraced = false
    }

    /// Copies packets out.
    ///
    /// - Parameters:
    ///   - mbufs: room for `capacity` packets.
    ///   - nexts: filled with the raw `HandoffNext` of each, or `tooLong` for a packet that the
    ///     buffers of this node cannot hold, which arrives cut off.
    ///   - capacity: the most packets to take.
    ///   - pool: where buffers come from.
    /// - Returns: how many packets came, and what became of the others.
    public func read(
        into mbufs: UnsafeMutablePointer<Mbuf>,
        nexts: UnsafeMutablePointer<UInt16>,
        capacity: Int,
        pool: MbufPool
    ) -> Taken {
        let limit = 4096
        let cells = cw_ring_look(ring, UInt32(limit))
        let got = Int(cells.count)
        guard got > 0 else {
            return Taken(packets: 0, lost: 0, isCorrupt: false, mayHaveMore: false)
        }
        let run = survey(cells, got: got, capacity: capacity, isWhole: got < limit)
        guard run.packets > 0, !run.isCorrupt else {
            cw_ring_consume(ring, run.isCorrupt ? UInt32(truncatingIfNeeded: got) : 0)
            return Taken(packets: 0, lost: 0, isCorrupt: run.isCorrupt, mayHaveMore: false)
        }
        guard pool.take(mbufs, count: run.packets) else {
            cw_ring_consume(ring, UInt32(truncatingIfNeeded: run.cells))
            return Taken(
                packets: 0,
                lost: run.packets,
                isCorrupt: false,
                mayHaveMore: run.cells < got
            )
        }
        var position = 0
        var index = 0
        var flags: UInt16 = 0
        while index < run.packets {
            position &+= copy(cells, at: position, to: mbufs[index], next: nexts + index)
            flags |= mbufs[index].flags
            index &+= 1
        }
        cw_ring_consume(ring, UInt32(truncatingIfNeeded: run.cells))
        return Taken(
            packets: run.packets,
            lost: 0,
            isCorrupt: false,
            mayHaveMore: run.cells < got,
            hasTraced: flags & MbufFlags.traced != 0
        )
    }

    /// Counts the whole packets at the front of what is visible, and checks their headers.
    private func survey(
        _ cells: cw_cells,
        got: Int,
        capacity: Int,
        isWhole: Bool
    ) -> (packets: Int, cells: Int, isCorrupt: Bool) {
        var packets = 0
        var position = 0
        while position < got, packets < capacity {
            guard let cell = cells.cell(position) else { return (packets, position, true) }
            let header = cell.load(as: HandoffHeader.self)
            let length = Int(header.length)
            let count = Int(header.cells)
            guard length > 0, length <= HandoffCells.maximumPacketBytes,
                count == HandoffCells.count(length: length),
                HandoffNext(rawValue: header.next) != nil
            else { return (packets, position, true) }
            if position &+ count > got {
                // Only the limit of one look may cut a packet: producers publish whole ones.
                return (packets, position, isWhole)
            }
            position &+= count
            packets &+= 1
        }
        return (packets, position, false)
    }

    /// Copies one packet out of cells that `survey` has checked.
    ///
    /// - Returns: its cells.
    private func copy(
        _ cells: cw_cells,
        at position: Int,
        to mbuf: Mbuf,
        next: UnsafeMutablePointer<UInt16>
    ) -> Int {
        guard let cell = cells.cell(position) else { return 0 }
        let header = cell.load(as: HandoffHeader.self)
        let count = Int(header.cells)
        let length = min(Int(header.length), mbuf.room)
        mbuf.enterGraph(rxInterface: header.rxInterface)
        mbuf.setLength(length)
        mbuf.txInterface = header.txInterface
        mbuf.flowHash = header.flowHash
        mbuf.flags = header.flags | MbufFlags.handedOver
        if header.flags & MbufFlags.traced != 0 {
            mbuf.trace = header.trace
            mbuf.adjacency = header.incarnation
        }
        next.pointee = Int(header.length) > mbuf.room ? Self.tooLong : header.next
        let start = position &+ 1
        let beforeWrap = Int(cells.first_count) &- start
        guard let source = cells.cell(start) else { return count }
        if beforeWrap >= count &- 1 || beforeWrap <= 0 {
            if mbuf.room >= (count &- 1) &* HandoffCells.bytes {
                HandoffCells.copy(source, to: mbuf.data, cells: count &- 1)
            } else {
                HandoffCells.copyExactly(source, to: mbuf.data, byteCount: length)
            }
        } else {
            let head = min(beforeWrap &* HandoffCells.bytes, length)
            HandoffCells.copyExactly(source, to: mbuf.data, byteCount: head)
            if let rest = cells.second {
                HandoffCells.copyExactly(rest, to: mbuf.data + head, byteCount: length &- head)
            }
        }
        return count
    }
}
