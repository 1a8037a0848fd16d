public import Coordination
internal import Logging

/// The supervisor's own time base, against which `show clock` holds those of the workers.
public struct ClockStatus: Sendable {
    /// The time base as it is now.
    public var base: TimeBase
    /// The time-stamp counter when the status was made.
    public var tsc: UInt64
    /// The frequency of the time-stamp counter, as measured.
    public var hertz: Double
    /// Verifications against the kernel's clock, and those that found a jump.
    public var checks: UInt64
    /// See `checks`.
    public var jumps: UInt64
    /// How far the base was ahead of the kernel's clock at the last verification, in nanoseconds.
    public var errorNanoseconds: Int64

    /// Makes a status of its parts.
    public init(
        base: TimeBase,
        tsc: UInt64,
        hertz: Double,
        checks: UInt64,
        jumps: UInt64,
        errorNanoseconds: Int64
    ) {
        self.base = base
        self.tsc = tsc
        self.hertz = hertz
        self.checks = checks
        self.jumps = jumps
        self.errorNanoseconds = errorNanoseconds
    }
}

extension Supervisor {
    /// Begins a time base at zero, with a frequency measured for some milliseconds.
    static func makeClock() -> ClockKeeper {
        let zero = ClockSample.take()
        let hertz = ClockKeeper.roughHertz()
        return ClockKeeper(
            zeroNanoseconds: zero.nanoseconds,
            hertz: hertz,
            sample: ClockSample.take()
        )
    }

    /// Verifies the time base for as long as the supervisor runs.
    func startClock() {
        clockVerification = Task { [weak self] in
            while let interval = await self?.clock.interval {
                guard (try? await Task.sleep(for: .seconds(interval))) != nil else { return }
                await self?.verifyClock()
            }
        }
    }

    private func verifyClock() {
        guard !isStopping else { return }
        let finding = clock.verify(ClockSample.take())
        lastClockFinding = finding
        guard finding.hasJumped else { return }
        log(.warning, "clock-jumped", ["error-ns": "\(finding.errorNanoseconds)"])
    }

    /// The time base and how it came out of its verifications.
    var clockStatus: ClockStatus {
        ClockStatus(
            base: clock.base,
            tsc: ClockSample.take().tsc,
            hertz: clock.hertz,
            checks: clock.checks,
            jumps: clock.jumps,
            errorNanoseconds: lastClockFinding?.errorNanoseconds ?? 0
        )
    }
}
