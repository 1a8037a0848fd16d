internal import Coordination

/// A worker's time base: verified by a process of the control lane, published in the segment for
/// lanes and supervisor.
final class WorkerClock {
    private var keeper: ClockKeeper
    private let published: PublishedTimeBase
    private let segment: WorkerSegment

    /// Starts from what the supervisor has found out; without that, from what DPDK says.
    init(segment: WorkerSegment, fallbackHertz: UInt64) {
        self.segment = segment
        published = PublishedTimeBase(segment.pointer(.timeBase))
        let sample = ClockSample.take()
        let zero = segment.load(.clockZero)
        let millihertz = segment.load(.clockMillihertz)
        keeper = ClockKeeper(
            zeroNanoseconds: zero == 0 ? sample.nanoseconds : zero,
            hertz: millihertz > 0 ? Double(millihertz) / 1000 : Double(fallbackHertz),
            sample: sample
        )
        published.publish(keeper.base)
        publish(error: 0)
    }

    /// Nanoseconds until the next verification.
    var nanosecondsToNext: UInt64 { UInt64(keeper.interval * 1e9) }

    /// Compares the time-stamp counter with the kernel's clock and publishes what came of it.
    ///
    /// - Returns: what was found.
    func verify() -> ClockKeeper.Finding {
        let finding = keeper.verify(ClockSample.take())
        published.publish(keeper.base)
        publish(error: finding.errorNanoseconds)
        return finding
    }

    private func publish(error: Int64) {
        segment.store(.clockChecks, keeper.checks)
        segment.store(.clockJumps, keeper.jumps)
        segment.store(.clockError, UInt64(bitPattern: error))
        segment.store(.clockMillihertzMeasured, UInt64(max(0, keeper.hertz * 1000)))
    }
}
