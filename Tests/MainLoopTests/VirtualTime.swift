import MainLoop
import Synchronization

/// A clock that a test sets.
final class VirtualTime: Sendable {
    private let value = Atomic<UInt64>(0)
    private let calls = Atomic<Int>(0)

    var nanoseconds: UInt64 { value.load(ordering: .relaxed) }
    var tick: UInt64 { nanoseconds / TimingWheel.tickNanoseconds }
    /// How often the loop asked to be turned.
    var wakeUps: Int { calls.load(ordering: .relaxed) }

    func makeLoop() -> ProcessLoop {
        ProcessLoop(
            clock: { [self] in nanoseconds },
            wakeUp: { [self] in calls.add(1, ordering: .relaxed) }
        )
    }

    func advance(nanoseconds: UInt64) { value.add(nanoseconds, ordering: .relaxed) }

    /// Turns the loop at every moment up to a tick at which there is something to do.
    func run(_ loop: ProcessLoop, toTick target: UInt64) {
        loop.turn()
        while let wait = loop.nanosecondsToNextStop,
            wait <= target * TimingWheel.tickNanoseconds - nanoseconds
        {
            advance(nanoseconds: wait)
            loop.turn()
        }
        advance(nanoseconds: target * TimingWheel.tickNanoseconds - nanoseconds)
        loop.turn()
    }
}
