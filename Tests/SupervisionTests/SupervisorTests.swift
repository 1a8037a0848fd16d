import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Logging
import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(4)))
struct SupervisorTests {
    @Test func startsEveryNodeAndLeavesNothingBehind() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        let view = await machine.supervisor.view()
        #expect(view.nodes.map(\.workerState) == [.forwarding, .forwarding])
        #expect(view.nodes.map(\.keeperState) == [.ready, .ready])
        #expect(view.interfaces.map(\.name) == ["port0", "port1"])
        #expect(view.interfaces.allSatisfy { !$0.isUp && $0.mac != MACAddress() })
        #expect(view.nodes.allSatisfy { $0.segment?.load(.peersUp) == 0b11 })
        #expect(view.nodes[0].segment?.load(.idleSleepMicroseconds) == 100)
        #expect(SmallFile.exists(machine.directory + "/huge/test-handoff-n0"))
        #expect(machine.transcript("worker.0.1").contains("forward"))
        let pids = view.nodes.flatMap { [$0.keeperPID, $0.workerPID] }.compactMap { $0 }
        #expect(pids.count == 4)

        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
        #expect(pids.allSatisfy { ProcessStamp.read(pid: $0) == nil })
        #expect(machine.transcript("worker.1.1").last == "drain")
        #expect(machine.transcript("keeper.1.1").last == "drain")
    }

    @Test func tellsWorkersHowTheirStatisticsAreToBe() async throws {
        let machine = SupervisedMachine(nodes: 1) {
            $0.statistics.listsNodes = false
            $0.statistics.updateMicroseconds = 250_000
        }
        defer { machine.remove() }
        try await machine.supervisor.start()
        let segment = try #require(await machine.status(0)?.segment)
        #expect(segment.load(.hidesNodes) == 1 && segment.load(.gaugeMicroseconds) == 250_000)
        await machine.supervisor.stop()
    }

    /// The levels that a process was told, in their order.
    private func levels(_ machine: SupervisedMachine, _ process: String) -> [String] {
        machine.transcript(process).filter { $0.hasPrefix("logLevels ") }
    }

    @Test func logLevelsReachRunningProcessesAndLaterLives() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        // Trace is 0, debug 1, warning 4.
        #expect(levels(machine, "worker.0.1") == ["logLevels 0 0"])
        var debug = LogPolicy.ClassSettings()
        debug.level = .debug
        debug.syslogLevel = .warning
        await machine.supervisor.setLogging(
            .classSettings(LoggingClassChange(name: "worker", settings: debug))
        )
        for worker in ["worker.0.1", "worker.1.1"] {
            await machine.until { levels(machine, worker).last == "logLevels 1 4" }
        }
        #expect(levels(machine, "keeper.0.1") == ["logLevels 0 0"])
        kill(try #require(await machine.status(1)?.workerPID), SIGKILL)
        await machine.until { await machine.status(1)?.incarnation == 2 }
        await machine.until { await machine.status(1)?.workerState == .forwarding }
        #expect(levels(machine, "worker.1.2") == ["logLevels 1 4"])
        #expect(machine.transcript("worker.1.2").contains("environment debug warning"))
        await machine.supervisor.stop()
    }

    @Test func oneNodeAloneNeedsNoRings() async throws {
        let machine = SupervisedMachine(nodes: 1)
        defer { machine.remove() }
        try await machine.supervisor.start()
        #expect(SmallFile.names(in: machine.directory + "/huge").isEmpty)
        #expect(machine.transcript("keeper.0.1").contains("rings "))
        await machine.supervisor.stop()
    }

    /// What goes wrong at the start, and what the operator is told.
    @Test(arguments: [
        (
            "worker 1 * silent-at ready",
            "node 1 worker: no \"ready\" within 0.300 s; last state attached"
        ),
        ("keeper 0 * silent-at attached", "node 0 keeper: no \"attached\" within 0.300 s"),
        (
            "worker 0 * exit-at attached 64",
            "node 0 worker: ended with exit status 64 before \"attached\""
        ),
        (
            "worker 1 * exit-at forwarding 3",
            "node 1 worker: ended with exit status 3 before \"forwarding\""
        ),
        (
            "keeper 1 * build other",
            "node 1 keeper: is of build other, the supervisor of \(Build.version)"
        ),
        ("worker 0 * refuse 2", "node 0 worker: refuses the snapshot: heap full"),
        ("worker 0 * deaf-at 0", "node 0 worker: no \"acknowledgement of snapshot"),
    ])
    func namesTheStepThatFailsAndStopsEverything(rule: String, words: String) async throws {
        let machine = SupervisedMachine(rules: rule) {
            $0.times.environment = .milliseconds(300)
            $0.times.snapshot = .milliseconds(300)
        }
        defer { machine.remove() }
        let error = await #expect(throws: SupervisionError.self) {
            try await machine.supervisor.start()
        }
        let message = error?.description ?? ""
        #expect(message.contains(words), "\(message)")
        #expect(machine.leftovers == [])
        let view = await machine.supervisor.view()
        #expect(view.nodes.allSatisfy { $0.keeperPID == nil && $0.workerPID == nil })
    }

    @Test func saysWhenTheProgramCannotBeStarted() async throws {
        let machine = SupervisedMachine { $0.nodeExecutable = "/nonexistent/causeway-node" }
        defer { machine.remove() }
        let error = await #expect(throws: SupervisionError.self) {
            try await machine.supervisor.start()
        }
        #expect(error?.description.contains("cannot start /nonexistent/causeway-node") == true)
        #expect(machine.leftovers == [])
    }

    @Test func aStopWhileStartingEndsBoth() async throws {
        let machine = SupervisedMachine(rules: "worker 1 * silent-at ready")
        defer { machine.remove() }
        let start = Task { try await machine.supervisor.start() }
        await machine.until { machine.transcript("worker.1.1").contains("silent") }
        await machine.supervisor.stop()
        await #expect(throws: SupervisionError.self) { try await start.value }
        #expect(machine.leftovers == [])
    }

    @Test func killsWhoDoesNotDrain() async throws {
        let rules = "worker 0 * ignore-drain;worker 0 * ignore-term;keeper 1 * ignore-drain"
        let machine = SupervisedMachine(rules: rules) {
            $0.times.drain = .milliseconds(100)
            $0.times.end = .milliseconds(200)
        }
        defer { machine.remove() }
        try await machine.supervisor.start()
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
        #expect(machine.logged("worker-stopped node=0 status=\"signal 9 (SIGKILL)\""))
        #expect(machine.logged("keeper-stopped node=1 status=\"signal 15 (SIGTERM)\""))
        #expect(machine.logged("worker-stopped node=1 status=\"exit status 0\""))
    }

    @Test func refusesToShareItsDirectoryWithALiveSupervisor() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        let second = SupervisedMachine(directory: machine.directory, instance: "other")
        let error = await #expect(throws: SupervisionError.self) {
            try await second.supervisor.start()
        }
        #expect(error?.description.contains("pid=\(getpid())") == true)
        #expect(await machine.status(0)?.workerState == .forwarding)
        await machine.supervisor.stop()
    }

    @Test func refusesCPUsThatAnotherInstancePollsOn() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        let second = SupervisedMachine(nodes: 1, instance: "other") {
            $0.host.sharedMemory = machine.directory + "/shm"
        }
        defer { second.remove() }
        let error = await #expect(throws: SupervisionError.self) {
            try await second.supervisor.start()
        }
        #expect(error == .cpusBusy(instance: "test", list: "0"))
        #expect(await machine.status(0)?.workerState == .forwarding)
        await machine.supervisor.stop()
    }

    @Test func namesTheNodeThatLacksHugepages() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        let pages = machine.directory + "/sys/kernel/mm/hugepages/hugepages-2048kB"
        try SmallFile.makeDirectory(pages)
        // Each node needs one for DPDK, one for its heap and one for its rings.
        try SmallFile.write(pages + "/free_hugepages", "5\n")
        let error = await #expect(throws: SupervisionError.self) {
            try await machine.supervisor.start()
        }
        #expect(
            error
                == .hugepagesMissing(
                    node: 1,
                    needed: 3,
                    free: 2,
                    pageBytes: 2 << 20,
                    parts: "DPDK 1, heap 1, rings 1"
                )
        )
        #expect(machine.leftovers == [])
    }

    @Test func namesADeviceThatIsNotThere() async throws {
        let machine = SupervisedMachine {
            $0.placement.nodes[1].ports[0].kind = .pci
            $0.placement.nodes[1].ports[0].device = "0000:99:00.0"
        }
        defer { machine.remove() }
        await #expect(throws: SupervisionError.deviceMissing(port: "port1", device: "0000:99:00.0"))
        {
            try await machine.supervisor.start()
        }
        #expect(machine.leftovers == [])
    }

    @Test func refusesASocketPathThatIsTooLong() async throws {
        let machine = SupervisedMachine {
            $0.runtimeDirectory += "/" + String(repeating: "x", count: 100)
        }
        defer { machine.remove() }
        let error = await #expect(throws: SupervisionError.self) {
            try await machine.supervisor.start()
        }
        #expect(error?.description.contains("choose a shorter runtime-dir") == true)
    }
}
