import Coordination
import LinuxSystem
import Supervision
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4))) struct SupervisorEventsTests {
    private func words(_ logs: [EventLog]) -> [String] {
        let merged = MergedEvents(logs.map { $0.read() })
        return merged.order.map { place in
            let (reading, event) = merged[place]
            return EventDescription(event, in: reading).text
        }
    }

    @Test func recordsWhatBecomesOfProcesses() async throws {
        let machine = SupervisedMachine(nodes: 1)
        defer { machine.remove() }
        try await machine.supervisor.start()
        let logs = await machine.supervisor.eventLogs(node: nil)
        #expect(logs.map(\.node) == [EventLog.supervisorNode, 0])
        let seen = words(logs)
        for expected in [
            "node 0 keeper 1 starts", "node 0 keeper 1 ready", "node 0 worker 1 starts",
            "node 0 worker 1 forwarding",
        ] {
            #expect(seen.contains { $0.hasPrefix(expected) }, "\(expected): \(seen)")
        }
        await machine.supervisor.stop()
        #expect(machine.leftovers.isEmpty, "\(machine.leftovers)")
    }

    @Test func theLogOfADeadWorkerIsKeptAndReadable() async throws {
        let machine = SupervisedMachine(nodes: 1)
        defer { machine.remove() }
        try await machine.supervisor.start()
        let log = try #require(await machine.supervisor.eventLogs(node: 0).first)
        log.writer(1).record(.laneStarted, at: EventClock.ticks)
        let pid = try #require(await machine.status(0)?.workerPID)
        try ProcessDescriptor(pid: pid).send(signal: 9)
        await machine.until { await machine.status(0)?.incarnation == 2 }
        await machine.until { await machine.status(0)?.workerState == .forwarding }
        let directory = "\(machine.directory)/run/node0"
        let file = "\(directory)/worker.1.events.json"
        await machine.until { SmallFile.exists(file) }
        let trace = try JSONValue(parsing: SmallFile.read(file) ?? "")
        let names = trace["traceEvents"].elements.compactMap { $0["name"].string }
        #expect(names.contains("lane starts"))
        let logs = await machine.supervisor.eventLogs(node: 0)
        #expect(logs.map(\.incarnation) == [1, 2])
        #expect(words(logs).contains("lane starts cpu 0 thread 0"))
        let own = words(await machine.supervisor.eventLogs(node: nil))
        #expect(own.contains("node 0 worker 1 ended with signal 9"))
        // Both lives are found by readers of statistics.
        let runtime = RuntimeDirectory(path: "\(machine.directory)/run")
        #expect(runtime.lives(.segment, node: 0) == [1, 2])
        let dead = try WorkerSegment.open(
            path: runtime.link(.segment, node: 0, incarnation: 1),
            writable: false
        )
        #expect(dead.load(.ended) == 1)
        await machine.supervisor.stop()
        #expect(machine.leftovers.isEmpty, "\(machine.leftovers)")
    }

    @Test func whatIsSetHoldsForLaterLives() async throws {
        let machine = SupervisedMachine(nodes: 2) { $0.eventLogEvents = 2048 }
        defer { machine.remove() }
        let supervisor = machine.supervisor
        try await supervisor.start()
        #expect(await supervisor.eventLogs(node: 1).map(\.capacity) == [2048])
        try await supervisor.changeEventLogs(.trace(.dispatch, isOn: true), node: 1)
        try await supervisor.changeEventLogs(.resize(8192), node: 1)
        try await supervisor.changeEventLogs(.run(false), node: 0)
        let pid = try #require(await machine.status(1)?.workerPID)
        try ProcessDescriptor(pid: pid).send(signal: 9)
        await machine.until { await machine.status(1)?.incarnation == 2 }
        let log = try #require(await supervisor.eventLogs(node: 1).last)
        #expect(log.incarnation == 2)
        #expect(log.traces == EventTraces.standard.union(.dispatch))
        #expect(log.capacity == 8192)
        let other = try #require(await supervisor.eventLogs(node: 0).last)
        #expect(other.traces == EventTraces.standard.subtracting(.running))
        #expect(supervisor.events.log?.traces == .standard)
        await supervisor.stop()
    }

    @Test func filesAreSavedUnderPlainNamesOnly() async throws {
        let machine = SupervisedMachine(nodes: 1)
        defer { machine.remove() }
        try await machine.supervisor.start()
        let bytes = Array((TraceFile.beginning + "}").utf8)
        let path = try await machine.supervisor.save("a.json", bytes)
        #expect(path == "\(machine.directory)/run/a.json")
        #expect(SmallFile.read(path) == TraceFile.beginning + "}")
        _ = try await machine.supervisor.save("a.json", bytes)
        for name in ["supervisor.lock", "instance", "node0", "../x", "", ".x", "a/b"] {
            await #expect(throws: ChangeError.self, "\(name)") {
                try await machine.supervisor.save(name, bytes)
            }
        }
        SmallFile.remove(path)
        await machine.supervisor.stop()
        #expect(machine.leftovers.isEmpty, "\(machine.leftovers)")
    }
}
