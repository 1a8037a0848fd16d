import CLinux
import Coordination
import Glibc
import LinuxSystem

// A process of a barrier under test: `barrier-peer lanes FILE SEED` runs the lanes of a segment,
// `barrier-peer coordinator SEED FILE PID [FILE PID]...` closes and opens until it is killed.
//
// A lane "forwards" by setting its word `held`, counting in `inputVectors`, and taking `held` down
// again; some of its turns it sleeps, with the marks of a real lane.

/// Numbers that a seed determines.
struct Random {
    var state: UInt64

    mutating func next(below bound: UInt64) -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state % bound
    }
}

/// A lane of a segment on a thread of its own.
struct PeerLane {
    let block: LaneBlock
    let barrier: LaneBarrier
    var random: Random

    mutating func run() {
        block.pointer(.threadID).pointee = UInt64(CLinux_thread_id())
        while true {
            CLinux_store_relaxed64(block.pointer(.loops), block.load(.loops) + 1)
            CLinux_store_relaxed64(block.pointer(.heartbeatTSC), CLinux_tsc())
            if barrier.isCalled { _ = barrier.stand() }
            CLinux_store_relaxed64(block.pointer(.held), 1)
            for _ in 0..<random.next(below: 50) { CLinux_pause() }
            CLinux_store_relaxed64(block.pointer(.inputVectors), block.load(.inputVectors) + 1)
            CLinux_store_relaxed64(block.pointer(.held), 0)
            // Two lanes and their coordinator may share a CPU.
            if random.next(below: 16) == 0 { sched_yield() }
            if random.next(below: 200) == 0 { sleep() }
        }
    }

    private mutating func sleep() {
        CLinux_store_release64(block.pointer(.asleep), 1)
        CLinux_full_fence()
        if !barrier.isCalledRelaxed { usleep(UInt32(random.next(below: 2000))) }
        CLinux_store_release64(block.pointer(.asleep), 0)
        CLinux_full_fence()
    }
}

func runLanes(_ segment: WorkerSegment, seed: UInt64) -> Never {
    for lane in 0..<segment.laneCount {
        let box = UnsafeMutablePointer<PeerLane>.allocate(capacity: 1)
        box.initialize(
            to: PeerLane(
                block: segment.lane(lane),
                barrier: LaneBarrier(segment, lane: lane),
                random: Random(state: seed &+ UInt64(lane) &+ 1)
            )
        )
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { argument in
                argument?.assumingMemoryBound(to: PeerLane.self).pointee.run()
                return nil
            },
            box
        )
    }
    while true { pause() }
}

func coordinate(_ members: [BarrierMember], seed: UInt64) -> Never {
    var random = Random(state: seed)
    var times = BarrierTimes()
    times.lease = .milliseconds(50)
    let barrier = Barrier(times: times, hertz: ClockKeeper.roughHertz())
    while true {
        // A barrier that is not closed, or expires, is for the test to find out.
        if let closed = try? barrier.close(members) {
            for _ in 0..<random.next(below: 2000) { CLinux_pause() }
            _ = try? barrier.open(closed)
        }
        usleep(UInt32(random.next(below: 300)))
    }
}

let arguments = CommandLine.arguments
if arguments.count == 4, arguments[1] == "lanes",
    let segment = try? WorkerSegment.open(path: arguments[2], writable: true)
{
    runLanes(segment, seed: UInt64(arguments[3]) ?? 1)
}
if arguments.count >= 5, arguments[1] == "coordinator" {
    let members = stride(from: 3, to: arguments.count - 1, by: 2).compactMap { index in
        if let segment = try? WorkerSegment.open(path: arguments[index], writable: true),
            let process = try? ProcessDescriptor(pid: Int32(arguments[index + 1]) ?? 0)
        {
            BarrierMember(segment: segment, process: process)
        } else {
            nil
        }
    }
    coordinate(members, seed: (UInt64(arguments[2]) ?? 1) + 1)
}
exit(64)
