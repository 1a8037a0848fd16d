internal import CLinux
internal import Coordination
internal import PacketGraph
internal import PacketNodes

#if canImport(Glibc)
    internal import Glibc
#endif

/// What a planned restart takes from one worker and gives to the next: see `docs/restart.md`.
extension Forwarder {
    /// How long a lane may take to obey; one that takes longer is hung.
    private static let limitMicroseconds = 1_000_000

    /// Ends the lanes with nothing in flight, and leaves everything to a successor.
    ///
    /// - Parameter record: complete when this returns.
    /// - Throws: which lane does not obey; the lanes are in no state to go on then.
    func handOver(_ record: HandoverRecord) throws(StartError) {
        guard record.laneCount == lanes.count else {
            throw StartError(
                "the record has room for \(record.laneCount) lanes, not \(lanes.count)"
            )
        }
        record.quietTSC = timestamp()
        try order(LaneOrder.quiesce)
        try waitForRest()
        try order(LaneOrder.end)
        forwarding.lanesRun = false
        for (index, lane) in lanes.enumerated() {
            lane.pointee.held?.leave(in: record, lane: index)
        }
        record.streams = generator.progress
        publishGauges()
        record.enter(.handed)
    }

    /// Goes on where a predecessor has ended.
    ///
    /// - Parameters:
    ///   - record: handed over.
    ///   - predecessor: its counters.
    /// - Returns: for how many microseconds no packet was taken.
    /// - Throws: which step of the start failed.
    func takeOver(
        _ record: HandoverRecord,
        _ predecessor: WorkerSegment
    ) throws(StartError) -> Double {
        segment.continueCounts(of: predecessor)
        for (index, lane) in lanes.enumerated() {
            lane.pointee.held?.adopt(from: record, lane: index, pool: pool)
        }
        generator.resume(record.streams)
        let turns = lanes.map { $0.pointee.block.load(.loops) }
        try startLanes(keepsHandoffs: true)
        try waitForLanes("start") { lane, index in lane.block.load(.loops) != turns[index] }
        let ticks = timestamp() &- record.quietTSC
        record.enter(.taken)
        return Double(ticks) * 1e6 / Double(max(1, segment.load(.tscHertz)))
    }

    /// Gives all lanes an order and waits until each has come to it.
    func order(_ order: UInt64) throws(StartError) {
        guard forwarding.lanesRun else { return }
        for lane in lanes { CLinux_store_release64(lane.pointee.stopAsked, order) }
        for waker in wakers { waker.wake() }
        try waitForLanes("come to order \(order)") { lane, _ in
            CLinux_load_acquire64(lane.stopped) == order
        }
    }

    /// Waits until no packet moves between lanes any more.
    ///
    /// None takes anything from outside by now, so what moves becomes less: when each lane has turned
    /// twice and none has moved anything, every ring between them was empty and stays so.
    private func waitForRest() throws(StartError) {
        guard lanes.count > 1 else { return }
        for _ in 0..<1000 {
            let moved = movedPackets
            let turns = lanes.map { CLinux_load_acquire64($0.pointee.quiet.turns) }
            try waitForLanes("come to rest") { lane, index in
                CLinux_load_acquire64(lane.quiet.turns) >= turns[index] &+ 2
            }
            let isEmpty = lanes.allSatisfy { $0.pointee.handoff.localRingsAreEmpty }
            if isEmpty, movedPackets == moved { return }
        }
        throw StartError("packets go on moving between the lanes")
    }

    private var movedPackets: UInt64 {
        lanes.reduce(0) { $0 &+ CLinux_load_acquire64($1.pointee.quiet.packets) }
    }

    private func waitForLanes(
        _ what: String,
        _ condition: (LaneState, Int) -> Bool
    ) throws(StartError) {
        let clock = ContinuousClock()
        let end = clock.now + .microseconds(Self.limitMicroseconds)
        for (index, lane) in lanes.enumerated() {
            var looks = 0
            while !condition(lane.pointee, index) {
                looks += 1
                if looks < 1000 {
                    CLinux_pause()
                } else {
                    _ = CLinux_yield()
                    guard clock.now < end else {
                        throw StartError("lane \(index) does not \(what) within a second")
                    }
                }
            }
        }
    }
}
