import CLinux
import Coordination
import Foundation
import LinuxSystem
import TestSupport
import Testing

/// A lane that does nothing but sleep until it is called, and note what was published.
private final class SleepingLane: @unchecked Sendable {
    let memory: UnsafeMutableRawPointer
    let event: EventDescriptor
    let bed: LaneBed
    private let words: UnsafeMutablePointer<UInt64>
    /// How often a sleep went on until its time was over: somebody who called was not heard.
    private(set) var overslept = 0
    private(set) var sleeps = 0

    init(memory: UnsafeMutableRawPointer) throws {
        self.memory = memory
        event = try EventDescriptor()
        bed = LaneBed(
            signals: LaneSignals(memory),
            wakeup: event.descriptor,
            devices: []
        )
        words = memory.assumingMemoryBound(to: UInt64.self)
    }

    var bell: UnsafeMutablePointer<UInt64> { words + 8 }
    var published: UnsafeMutablePointer<UInt64> { words + 16 }
    var seen: UnsafeMutablePointer<UInt64> { words + 24 }
    var waker: LaneWaker { LaneWaker(signals: bed.signals, descriptor: event.descriptor) }

    /// Sleeps and looks until `goal` has been published.
    func run(until goal: UInt64) {
        while seen.pointee < goal, overslept == 0 {
            if CLinux_load_relaxed64(bell) != 0 { _ = CLinux_exchange64(bell, 0) }
            let now = CLinux_load_acquire64(published)
            if now != seen.pointee {
                CLinux_store_release64(seen, now)
                continue
            }
            let ending = bed.sleep(microseconds: 20_000_000) { CLinux_load_relaxed64(bell) != 0 }
            sleeps += ending == .called ? 0 : 1
            overslept += ending == .time ? 1 : 0
        }
    }

    func call() {
        CLinux_store_release64(published, published.pointee + 1)
        CLinux_full_fence()
        guard CLinux_load_relaxed64(bell) & 1 == 0 else { return }
        _ = CLinux_fetch_or64(bell, 1)
        waker.wake()
    }
}

@Suite struct LaneBedTests {
    /// The program that calls, which is built beside the tests.
    private static var peer: String {
        let own = SmallFile.linkTarget("/proc/self/exe") ?? ""
        return String(own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex)) + "/wake-peer"
    }

    private func zeroedLines() -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: 256)
        return memory
    }

    @Test(arguments: [0, 1, 7, 50])
    func noCallOfAnotherThreadIsLost(pause: Int) async throws {
        let lane = try SleepingLane(memory: zeroedLines())
        let calls: UInt64 = 20_000
        let caller = Thread {
            for call in 1...calls {
                lane.call()
                // Without a pause the lane hardly sleeps; with one after every few calls it is
                // caught at each step of falling asleep.
                if pause > 0, call % UInt64(pause) == 0 {
                    while CLinux_load_acquire64(lane.seen) < call { sched_yield() }
                }
            }
        }
        caller.start()
        lane.run(until: calls)
        #expect(lane.overslept == 0)
        #expect(lane.seen.pointee == calls)
    }

    @Test func noCallOfAnotherProcessIsLostAndADeathIsSurvived() async throws {
        let path = NSTemporaryDirectory() + "causeway-wake-\(getpid())"
        let mapping = try SharedMapping.create(path: path, byteCount: 4096)
        defer { unlink(path) }
        let lane = try SleepingLane(memory: mapping.base)
        let calls: UInt64 = 5_000
        func start() throws -> ChildProcess {
            try ChildProcess.spawn(
                executable: Self.peer,
                arguments: [path, "\(calls)"],
                environment: [:],
                descriptor: lane.event.descriptor
            )
        }
        let first = try start()
        lane.run(until: calls / 2)
        try first.process.send(signal: SIGKILL)
        while first.reap() == nil { sched_yield() }
        // What it had published but not called is seen at the next look.
        lane.run(until: lane.published.pointee)
        let goal = lane.published.pointee + calls
        let second = try start()
        lane.run(until: goal)
        while second.reap() == nil { sched_yield() }
        #expect(lane.overslept == 0)
        #expect(lane.seen.pointee == goal && lane.published.pointee == goal)
    }

    @Test func anInterruptThatCameBeforeTheSleepEndsIt() throws {
        let memory = zeroedLines()
        let signals = LaneSignals(memory)
        let bed = LaneBed(signals: signals, wakeup: -1, devices: [])
        signals.setInterrupt(200)
        let ending = bed.sleep(microseconds: 10_000_000) { signals.hasInterrupts }
        guard case .called = ending else { Issue.record("\(ending)"); return }
        #expect(!signals.isAsleep)
        #expect(signals.interrupts[3] == 1 << 8)
    }

    @Test func aSuccessorIsAwakeThoughItsPredecessorDiedAsleep() throws {
        let memory = zeroedLines()
        LaneSignals(memory).fallAsleep()
        let event = try EventDescriptor()
        event.signal()
        let bed = LaneBed(signals: LaneSignals(memory), wakeup: event.descriptor, devices: [])
        // A spare makes its bed while its predecessor still uses the line.
        #expect(bed.signals.isAsleep)
        bed.rise()
        #expect(!bed.signals.isAsleep)
        // A wake-up that was meant for the predecessor costs one sleep, no more.
        guard case .woken = bed.sleep(microseconds: 10_000_000, unless: { false }) else {
            Issue.record("the eventfd was raised")
            return
        }
        guard case .time = bed.sleep(microseconds: 1, unless: { false }) else {
            Issue.record("the eventfd was not cleared")
            return
        }
    }

    @Test func aDeviceEndsASleepAndSaysWhich() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let event = try EventDescriptor()
        let bed = LaneBed(
            signals: LaneSignals(zeroedLines()),
            wakeup: event.descriptor,
            devices: [event.descriptor, ends[0]]
        )
        #expect(!bed.lookAtDevices())
        _ = write(ends[1], "x", 1)
        guard case .device = bed.sleep(microseconds: 10_000_000, unless: { false }) else {
            Issue.record("the pipe can be read")
            return
        }
        #expect(bed.isReady(1) && !bed.isReady(0))
        #expect(bed.lookAtDevices())
        close(ends[0])
        close(ends[1])
    }
}
