internal import ControlProtocol
internal import Coordination
internal import Logging
internal import MainLoop
internal import PacketNodes

extension Worker {
    /// How often the gauges of the segment are written unless the supervisor says otherwise.
    private static let gaugeMicroseconds: Int64 = 20_000
    /// Calls of lanes that are answered before other processes get their turn.
    private static let callsInTurn = 256

    /// Starts what the control lane does by itself once there is a forwarding plane.
    func startProcesses(_ forwarder: Forwarder) {
        let bound = LoopBound((worker: self, forwarder: forwarder))
        let wanted = forwarder.segment.load(.gaugeMicroseconds)
        let pause = Duration.microseconds(
            wanted > 0 ? Int64(clamping: wanted) : Self.gaugeMicroseconds
        )
        loop.start("gauges") { process in
            while true {
                bound.value.forwarder.publishGauges()
                bound.value.worker.auditBuffers(of: bound.value.forwarder)
                await process.suspend(for: pause)
            }
        }
        callProcess = loop.start("lane-calls") { process in
            while true {
                await process.waitForEvent()
                process.takeEvents { _ in }
                while bound.value.worker.takeCalls(of: bound.value.forwarder) {
                    await process.yield()
                }
            }
        }
        loop.start("clock-verify") { process in
            while true {
                await process.suspend(nanoseconds: bound.value.forwarder.clock.nanosecondsToNext)
                bound.value.worker.verifyClock(bound.value.forwarder)
            }
        }
    }

    /// Writes how the processes stand to the segment; while none of them runs.
    func publishProcesses(_ segment: WorkerSegment) {
        for (index, process) in loop.processes.enumerated() {
            segment.writeProcess(index, process.reading)
        }
        segment.store(.processCount, UInt64(loop.processes.count))
    }

    /// A buffer that nobody has is a fault of this program or of a plugin: it says so, loudly.
    private func auditBuffers(of forwarder: Forwarder) {
        switch forwarder.auditBuffers() {
        case nil: break
        case .right: log.notice("buffers accounted for")
        case .wrong(let missing, let reading):
            log.error(
                "buffers-missing",
                metadata: [
                    "missing": "\(missing)", "size": "\(reading.size)", "free": "\(reading.free)",
                    "nic-rx": "\(reading.receive)", "nic-tx": "\(reading.transmit)",
                    "at-hand": "\(reading.atHand)", "held": "\(reading.held)",
                    "between-lanes": "\(reading.betweenLanes)",
                ]
            )
        }
    }

    private func verifyClock(_ forwarder: Forwarder) {
        let finding = forwarder.clock.verify()
        guard finding.hasJumped else { return }
        log.warning(
            "clock jumped",
            metadata: ["error-ns": "\(finding.errorNanoseconds)", "hertz": "\(finding.hertz)"]
        )
    }

    /// Answers calls of lanes, a bounded number.
    ///
    /// - Returns: whether there may be more.
    private func takeCalls(of forwarder: Forwarder) -> Bool {
        for _ in 0..<Self.callsInTurn {
            guard let (lane, call) = forwarder.nextCall() else { return false }
            switch ControlCall.Kind(rawValue: call.kind) {
            case .neighbour: report(NeighbourMailbox.Report(call), forwarder.segment)
            case .modeSwitch:
                log.debug(
                    "rx mode switched",
                    metadata: [
                        "lane": "\(lane)", "node": "\(forwarder.nodeName(Int(call.first)))",
                        "state": "\(LaneNodeState(rawValue: call.second) ?? .disabled)",
                        "packets": "\(call.third)",
                    ]
                )
            case nil: log.warning("unknown call", metadata: ["kind": "\(call.kind)"])
            }
        }
        return true
    }

    private func report(_ report: NeighbourMailbox.Report, _ segment: WorkerSegment) {
        let now = loop.nanoseconds
        guard recentNeighbours.isNews(report, at: now) else {
            return segment.add(.neighboursSuppressed)
        }
        let message = NodeMessage.neighbourSeen(
            interface: report.interface,
            address: report.address,
            mac: MACAddress(bits: report.mac)
        )
        // A supervisor without room gets it when the neighbour is seen again.
        guard server.offer(message) else { return segment.add(.reportsRefused) }
        recentNeighbours.note(report, at: now)
        segment.add(.reportsSent)
        segment.add(.neighboursReported)
    }
}

extension WorkerSegment {
    /// Counts something that the control lane alone counts.
    fileprivate func add(_ word: Word) { store(word, load(word) &+ 1) }
}
