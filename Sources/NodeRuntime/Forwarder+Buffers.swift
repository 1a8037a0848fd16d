internal import Coordination
internal import PacketBuffers
internal import PacketGraph

#if canImport(Glibc)
    internal import Glibc
#endif

/// The control lane's account of the node's buffers: see `BufferAccounts`.
extension Forwarder {
    /// What an audit found that was not so before.
    enum BufferFinding {
        /// So many buffers are missing (above 0), or there twice (below 0).
        case wrong(missing: Int, BufferAccounts.Reading)
        /// All are accounted for again.
        case right
    }

    /// Looks where all buffers of the pool are, and writes it to the segment.
    ///
    /// - Returns: what is to be told; nil: nothing new.
    func auditBuffers() -> BufferFinding? {
        // A worker that waits for its turn shares the pool with the one that forwards.
        guard forwarding.lanesRun else {
            accounts = BufferAccounts()
            return nil
        }
        let reading = bufferReading
        segment.store(.poolReceive, UInt64(reading.receive))
        segment.store(.poolTransmit, UInt64(reading.transmit))
        segment.store(.poolLanes, UInt64(reading.ofLanes))
        switch accounts.take(reading) {
        case .busy: return nil
        case .atLeast(let missing): return note(missing, reading)
        case .exact(let missing):
            segment.store(.poolAudits, segment.load(.poolAudits) &+ 1)
            segment.store(.poolAuditTime, UInt64(time(nil)))
            return note(missing, reading)
        }
    }

    /// A difference counts when it is found twice in a row, so that nothing rests on one moment.
    private func note(_ missing: Int, _ reading: BufferAccounts.Reading) -> BufferFinding? {
        defer { lastMissing = missing }
        guard missing == lastMissing else { return nil }
        let known =
            Int(clamping: segment.load(.poolMissing)) - Int(clamping: segment.load(.poolSurplus))
        guard missing != known else { return nil }
        segment.store(.poolMissing, UInt64(max(0, missing)))
        segment.store(.poolSurplus, UInt64(max(0, -missing)))
        events.record(
            .buffers,
            at: timestamp(),
            small: missing < 0 ? 1 : 0,
            value: UInt64(abs(missing))
        )
        return missing == 0 ? .right : .wrong(missing: missing, reading)
    }

    private var bufferReading: BufferAccounts.Reading {
        let blocks = lanes.map(\.pointee.block)
        let states = blocks.map {
            BufferAccounts.Lane(
                turns: $0.load(.loops),
                packets: $0.load(.inputVectors) &+ $0.load(.internalVectors),
                isAtRest: $0.load(.asleep) != 0
            )
        }
        func sum(_ word: LaneBlock.Word) -> Int {
            blocks.reduce(0) { $0 + Int(clamping: $1.load(word)) }
        }
        return BufferAccounts.Reading(
            size: pool.size,
            free: pool.available,
            receive: Int(clamping: segment.load(.portBuffers)),
            slack: Int(clamping: segment.load(.portSlack)),
            transmitMost: Int(clamping: segment.load(.portMost)),
            atHand: sum(.atHand),
            held: sum(.held),
            betweenLanes: wiring.buffersBetweenLanes,
            lanes: states
        )
    }
}
