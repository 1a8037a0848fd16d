import CLinux
import Coordination
import Glibc

/// A lane without packets: it turns, sleeps a little in each turn, and stands in barriers.
struct FakeLane {
    private let block: LaneBlock
    private let barrier: LaneBarrier
    /// Whether it stops turning after its first turns, and runs on.
    private let isStuck: Bool

    /// Starts a thread for each lane of a segment.
    static func start(_ segment: WorkerSegment, isStuck: Bool) {
        for lane in 0..<segment.laneCount {
            let box = UnsafeMutablePointer<FakeLane>.allocate(capacity: 1)
            box.initialize(
                to: FakeLane(
                    block: segment.lane(lane),
                    barrier: LaneBarrier(segment, lane: lane),
                    isStuck: isStuck
                )
            )
            var thread = pthread_t()
            pthread_create(
                &thread,
                nil,
                { argument in
                    argument?.assumingMemoryBound(to: FakeLane.self).pointee.run()
                    return nil
                },
                box
            )
        }
    }

    private func run() {
        block.pointer(.threadID).pointee = UInt64(CLinux_thread_id())
        while true {
            if isStuck, block.load(.loops) > 20 { continue }
            CLinux_store_relaxed64(block.pointer(.loops), block.load(.loops) + 1)
            CLinux_store_relaxed64(block.pointer(.heartbeatTSC), CLinux_tsc())
            if barrier.isCalled { _ = barrier.stand() }
            CLinux_store_release64(block.pointer(.asleep), 1)
            CLinux_full_fence()
            usleep(2000)
            CLinux_store_release64(block.pointer(.asleep), 0)
            CLinux_full_fence()
        }
    }
}
