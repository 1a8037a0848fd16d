import Coordination
import Foundation
import Testing

@Suite struct ClockKeeperTests {
    private let zero: UInt64 = 1_000_000_000

    private func keeper(hertz: Double, tsc: UInt64 = 0) -> ClockKeeper {
        ClockKeeper(
            zeroNanoseconds: zero,
            hertz: hertz,
            sample: ClockSample(tsc: tsc, nanoseconds: zero)
        )
    }

    @Test func findsTheFrequencyAndWorksTheErrorOff() {
        // 40 parts in a million too fast: 40 us a second.
        var keeper = keeper(hertz: 2e9 * (1 - 40e-6))
        var seconds = 0.0
        var errors: [Int64] = []
        for _ in 0..<8 {
            seconds += keeper.interval
            let finding = keeper.verify(
                ClockSample(tsc: UInt64(seconds * 2e9), nanoseconds: zero + UInt64(seconds * 1e9))
            )
            #expect(!finding.hasJumped)
            #expect(abs(finding.hertz / 2e9 - 1) < 1e-9)
            errors.append(finding.errorNanoseconds)
        }
        #expect((39_000...41_000).contains(errors[0]))
        #expect(errors.dropFirst().allSatisfy { abs($0) < 100 }, "\(errors)")
        #expect(seconds == 79)
        #expect(keeper.checks == 8 && keeper.jumps == 0)
    }

    @Test func takesUpWhereItWas() {
        var keeper = keeper(hertz: 1e9 * (1 - 100e-6))
        let before = keeper.base.nanoseconds(at: 1_000_000_000)
        _ = keeper.verify(ClockSample(tsc: 1_000_000_000, nanoseconds: zero + 1_000_000_000))
        #expect(keeper.base.nanoseconds(at: 1_000_000_000) == before)
        #expect(keeper.base.nanoseconds(at: 999_999_000) == before)
    }

    @Test func setsItselfForwardWhereItIsFarBehindButNeverBack() {
        var keeper = keeper(hertz: 1e9)
        let forward = keeper.verify(
            ClockSample(tsc: 1_000_000_000, nanoseconds: zero + 5_000_000_000)
        )
        #expect(forward.hasJumped && forward.errorNanoseconds == -4_000_000_000)
        #expect(keeper.base.nanoseconds(at: 1_000_000_000) == 5_000_000_000)
        #expect(keeper.hertz == 1e9)
        let back = keeper.verify(
            ClockSample(tsc: 2_000_000_000, nanoseconds: zero + 5_500_000_000)
        )
        #expect(back.hasJumped && back.errorNanoseconds == 500_000_000)
        #expect(keeper.base.nanoseconds(at: 2_000_000_000) == 6_000_000_000)
        // At half speed until the others have caught up.
        #expect(keeper.base.nanoseconds(at: 3_000_000_000) == 6_500_000_000)
        #expect(keeper.jumps == 2)
    }

    @Test(arguments: [1_000_000.0, 999_999_937, 2_693_512_345, 5e9])
    func turnsCounterReadingsIntoTimeAndBack(hertz: Double) {
        let base = TimeBase(anchorTSC: 123_456_789, anchorNanoseconds: 42, hertz: hertz)
        #expect(abs(base.hertz / hertz - 1) < 1e-6)
        for nanoseconds in [UInt64(43), 10_000, 999_999_999, 86_400_000_000_000] {
            let tsc = base.tsc(at: nanoseconds)
            #expect(base.nanoseconds(at: tsc) >= nanoseconds)
            #expect(base.nanoseconds(at: tsc - 2) <= nanoseconds)
        }
        #expect(base.tsc(at: 42) == 123_456_789)
        #expect(base.tsc(at: .max) > base.anchorTSC)
        #expect(base.nanoseconds(at: 0) == 42)
    }

    @Test func agreesWithTheKernelsClockOnThisMachine() {
        let sample = ClockSample.take()
        var keeper = ClockKeeper(
            zeroNanoseconds: sample.nanoseconds,
            hertz: ClockKeeper.roughHertz(),
            sample: sample
        )
        usleep(50_000)
        let finding = keeper.verify(ClockSample.take())
        #expect(!finding.hasJumped)
        #expect(finding.hertz > 1e8)
    }

    @Test func aReaderSeesNoHalfOfATimeBase() {
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 8)
        words.initialize(repeating: 0, count: 8)
        let published = PublishedTimeBase(words)
        #expect(published.read() == nil)
        published.publish(TimeBase(anchorTSC: 1, anchorNanoseconds: 3, multiplier: 7))
        let writer = Thread {
            for number in UInt64(2)...50_000 {
                published.publish(
                    TimeBase(
                        anchorTSC: number,
                        anchorNanoseconds: number * 3,
                        multiplier: number * 7
                    )
                )
            }
        }
        writer.start()
        var torn = 0
        var last: UInt64 = 0
        while last < 50_000 {
            guard let base = published.read() else { continue }
            let isWhole =
                base.anchorNanoseconds == base.anchorTSC * 3
                && base.multiplier == base.anchorTSC * 7
            torn += isWhole && base.anchorTSC >= last ? 0 : 1
            last = base.anchorTSC
        }
        #expect(torn == 0)
    }
}
