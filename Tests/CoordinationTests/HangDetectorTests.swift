import Glibc
import LinuxSystem
import Testing

@testable import Coordination

/// Lanes on a clock of the test's, looked at every 125 ms; a lane hangs after a second.
@Suite struct HangDetectorTests {
    /// A lane and its thread.
    private struct Fake {
        var look = HangDetector.Look(
            lane: HangDetector.Lane(node: 1, incarnation: 1, lane: 0),
            loops: 5,
            heartbeat: 7,
            isAsleep: false
        )
        var thread = ThreadReading(state: "R", runNanoseconds: 0, waitNanoseconds: 0, cpu: 1)
        var stolen: UInt64 = 0
    }

    /// What is found in four seconds; `change` is what becomes of the lane from look to look.
    private func stalls(
        isAsleep: Bool = false,
        interval: UInt64 = 125_000_000,
        _ change: (inout Fake) -> Void
    ) -> [HangDetector.Stall] {
        var detector = HangDetector(
            limitNanoseconds: 1_000_000_000,
            sleepNanoseconds: 1_000_000_000
        )
        var fake = Fake()
        fake.look.isAsleep = isAsleep
        var found: [HangDetector.Stall] = []
        for now in stride(from: UInt64(1), through: 4_000_000_000, by: Int(interval)) {
            found += detector.take([fake.look], at: now) { _ in (fake.thread, fake.stolen) }
            change(&fake)
        }
        return found
    }

    @Test func aLaneThatTurnsOrBeatsIsWell() {
        #expect(stalls { $0.look.loops += 1 }.isEmpty)
        #expect(stalls { $0.look.heartbeat += 1 }.isEmpty)
        #expect(stalls(isAsleep: true) { $0.look.loops += 1 }.isEmpty)
    }

    @Test func aStoppedThreadHangsAfterASecond() {
        let found = stalls { $0.thread.state = "T" }
        #expect(found.first?.cause == .stopped)
        #expect((1_000_000_000...1_250_000_000).contains(found.first?.nanoseconds ?? 0))
        #expect(found.first?.cause.isHang == true)
    }

    @Test func aThreadThatRunsWithoutEndHangs() {
        let found = stalls { $0.thread.runNanoseconds += 125_000_000 }
        #expect(found.first?.cause == .looping)
        // On a CPU that it shares with three others it takes longer, and is found all the same.
        let shared = stalls { $0.thread.runNanoseconds += 31_250_000 }
        #expect(shared.contains { $0.cause == .looping && $0.nanoseconds < 2_500_000_000 })
    }

    @Test func aThreadThatIsNotLetRunIsStarvedAndSaysSoOnce() {
        let found = stalls { $0.thread.waitNanoseconds += 125_000_000 }
        #expect(found.map(\.cause) == [.starved])
        #expect(found.first?.cause.isHang == false)
    }

    @Test func whatTheHypervisorTookIsNoRun() {
        let found = stalls {
            $0.thread.runNanoseconds += 125_000_000
            $0.stolen += 120_000_000
        }
        #expect(found.map(\.cause) == [.starved])
    }

    @Test func aThreadThatWaitsInTheKernelHangs() {
        #expect(stalls { $0.thread.state = "S" }.first?.cause == .blocked)
        #expect(stalls { $0.thread.state = "D" }.first?.cause == .blocked)
    }

    @Test func aLaneThatSleepsHasItsSleepBesides() {
        let found = stalls(isAsleep: true) { $0.thread.state = "S" }
        #expect((found.first?.nanoseconds ?? 0) >= 2_000_000_000)
    }

    @Test func aDetectorThatWasAwayTakesNoTimeIntoAccount() {
        #expect(stalls(interval: 900_000_000) { $0.thread.state = "T" }.isEmpty)
    }

    @Test func readsThisProcess() throws {
        let pid = Int32(try #require(ProcessStamp.read(pid: getpid())).pid)
        let own = try #require(ThreadReading.read(pid: pid, thread: Int(pid)))
        #expect("RSD".contains(own.state))
        #expect(own.cpu >= 0)
        #expect(ThreadReading.read(pid: pid, thread: 1) == nil)
    }
}
