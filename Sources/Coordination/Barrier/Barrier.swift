internal import CLinux
internal import LinuxSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// The coordinator's side of the barrier: stops the lanes of some workers, and lets them go on.
///
/// How it and the lanes agree, `LaneBarrier` says. One thread uses it at a time. There is no counter
/// of lanes that are missing: each lane's own word is looked at, so that the lanes of a worker that
/// dies while the barrier waits are simply no longer looked at.
///
/// A lane that does not come soon does not hold up the others. After `BarrierTimes.log` those that
/// came are let go; once the late one turns again all are asked anew, and waited for twice as long.
/// When `BarrierTimes.fence` has passed since the first try, the worker of a lane that hangs is
/// killed; for one that is only slow, or gets no CPU, the barrier is given up with an error.
public final class Barrier {
    /// What it waits for.
    public let times: BarrierTimes
    let ticksPerNanosecond: Double
    /// The time-stamp counter before which lanes with packets are not stopped again.
    var noCloseBefore: UInt64 = 0
    /// Told of what happens while a barrier is being closed.
    var report: (BarrierIncident) -> Void = { _ in }

    /// Makes a coordinator.
    ///
    /// - Parameters:
    ///   - times: how long it waits.
    ///   - hertz: ticks of the time-stamp counter a second.
    public init(times: BarrierTimes = BarrierTimes(), hertz: Double) {
        self.times = times
        ticksPerNanosecond = hertz / 1e9
    }

    /// How long it looks at lanes without a pause before it waits in the kernel between looks.
    private static let spin = Duration.microseconds(50)
    private static let lookMicroseconds: UInt64 = 50
    /// How long a killed worker may take to end.
    private static let longestEnd: Int32 = 10_000

    func ticks(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = Double(seconds) * 1e9 + Double(attoseconds) * 1e-9
        return UInt64(max(0, nanoseconds * ticksPerNanosecond))
    }

    func nanoseconds(_ ticks: UInt64) -> UInt64 { UInt64(Double(ticks) / ticksPerNanosecond) }

    /// Stops the lanes of workers.
    ///
    /// - Parameters:
    ///   - members: the workers, each once; those that have ended are left out.
    ///   - report: told of what happens meanwhile, on this thread.
    /// - Returns: the barrier, closed; `open` opens it.
    /// - Throws: `BarrierError`; all lanes go on then.
    public func close(
        _ members: [BarrierMember],
        report: @escaping (BarrierIncident) -> Void = { _ in }
    ) throws(BarrierError) -> ClosedBarrier {
        self.report = report
        var closing = Closing(members, patience: ticks(times.log), fence: ticks(times.fence))
        while true {
            holdDown(closing.members)
            closing.attempts += 1
            if let closed = attempt(&closing) { return closed }
            if !closing.late.isEmpty { waitForLife(&closing) }
            if CLinux_tsc() >= closing.deadline { try fence(&closing) }
            closing.patience &*= 2
        }
    }

    /// Lets the lanes go on.
    ///
    /// - Returns: what the barrier came to.
    /// - Throws: `BarrierError.leaseOver` if lanes had gone on before; they all do now.
    public func open(_ closed: ClosedBarrier) throws(BarrierError) -> BarrierReading {
        let acknowledgements = closed.acknowledgements
        let wasClosed = closed.open()
        let end = CLinux_tsc()
        noteOpen(closedFor: end &- closed.begin, at: end)
        guard wasClosed else { throw .leaseOver }
        return BarrierReading(
            closingNanoseconds: nanoseconds(closed.closed &- closed.begin),
            closedNanoseconds: nanoseconds(end &- closed.begin),
            lanes: acknowledgements.map { ($0.node, $0.lane, $0.clocks.map(nanoseconds)) }
        )
    }

    /// Keeps a barrier closed that its holder needs longer.
    ///
    /// - Returns: false if the lanes may have gone on already.
    public func renew(_ closed: ClosedBarrier) -> Bool { closed.renew() }

    // MARK: The steps

    /// Waits until lanes with packets have had some time since the last barrier.
    private func holdDown(_ members: [BarrierMember]) {
        let now = CLinux_tsc()
        guard now < noCloseBefore else { return }
        let areBusy = members.contains { member in
            (0..<member.segment.laneCount).contains {
                member.segment.lane($0).load(.turnVectors) > BarrierTimes.holdDownVectors
            }
        }
        guard areBusy else { return }
        let wait = noCloseBefore &- now
        guard wait <= ticks(BarrierTimes.implausibleHoldDown) else {
            noCloseBefore = 0
            return report(.heldDown(nanoseconds: nanoseconds(wait), isJump: true))
        }
        while CLinux_tsc() < noCloseBefore { CLinux_pause() }
        report(.heldDown(nanoseconds: nanoseconds(wait), isJump: false))
    }

    private func noteOpen(closedFor ticks: UInt64, at now: UInt64) {
        let longest = self.ticks(BarrierTimes.longestHoldDown)
        noCloseBefore = now &+ min(ticks &* BarrierTimes.holdDownFactor, longest)
    }

