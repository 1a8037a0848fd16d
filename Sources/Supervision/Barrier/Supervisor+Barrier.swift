internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging
internal import Synchronization

/// Why workers were killed, between the kill and what is made of their ends.
final class KillReasons: Sendable {
    private struct Life: Hashable {
        var node: Int
        var incarnation: UInt32
    }

    private let reasons = Mutex<[Life: String]>([:])

    /// Takes note of a kill; the first reason counts.
    func note(_ reason: String, node: Int, life: UInt32) {
        let key = Life(node: node, incarnation: life)
        reasons.withLock { if $0[key] == nil { $0[key] = reason } }
    }

    /// Why a life of a node's worker is being killed; nil: nobody kills it, or its end is dealt with.
    func reason(node: Int, life: UInt32) -> String? {
        reasons.withLock { $0[Life(node: node, incarnation: life)] }
    }

    /// Why a life of a node's worker was killed; nil: nobody killed it.
    func take(node: Int, life: UInt32) -> String? {
        reasons.withLock { reasons in
            defer { reasons = reasons.filter { $0.key.node != node || $0.key.incarnation > life } }
            return reasons[Life(node: node, incarnation: life)]
        }
    }
}

extension Supervisor {
    /// What the barriers came to so far.
    public nonisolated var barrierReport: BarrierReport { barriers.report }

    /// Stops lanes and lets them go on, for measuring; see `Dataplane`.
    public nonisolated func testBarrier(
        _ scope: BarrierScope,
        hold: Duration
    ) async throws(ChangeError) {
        do {
            if hold == .zero {
                try await barriers.run(scope: scope, caller: "test") { _ in }
            } else {
                try await barriers.withClosed(scope: scope, caller: "test") { _ in
                    try await Task.sleep(for: hold)
                }
            }
        } catch { throw ChangeError("\(error)") }
    }

    /// Has a worker's lanes begin together.
    ///
    /// - Throws: what `start` throws, or the lanes that did not come.
    func beginLanes(
        of worker: NodeProcess,
        _ start: @Sendable () async throws(StepFailure) -> Void
    ) async throws(StepFailure) {
        guard let segment = nodes[worker.name.node]?.segment else { return try await start() }
        let missing = try await barriers.beginLanes(
            of: BarrierMember(segment: segment, process: worker.child.process),
            within: options.times.forward,
            start
        )
        guard !missing.isEmpty else { return }
        let places = missing.map(\.description).joined(separator: "; ")
        throw StepFailure(
            process: worker.name,
            cause: .refused("\(places) did not begin within \(options.times.forward)"),
            lastState: .forwarding,
            detail: ""
        )
    }

    // MARK: Hangs

    /// Looks for lanes that make no turn, for as long as the supervisor runs.
    func startHangWatch() {
        let limit = options.hang
        guard limit > .zero else { return }
        let (seconds, attoseconds) = limit.components
        let nanoseconds = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        // The longest sleep of a lane is that of one that everything wakes, or the operator's.
        let sleep = UInt64(max(10_000, options.idleSleepMicroseconds)) * 1000
        hangWatch = Task { [weak self] in
            var detector = HangDetector(limitNanoseconds: nanoseconds, sleepNanoseconds: sleep)
            let interval = Duration.nanoseconds(detector.intervalNanoseconds)
            // A sleep fails only when the task is cancelled, and that is the end of the watch.
            while (try? await Task.sleep(for: interval)) != nil {
                guard await self?.lookForHangs(&detector) == true else { return }
            }
        }
    }

    /// Looks at all lanes that are to turn, and has the workers of those killed that hang.
    ///
    /// - Returns: false once the supervisor stops.
    private func lookForHangs(_ detector: inout HangDetector) -> Bool {
        guard !isStopping else { return false }
        var looks: [HangDetector.Look] = []
        for node in nodes.values {
            guard node.workerPhase == .up, node.workerState == .forwarding,
                !node.isHandingOver, let segment = node.segment
            else { continue }
            for lane in 0..<segment.laneCount {
                looks.append(
                    HangDetector.Look(segment, incarnation: node.incarnation, lane: lane)
                )
            }
        }
        let now = ClockSample.monotonicNanoseconds()
        for stall in detector.take(looks, at: now, probe: probe) { deal(with: stall) }
        return true
    }

    private func probe(_ lane: HangDetector.Lane) -> HangDetector.Probe? {
        guard let node = nodes[lane.node], let worker = node.worker,
            worker.name.incarnation == lane.incarnation, let segment = node.segment,
            let reading = ThreadReading.read(
                pid: worker.pid,
                thread: Int(clamping: segment.lane(lane.lane).load(.threadID))
            )
        else { return nil }
        return (reading, ThreadReading.stolenNanoseconds(cpu: reading.cpu))
    }

    private func deal(with stall: HangDetector.Stall) {
        guard let node = nodes[stall.lane.node], let worker = node.worker,
            worker.name.incarnation == stall.lane.incarnation, let segment = node.segment
        else { return }
        let place = LanePlace(segment, lane: stall.lane.lane)
        let milliseconds = stall.nanoseconds / 1_000_000
        let reason = "\(place): no turn for \(milliseconds) ms, \(stall.cause)"
        guard stall.cause.isHang else {
            return log(.warning, "lane-starved", node: stall.lane.node, ["reason": reason])
        }
        events.lane(.laneHung, place, value: stall.nanoseconds)
        Task { await replaceHung(worker, reason) }
    }
}
