import Coordination
import MainLoop
import Testing

@Suite struct LaneTimersTests {
    private func published() -> PublishedTimeBase {
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 8)
        words.initialize(repeating: 0, count: 8)
        return PublishedTimeBase(words)
    }

    private func base(ahead nanoseconds: UInt64 = 0, hertz: Double = 1e9) -> TimeBase {
        TimeBase(anchorTSC: 1_000_000, anchorNanoseconds: nanoseconds, hertz: hertz)
    }

    @Test func expireByTheCounterAndSayWhenTheyAreDue() {
        let published = published()
        published.publish(base())
        let clock = LaneClock(published, fallback: base())
        let timers = LaneTimers(clock: clock, tsc: 1_000_000)
        #expect(timers.nanosecondsToNextStop(at: 1_000_000) == nil)
        #expect(!timers.isDue(at: .max - 1))
        timers.start(TimerHandle(.node, 7), afterNanoseconds: 50_000, at: 1_000_000)
        #expect(!timers.isDue(at: 1_049_999))
        #expect(timers.isDue(at: 1_050_001))
        #expect(timers.nanosecondsToNextStop(at: 1_010_000) == 40_000)
        var seen: [TimerHandle] = []
        timers.expire(at: 1_049_000) { seen.append($0) }
        #expect(seen.isEmpty)
        timers.expire(at: 1_050_001) { seen.append($0) }
        #expect(seen == [TimerHandle(.node, 7)])
        #expect(timers.expired == 1)
        #expect(!timers.isDue(at: .max - 1))
    }

    @Test func aFullWheelIsCounted() {
        let published = published()
        let timers = LaneTimers(
            clock: LaneClock(published, fallback: base()),
            tsc: 1_000_000
        )
        for _ in 0..<LaneTimers.capacity + 3 {
            timers.start(TimerHandle(.loop, 0), afterNanoseconds: 20_000, at: 1_000_000)
        }
        timers.start(TimerHandle(.loop, 0), afterNanoseconds: 9_999, at: 1_000_000)
        #expect(timers.refused == 3)
    }

    @Test func timeDoesNotGoBackWhenABarrierOpens() {
        let words = UnsafeMutableRawPointer.allocate(
            byteCount: 64 + LaneBlock.byteCount,
            alignment: 64
        )
        words.initializeMemory(as: UInt8.self, repeating: 0, count: 64 + LaneBlock.byteCount)
        let wanted = words.assumingMemoryBound(to: UInt64.self)
        let barrier = LaneBarrier(
            wanted: wanted,
            lease: wanted + 1,
            block: LaneBlock(plainMemory: words + 64)
        )
        let published = published()
        published.publish(base(ahead: 1 << 40))
        var clock = LaneClock(published, fallback: base())
        var last: UInt64 = 0
        for round in UInt64(1)...200 {
            // Closed, the lease over: the lane opens it, as it does when it is opened for it. What is
            // published meanwhile lies behind what the lane has seen.
            wanted.pointee += 1
            published.publish(base(ahead: (1 << 40) &- round &* 1_000_000, hertz: 2e9))
            #expect(barrier.isCalled)
            let stay = barrier.stand()
            #expect(stay.hasStood && stay.isExpired && stay.epoch == 2 * round)
            _ = clock.refresh()
            let now = clock.nanoseconds(at: stay.end)
            #expect(now >= last)
            last = now
        }
        #expect(clock.held > 0)
        words.deallocate()
    }

    @Test func aClockIsHeldWhereItsNewBaseLiesBehind() {
        let published = published()
        published.publish(base(ahead: 10_000))
        var clock = LaneClock(published, fallback: base())
        let before = clock.nanoseconds(at: 1_500_000)
        published.publish(base())
        let refreshed = [clock.refresh(), clock.refresh()]
        #expect(refreshed == [true, false])
        let held = clock.nanoseconds(at: 1_500_001)
        #expect(held == before)
        #expect(clock.held == 1)
        let after = clock.nanoseconds(at: 1_600_000)
        #expect(after > before)
        #expect(clock.held == 1)
    }

    @Test(arguments: 0..<10)
    func timeNeverGoesBackWhateverBecomesOfTheClocks(run: Int) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Xorshift(seed: seed)
        let published = published()
        // The counter's true frequency, and a guess that is off by up to 100 parts in a million.
        let hertz = 1e9 + Double(random.below(3_000_000_000))
        let guess = hertz * (1 + (Double(random.below(200)) - 100) / 1e6)
        var tsc: UInt64 = 5_000_000_000
        var nanoseconds: UInt64 = 77_000_000_000
        var keeper = ClockKeeper(
            zeroNanoseconds: nanoseconds - 1_000_000,
            hertz: guess,
            sample: ClockSample(tsc: tsc, nanoseconds: nanoseconds)
        )
        published.publish(keeper.base)
        var clock = LaneClock(published, fallback: keeper.base)
        var last: UInt64 = 0
        for _ in 0..<300 {
            // What a lane sees on its way to the next verification.
            let span = keeper.interval * (0.5 + Double(random.below(1000)) / 1000)
            for step in 1...20 {
                let now = clock.nanoseconds(at: tsc + UInt64(span * hertz * Double(step) / 20))
                #expect(now >= last, "seed \(seed)")
                last = now
            }
            tsc += UInt64(span * hertz)
            nanoseconds += UInt64(span * 1e9)
            // Now and then the machine is stopped, or its clock is set.
            switch random.below(40) {
            case 0: nanoseconds += 3_000_000_000
            case 1: nanoseconds -= min(900_000_000, UInt64(span * 1e9) - 1)
            default: break
            }
            _ = keeper.verify(ClockSample(tsc: tsc, nanoseconds: nanoseconds))
            published.publish(keeper.base)
            if random.below(3) > 0 { _ = clock.refresh() }
        }
    }
}
