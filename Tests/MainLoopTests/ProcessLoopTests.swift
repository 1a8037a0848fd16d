import Coordination
import MainLoop
import Synchronization
import Testing

/// What real processes of the random test noted.
private final class Notes: @unchecked Sendable {
    var logs: [[String]]
    var ticks = TakenTicks()

    init(count: Int) { logs = Array(repeating: [], count: count) }
}

@Suite struct ProcessLoopTests {
    private static let tick = TimingWheel.tickNanoseconds

    @Test(arguments: 0..<30)
    func processesDoWhatTheModelDoes(run: Int) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Xorshift(seed: seed)
        let seeds = (0..<6).map { _ in random.next() }
        let time = VirtualTime()
        let loop = time.makeLoop()
        let notes = Notes(count: seeds.count)
        for (index, seed) in seeds.enumerated() {
            loop.start("process-\(index)") { process in
                await Self.act(process, index, Xorshift(seed: seed), notes, time)
            }
        }
        time.run(loop, toTick: 0)
        var model = ProcessModel(seeds: seeds)
        for step in 0..<400 {
            let target = Int(random.below(UInt64(seeds.count)))
            let (type, value) = (random.below(4), random.next() % 1000)
            switch random.below(3) {
            case 0:
                loop.signal(loop.processes[target], type: type, EventPayload(value))
                model.signal(target, type: type, value: value)
            case 1:
                let wanted = random.below(5000)
                let delay = notes.ticks.delay(wanted, at: time.tick)
                loop.signal(
                    loop.processes[target],
                    type: type,
                    EventPayload(value),
                    afterNanoseconds: delay * Self.tick
                )
                model.signal(target, type: type, value: value, after: wanted)
            default:
                let end = time.tick + random.below(4000)
                time.run(loop, toTick: end)
                model.run(toTick: end)
            }
            time.run(loop, toTick: time.tick)
            #expect(notes.logs == model.logs, "seed \(seed) step \(step)")
            #expect(
                loop.processes.map { "\($0.wait)" } == model.waits,
                "seed \(seed) step \(step)"
            )
            if notes.logs != model.logs { return }
        }
        #expect(notes.logs.reduce(0) { $0 + $1.count } > 20, "seed \(seed)")
    }

    /// What a process of the random test does.
    private static func act(
        _ process: GraphProcess,
        _ index: Int,
        _ source: Xorshift,
        _ notes: Notes,
        _ time: VirtualTime
    ) async {
        var random = source
        while true {
            let step = ProcessStep(from: &random)
            var mayTake = false
            switch step.kind {
            case .suspend:
                let ticks = notes.ticks.delay(step.ticks, at: time.tick)
                await process.suspend(nanoseconds: ticks * tick)
            case .event:
                await process.waitForEvent()
                mayTake = true
            case .any:
                // A wait that finds an event there takes no time, and arranges nothing.
                if process.hasEvents {
                    mayTake = true
                } else {
                    let ticks = notes.ticks.delay(step.ticks, at: time.tick)
                    mayTake = await process.waitForEvent(orNanoseconds: ticks * tick)
                }
            case .yield: await process.yield()
            }
            var line = "\(time.tick) \(step.kind)"
            if mayTake {
                var values: [UInt64] = []
                let type = process.takeEvents { values.append($0.load(as: UInt64.self) ?? 0) }
                if let type { line += " \(type) \(values)" }
            }
            notes.logs[index].append(line)
        }
    }

    @Test func lessThanATickIsNoWait() {
        let time = VirtualTime()
        let loop = time.makeLoop()
        let process = loop.start("short") { process in
            await process.suspend(for: .microseconds(9))
            await process.suspend(for: .zero)
            await process.suspend(for: .seconds(-1))
        }
        loop.turn()
        #expect(process.wait == .done)
        #expect(process.reading.suspends == 0)
    }

    @Test func statesHaveTheNamesThatVPPPrints() {
        let time = VirtualTime()
        let loop = time.makeLoop()
        let process = loop.start("p") { process in
            #expect("\(process.wait)" == "running")
            await process.suspend(for: .milliseconds(1))
            await process.waitForEvent()
            process.takeEvents { _ in }
            _ = await process.waitForEvent(or: .milliseconds(1))
            await process.yield()
            _ = await process.wait(for: process.makeOneTimeEvent())
        }
        var names = ["\(process.wait)"]
        loop.turn()
        names.append("\(process.wait)")
        time.run(loop, toTick: 100)
        names.append("\(process.wait)")
        loop.signal(process, type: 0)
        loop.turn()
        names.append("\(process.wait)")
        time.advance(nanoseconds: 1_000_000)
        loop.turn()
        names.append("\(process.wait)")
        loop.turn()
        names.append("\(process.wait)")
        #expect(
            names == [
                "not started", "clock wait", "event wait", "any wait", "yield",
                "one time event wait",
            ]
        )
    }

    @Test func aOneTimeEventPassesOthersByAndComesOnce() {
        let time = VirtualTime()
        let loop = time.makeLoop()
        let made = Mutex<OneTimeEvent?>(nil)
        let seen = Mutex<[UInt64]>([])
        let process = loop.start("asker") { process in
            let event = process.makeOneTimeEvent()
            made.withLock { $0 = event }
            let answer = await process.wait(for: event)
            seen.withLock { $0.append(answer.load(as: UInt64.self) ?? 0) }
            process.takeEvents { other in
                seen.withLock { $0.append(other.load(as: UInt64.self) ?? 0) }
            }
        }
        loop.turn()
        loop.signal(process, type: 5, EventPayload(UInt64(50)))
        loop.turn()
        #expect(process.wait == .oneTimeEvent)
        made.withLock { $0 }?.signal(EventPayload(UInt64(42)))
        loop.turn()
        #expect(seen.withLock { $0 } == [42, 50])
        #expect(process.wait == .done)
    }

    @Test func eventsThatComeDuringASuspendWaitForItsEnd() {
        let time = VirtualTime()
        let loop = time.makeLoop()
        let process = loop.start("sleeper") { process in
            await process.suspend(for: .milliseconds(1))
            await process.waitForEvent()
        }
        loop.turn()
        loop.signal(process, type: 1)
        loop.turn()
        #expect(process.wait == .clock)
        time.run(loop, toTick: 100)
        #expect(process.wait == .done)
    }

    @Test func aForeignWaitIsShownAsSuspendedAndEndsOnTheLoop() async {
        let time = VirtualTime()
        let loop = time.makeLoop()
        let gate = AsyncStream<Int>.makeStream()
        let process = loop.start("foreign") { process in
            for await value in gate.stream where value == 1 { break }
            await process.suspend(for: .milliseconds(1))
        }
        loop.turn()
        #expect(process.wait == .suspended)
        let before = time.wakeUps
        gate.continuation.yield(1)
        #expect(time.wakeUps > before)
        #expect(loop.nanosecondsToNextStop == 0)
        loop.turn()
        #expect(process.wait == .clock)
    }

    @Test(arguments: [0, 1, 47, 48, 49, 1000])
    func aPayloadComesAsItWasSent(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let payload = bytes.withUnsafeBytes { EventPayload(bytes: $0) }
        #expect(payload.count == count)
        #expect(payload.withBytes { Array($0) } == bytes)
        #expect((payload.load(as: UInt64.self) == nil) == (count < 8))
    }

    @Test func moreEventsThanThePoolHasAtTheStartArrive() {
        let time = VirtualTime()
        let loop = time.makeLoop()
        let seen = Atomic<Int>(0)
        let process = loop.start("reader") { process in
            await process.waitForEvent()
            process.takeEvents { _ in seen.add(1, ordering: .relaxed) }
        }
        loop.turn()
        for index in 0..<5000 { loop.signal(process, type: 1, EventPayload(index)) }
        loop.turn()
        #expect(seen.load(ordering: .relaxed) == 5000)
    }
}