    /// Asks all lanes to stop and waits for them.
    ///
    /// - Returns: nil if not all did in time: those that did have been let go again, and
    ///   `closing.late` has the others.
    private func attempt(_ closing: inout Closing) -> ClosedBarrier? {
        let begin = CLinux_tsc()
        let lease = ticks(times.lease)
        let asked = closing.members.map { ($0, $0.close(lease: begin &+ lease)) }
        CLinux_full_fence()
        let closed = ClosedBarrier(
            members: asked,
            begin: begin,
            closed: begin,
            attempts: closing.attempts,
            leaseTicks: lease,
            leaseEnd: begin &+ lease
        )
        var wait = Wait(closed, until: min(begin &+ closing.patience, closing.deadline))
        let isHeld = waitForLanes(&wait, renewing: closed)
        closing.members.removeAll { wait.ended.contains($0.node) }
        if wait.lanes.isEmpty, isHeld, let done = closed.done(without: wait.ended) { return done }
        _ = closed.open()
        let end = CLinux_tsc()
        noteOpen(closedFor: end &- begin, at: end)
        closing.note(late: wait.lanes)
        if wait.lanes.isEmpty {
            report(.leaseOver)
        } else {
            let places = wait.lanes.map(\.place)
            report(.letGo(places, nanoseconds: nanoseconds(end &- begin)))
        }
        return nil
    }

    /// Looks at the lanes until all have stopped, or the time is over.
    ///
    /// - Returns: false if the lease could not be renewed in time.
    private func waitForLanes(_ wait: inout Wait, renewing closed: ClosedBarrier) -> Bool {
        let begin = closed.begin
        let (warn, lease, spin) = (ticks(times.warn), ticks(times.lease), ticks(Self.spin))
        var renewed = begin
        var isWarned = false
        while true {
            wait.lanes.removeAll(where: \.hasStopped)
            let now = CLinux_tsc()
            guard !wait.lanes.isEmpty, now < wait.until, !wait.isCancelled() else { return true }
            if now &- begin > warn, !isWarned {
                isWarned = true
                report(.late(wait.lanes.map(\.place)))
            }
            if now &- renewed > lease / 4 {
                guard closed.renew() else { return false }
                renewed = now
            }
            if now &- begin < spin { CLinux_pause() } else { leave(&wait) }
        }
    }

    /// Waits a moment in the kernel, and forgets the lanes of workers that have ended.
    private func leave(_ wait: inout Wait) {
        let members = wait.lanes.map(\.member)
        var polls = members.map {
            pollfd(fd: $0.process.descriptor, events: Int16(POLLIN), revents: 0)
        }
        guard CLinux_poll_microseconds(&polls, UInt32(polls.count), Self.lookMicroseconds) > 0
        else { return }
        for (member, poll) in zip(members, polls) where poll.revents != 0 {
            guard wait.ended.insert(member.node).inserted else { continue }
            report(.left(node: member.node))
        }
        let ended = wait.ended
        wait.lanes.removeAll { ended.contains($0.member.node) }
    }

    /// Waits, the barrier open, until each late lane turns again or its worker has ended.
    private func waitForLife(_ closing: inout Closing) {
        while !closing.isEveryLateLaneAlive, CLinux_tsc() < closing.deadline {
            var wait = Wait(closing.late.map(\.lane))
            leave(&wait)
            guard !wait.ended.isEmpty else { continue }
            closing.members.removeAll { wait.ended.contains($0.node) }
            closing.late.removeAll { wait.ended.contains($0.lane.member.node) }
        }
    }

    /// Kills the workers of lanes that hang, the time being over, and gives the barrier new time.
    ///
    /// - Throws: `BarrierError` if there is no lane that hangs: it is no use to go on.
    private func fence(_ closing: inout Closing) throws(BarrierError) {
        var killed: Set<Int> = []
        let loop = nanoseconds(ticks(times.fence) / 2)
        for late in closing.late where !killed.contains(late.lane.member.node) {
            guard let cause = late.cause(loopNanoseconds: loop), cause.isHang else { continue }
            let member = late.lane.member
            report(.fenced(member, late.lane.place, cause))
            killed.insert(member.node)
            // One that has ended meanwhile takes no signal.
            try? member.process.send(signal: SIGKILL)
            guard member.process.waitForEnd(milliseconds: Self.longestEnd) else {
                throw .undying(node: member.node)
            }
        }
        guard !killed.isEmpty else {
            throw closing.failure(
                ticksPerNanosecond: ticksPerNanosecond,
                loopNanoseconds: loop
            )
        }
        closing.members.removeAll { killed.contains($0.node) }
        closing.restart(patience: ticks(times.log), fence: ticks(times.fence))
    }
}

extension Barrier {
    /// The barrier that a worker's lanes begin in: waits until all of them have come to it.
    ///
    /// - Parameters:
    ///   - member: a worker whose lanes do not run yet.
    ///   - time: how long it waits.
    ///   - isCancelled: whether it is to be given up; asked again and again.
    ///   - begun: called when the lanes may be started.
    /// - Returns: the lanes that are missing; empty if all came, who go on now, or if the worker has
    ///   ended.
    public func beginLanes(
        of member: BarrierMember,
        within time: Duration,
        isCancelled: @escaping () -> Bool,
        begun: () -> Void
    ) -> [LanePlace] {
        let begin = CLinux_tsc()
        let lease = ticks(times.lease)
        let closed = ClosedBarrier(
            members: [(member, member.close(lease: begin &+ lease))],
            begin: begin,
            closed: begin,
            attempts: 1,
            leaseTicks: lease,
            leaseEnd: begin &+ lease
        )
        begun()
        var wait = Wait(closed, until: begin &+ ticks(time))
        wait.isCancelled = isCancelled
        report = { _ in }
        // Without a lease the lanes have gone on as they came, and that is all the harm.
        while !waitForLanes(&wait, renewing: closed), !wait.lanes.isEmpty {
            wait.lanes.removeAll(where: \.hasStopped)
            leave(&wait)
            guard CLinux_tsc() < wait.until, !isCancelled() else { break }
        }
        _ = closed.open()
        return wait.lanes.map(\.place)
    }
}
