import MainLoop
import TestSupport
import Testing

/// The wheel's rules in the plainest form: a list.
private struct PlainTimers {
    struct Timer: Hashable {
        var expiry: UInt64
        var handle: TimerHandle
    }

    var now: UInt64
    var timers: [Int: Timer] = [:]

    /// The handles that expire by a tick, by their ticks.
    mutating func expire(upTo time: UInt64) -> [UInt64: Set<TimerHandle>] {
        var expired: [UInt64: Set<TimerHandle>] = [:]
        for (key, timer) in timers where timer.expiry <= time {
            expired[timer.expiry, default: []].insert(timer.handle)
            timers[key] = nil
        }
        now = max(now, time)
        return expired
    }
}

@Suite struct TimingWheelTests {
    /// Spans that meet every wheel, the list beyond them, and all their borders.
    private static let spans: [UInt64] = [
        1, 2, 5, 63, 64, 1022, 1023, 1024, 1025, 2047, 2048, 5_000, 65_535, 1 << 20 - 1, 1 << 20,
        1 << 20 + 1, 3 << 20, 1 << 30 - 1, 1 << 30, 1 << 30 + 1, 5 << 30,
    ]

    @Test(arguments: 0..<8)
    func doesWhatAListDoes(run: Int) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Xorshift(seed: seed)
        let start = random.below(2) == 0 ? random.below(1 << 32) : 0
        let wheel = TimingWheel(capacity: 300, now: start)
        defer { wheel.deallocate() }
        var plain = PlainTimers(now: start)
        var ids: [Int: TimerID] = [:]
        var next: UInt32 = 0
        for step in 0..<2000 {
            switch random.below(10) {
            case 0..<5:
                let span = Self.spans[Int(random.below(UInt64(Self.spans.count)))]
                let ticks = random.below(2) == 0 ? span : random.below(span + 1)
                let handle = TimerHandle(.process, next)
                // The clock may be ahead of what has expired.
                let lead = random.below(4) == 0 ? random.below(3000) : 0
                let id = wheel.start(handle, after: ticks, at: plain.now + lead)
                let mayStart = ticks > 0 && plain.timers.count < 300
                #expect((id != nil) == mayStart, "seed \(seed) step \(step)")
                guard mayStart else { continue }
                plain.timers[Int(next)] = .init(expiry: plain.now + lead + ticks, handle: handle)
                ids[Int(next)] = id
                next += 1
            case 5, 6:
                guard let key = ids.keys.sorted().randomElement(using: &random) else { continue }
                let isThere = plain.timers.removeValue(forKey: key) != nil
                #expect(wheel.stop(ids[key]!) == isThere, "seed \(seed) step \(step)")
                ids[key] = nil
            default:
                let span = Self.spans[Int(random.below(UInt64(Self.spans.count)))]
                let time = plain.now + random.below(span + 1)
                var got: [UInt64: Set<TimerHandle>] = [:]
                var last: UInt64 = 0
                if let stop = wheel.nextStop {
                    #expect(stop > plain.now, "seed \(seed) step \(step)")
                    #expect(
                        stop <= plain.timers.values.map(\.expiry).min()!,
                        "seed \(seed) step \(step)"
                    )
                } else {
                    #expect(plain.timers.isEmpty)
                }
                let count = wheel.expire(upTo: time) { handle in
                    #expect(wheel.now >= last, "seed \(seed) step \(step)")
                    last = wheel.now
                    got[wheel.now, default: []].insert(handle)
                }
                let expected = plain.expire(upTo: time)
                #expect(got == expected, "seed \(seed) step \(step)")
                #expect(count == expected.values.reduce(0) { $0 + $1.count })
            }
            #expect(wheel.count == plain.timers.count, "seed \(seed) step \(step)")
        }
    }

    @Test func aFullWheelRefusesAndAStoppedTimerMakesRoom() throws {
        let wheel = TimingWheel(capacity: 2, now: 0)
        defer { wheel.deallocate() }
        let first = try #require(wheel.start(TimerHandle(.node, 1), after: 5, at: 0))
        _ = try #require(wheel.start(TimerHandle(.node, 2), after: 5, at: 0))
        #expect(wheel.start(TimerHandle(.node, 3), after: 5, at: 0) == nil)
        #expect(wheel.stop(first))
        #expect(!wheel.stop(first))
        #expect(wheel.start(TimerHandle(.node, 3), after: 5, at: 0) != nil)
    }

    @Test func anIdOfATimerThatIsGoneStopsNoOther() throws {
        let wheel = TimingWheel(capacity: 1, now: 0)
        defer { wheel.deallocate() }
        let old = try #require(wheel.start(TimerHandle(.node, 1), after: 1, at: 0))
        #expect(wheel.expire(upTo: 1) { _ in } == 1)
        _ = try #require(wheel.start(TimerHandle(.node, 2), after: 1, at: 1))
        #expect(!wheel.stop(old))
        #expect(wheel.count == 1)
    }

    @Test func whatExpiresMayStartAndStopTimers() throws {
        let wheel = TimingWheel(capacity: 10, now: 0)
        defer { wheel.deallocate() }
        let victim = try #require(wheel.start(TimerHandle(.event, 9), after: 7, at: 0))
        _ = wheel.start(TimerHandle(.process, 0), after: 7, at: 0)
        _ = wheel.start(TimerHandle(.event, 8), after: 3, at: 0)
        var seen: [UInt64] = []
        wheel.expire(upTo: 10_000) { handle in
            if handle == TimerHandle(.event, 8) { wheel.stop(victim) }
            if handle.kind == .process, seen.count < 5 {
                seen.append(wheel.now)
                _ = wheel.start(handle, after: 1024, at: wheel.now)
            }
            #expect(handle != TimerHandle(.event, 9))
        }
        #expect(seen == [7, 1031, 2055, 3079, 4103])
    }

    @Test func timersOfOneTickExpireInTheOrderOfTheirStart() {
        let wheel = TimingWheel(capacity: 10, now: 0)
        defer { wheel.deallocate() }
        for index in UInt32(0)..<5 { _ = wheel.start(TimerHandle(.node, index), after: 40, at: 0) }
        var order: [UInt32] = []
        wheel.expire(upTo: 40) { order.append($0.index) }
        #expect(order == [0, 1, 2, 3, 4])
    }

    @Test func cutsTimesOffAtTicks() {
        #expect(TimingWheel.ticks(nanoseconds: 9_999) == 0)
        #expect(TimingWheel.ticks(nanoseconds: 10_000) == 1)
        #expect(TimingWheel.ticks(nanoseconds: 1_000_009_999) == 100_000)
    }

    @Test func keepsKindAndNumberInAHandle() {
        for kind in TimerHandle.Kind.allCases {
            let handle = TimerHandle(kind, TimerHandle.indexLimit - 1)
            #expect(handle.kind == kind && handle.index == TimerHandle.indexLimit - 1)
        }
    }
}
