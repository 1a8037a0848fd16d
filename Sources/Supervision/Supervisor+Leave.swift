internal import Logging

/// The end of a supervisor alone: keepers and workers forward on, for the next one to take over.
extension Supervisor {
    /// The exit status of a supervisor that has left (EX_TEMPFAIL): a service manager starts the next
    /// one.
    public static let leftStatus: Int32 = 75

    /// How long deaths and starts may take that are being dealt with.
    private static let settlingTime: Duration = .seconds(20)

    /// Lets nothing begin any more, waits for what has begun, and wakes who waits for the end.
    ///
    /// The start and planned restarts come to their end first; a death, or a spare on its way, is waited for a
    /// while, and otherwise the next supervisor's to deal with. An orderly stop meanwhile goes before
    /// this.
    public func prepareToLeave() async {
        log(.notice, "leaving")
        await restartGate.enter()
        await portGate.enter()
        let limit = ContinuousClock.now + Self.settlingTime
        while !isStopping, !hasStarted || isUnsettled && ContinuousClock.now < limit {
            // Cut short by a cancellation, it only looks again sooner.
            try? await Task.sleep(for: .milliseconds(10))
        }
        guard !isStopping else {
            portGate.leave()
            restartGate.leave()
            return
        }
        isLeaving = true
        // Deaths from here on are the next supervisor's.
        isStopping = true
        resumeStopWaiters()
    }

    /// Closes the journal; once nobody gives commands any more.
    public func leave() async {
        clockVerification?.cancel()
        hangWatch?.cancel()
        seenFlush?.cancel()
        await keeping?.value
        await journal.close()
        log(.notice, "left", ["nodes": order.map { "\($0)" }.joined(separator: ",")])
        locks.removeAll()
    }

    private var isUnsettled: Bool {
        nodes.values.contains { node in
            node.recovery != nil || node.spareStart != nil || node.workerPhase == .coming
                || node.keeperPhase == .coming
        }
    }
}
