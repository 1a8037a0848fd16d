public import CDPDK

/// The writing end of a handoff ring, for one lane.
///
/// The ring has this lane as its only producer. Packets are copied in by value, published in one
/// step, and only then is the consumer's doorbell rung, so that a bit that is set is never early. A
/// producer that dies between reserving and publishing leaves nothing visible; its successor calls
/// `repair` first.
@frozen
public struct HandoffProducer: @unchecked Sendable {
    @usableFromInline let ring: UnsafeMutableRawPointer
    /// The consumer's doorbell word for this producer, and the bit in it.
    @usableFromInline let doorbell: UnsafeMutablePointer<UInt64>
    @usableFromInline let doorbellBit: UInt64
    @usableFromInline let incarnation: UInt32

    /// Takes the writing end.
    ///
    /// - Parameters:
    ///   - ring: an initialised ring of 64-byte cells.
    ///   - doorbellLine: the consumer's doorbell line (eight words).
    ///   - source: this producer's number among the ring file's sources.
    ///   - incarnation: the life of this worker.
    public init(
        ring: UnsafeMutableRawPointer,
        doorbellLine: UnsafeMutableRawPointer,
        source: Int,
        incarnation: UInt32
    ) {
        precondition((0..<512).contains(source), "a doorbell line has 512 bits")
        self.ring = ring
        doorbell = doorbellLine.assumingMemoryBound(to: UInt64.self) + source / 64
        doorbellBit = 1 << UInt64(source % 64)
        self.incarnation = incarnation
    }

    /// Forgets what a dead predecessor reserved and did not publish, and rings for what it published
    /// without having come to ring.
    public func repair() {
        cw_ring_repair_producer(ring)
        _ = ring(doorbell)
    }

    /// What became of a batch.
    @frozen
    public struct Written {
        /// Packets published, always the first of the batch; the others found no room.
        public let packets: Int
        /// Cells of 64 bytes that they took.
        public let cells: Int
        /// Whether the doorbell had to be rung.
        public let rang: Bool

        @inlinable @inline(__always)
        init(packets: Int, cells: Int, rang: Bool) {
            self.packets = packets
            self.cells = cells
            self.rang = rang
        }
    }

    /// Copies packets into the ring and publishes them together.
    ///
    /// - Parameters:
    ///   - mbufs: the packets, which stay the caller's.
    ///   - count: how many.
    ///   - next: the graph node that goes on with them.
    ///   - now: the time-stamp counter.
    /// - Returns: how many went in, and whether the consumer had to be woken.
    @inlinable
    public func write(
        _ mbufs: UnsafePointer<Mbuf>,
        count: Int,
        next: HandoffNext,
        now: UInt64
    ) -> Written {
        var wanted = 0
        var index = 0
        while index < count {
            wanted &+= HandoffCells.count(length: mbufs[index].length)
            index &+= 1
        }
        let room = cw_ring_reserve(ring, UInt32(truncatingIfNeeded: wanted))
        let got = Int(room.count)
        var used = 0
        var done = 0
        var asked = 0
        while done < count {
            let mbuf = mbufs[done]
            let cells = HandoffCells.count(length: mbuf.length)
            if used &+ cells > got { break }
            let ahead = min(used &+ cells &+ HandoffCells.prefetchDistance, got)
            while asked < ahead {
                if let cell = room.cell(asked) { cw_prefetch_write(cell) }
                asked &+= 1
            }
            copy(mbuf, cells: cells, to: room, at: used, next: next, now: now)
            used &+= cells
            done &+= 1
        }
        // Also with nothing written: it takes the reservation back.
        cw_ring_publish(ring, UInt32(truncatingIfNeeded: used))
        return Written(packets: done, cells: used, rang: done > 0 && ring(doorbell))
    }

    /// Sets the doorbell bit if the consumer has taken it down; see the memory-order note in the
    /// design page.
    @inlinable @inline(__always)
    func ring(_ word: UnsafeMutablePointer<UInt64>) -> Bool {
        // The publish must be visible before the bit is looked at: a consumer clears the bit and
        // then looks.
        cw_full_fence()
        guard cw_load_relaxed64(word) & doorbellBit == 0 else { return false }
        _ = cw_fetch_or64(word, doorbellBit)
        return true
    }

    @inlinable @inline(__always)
    func copy(
        _ mbuf: Mbuf,
        cells: Int,
        to room: cw_cells,
        at position: Int,
        next: HandoffNext,
        now: UInt64
    ) {
        let length = mbuf.length
        guard let header = room.cell(position) else { return }
        header.storeBytes(
            of: HandoffHeader(
                length: UInt16(truncatingIfNeeded: length),
                cells: UInt16(truncatingIfNeeded: cells),
                next: next.rawValue,
                flags: mbuf.flags,
                rxInterface: mbuf.rxInterface,
                txInterface: mbuf.txInterface,
                flowHash: mbuf.flowHash,
                trace: mbuf.flags & MbufFlags.traced != 0 ? mbuf.trace : 0,
                incarnation: incarnation,
                enqueueTSC: now
            ),
            as: HandoffHeader.self
        )
        let source = mbuf.data
        let start = position &+ 1
        let beforeWrap = Int(room.first_count) &- start
        if beforeWrap >= cells &- 1 || beforeWrap <= 0 {
            guard let target = room.cell(start) else { return }
            // What lies behind the packet in its buffer fills the last cell.
            if mbuf.room >= (cells &- 1) &* HandoffCells.bytes {
                HandoffCells.copy(source, to: target, cells: cells &- 1)
            } else {
                HandoffCells.copyExactly(source, to: target, byteCount: length)
            }
        } else {
            guard let target = room.cell(start), let rest = room.second else { return }
            let head = beforeWrap &* HandoffCells.bytes
            HandoffCells.copyExactly(source, to: target, byteCount: head)
            HandoffCells.copyExactly(source + head, to: rest, byteCount: length &- head)
        }
    }
}

extension cw_cells {
    /// The cell at a position of the run, across the ring's end.
    @inlinable @inline(__always)
    func cell(_ position: Int) -> UnsafeMutableRawPointer? {
        let beforeWrap = Int(first_count)
        return position < beforeWrap
            ? first.map { $0 + position &* HandoffCells.bytes }
            : second.map { $0 + (position &- beforeWrap) &* HandoffCells.bytes }
    }
}
