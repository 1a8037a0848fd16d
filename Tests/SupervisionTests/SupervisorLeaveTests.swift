import ControlProtocol
import Glibc
import LinuxSystem
import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(4)))
struct SupervisorLeaveTests {
    private func pids(_ supervisor: Supervisor) async -> [Int32] {
        await supervisor.view().nodes.flatMap { [$0.keeperPID, $0.workerPID] }.compactMap { $0 }
    }

    private func machine(_ directory: String? = nil, build: String? = nil) -> SupervisedMachine {
        SupervisedMachine(directory: directory) { options in
            options.stateDirectory = options.runtimeDirectory + "-state"
            if let build { options.build = build }
        }
    }

    @Test func leavesWhatRunsToASupervisorOfAnotherBuild() async throws {
        let first = machine()
        defer { first.remove() }
        try await first.supervisor.start()
        let before = await pids(first.supervisor)
        #expect(before.count == 4)
        async let isLeaving = first.supervisor.waitUntilStopped()
        await first.supervisor.prepareToLeave()
        #expect(await isLeaving)
        await first.supervisor.leave()
        #expect(before.allSatisfy { ProcessStamp.read(pid: $0) != nil })

        let second = machine(first.directory, build: "99.0")
        try await second.supervisor.start()
        #expect(await pids(second.supervisor) == before, "\(second.store.lines)")
        #expect(second.logged("taken-over node=0"))
        #expect(!second.logged("not-taken-over"))
        await second.supervisor.stop()
        #expect(before.allSatisfy { ProcessStamp.read(pid: $0) == nil })
        #expect(await second.supervisor.waitUntilStopped() == false)
    }

    @Test func leavesOnceADeathIsDealtWith() async throws {
        let machine = machine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        let worker = try #require(await machine.supervisor.view().nodes[0].workerPID)
        #expect(kill(worker, SIGKILL) == 0)
        while await machine.supervisor.view().nodes[0].forwards { await Task.yield() }
        await machine.supervisor.prepareToLeave()
        #expect(await machine.supervisor.waitUntilStopped())
        let after = try #require(await machine.supervisor.view().nodes[0].workerPID)
        #expect(after != worker)
        #expect(await machine.supervisor.view().nodes[0].forwards)
        await machine.supervisor.leave()

        let next = self.machine(machine.directory)
        try await next.supervisor.start()
        #expect(await next.supervisor.view().nodes[0].workerPID == after)
        await next.supervisor.stop()
    }

    @Test func anOrderlyStopGoesBeforeLeaving() async throws {
        let machine = machine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        await machine.supervisor.stop()
        await machine.supervisor.prepareToLeave()
        #expect(await machine.supervisor.waitUntilStopped() == false)
        #expect(machine.leftovers == [])
    }

    @Test func saysInOneLineHowItIs() async throws {
        let machine = machine()
        defer { machine.remove() }
        try await machine.supervisor.start()
        #expect(await machine.supervisor.serviceStatus() == "2 of 2 NUMA nodes forward")
        let keeper = try #require(await machine.supervisor.view().nodes[1].keeperPID)
        #expect(kill(keeper, SIGKILL) == 0)
        while await machine.supervisor.view().nodes[1].keeperPID != nil { await Task.yield() }
        let status = await machine.supervisor.serviceStatus()
        #expect(status.hasPrefix("2 of 2 NUMA nodes forward; node 1: "), "\(status)")
        await machine.supervisor.stop()
    }

    @Test func watchdogIsForTheProcessThatSystemdMeans() {
        let own = ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "41"]
        #expect(ServiceNotification.watchdogTime(own, pid: 41) == .seconds(30))
        #expect(ServiceNotification.watchdogTime(own, pid: 42) == nil)
        let any = ["WATCHDOG_USEC": "5"]
        #expect(ServiceNotification.watchdogTime(any, pid: 1) == .microseconds(5))
        for text in ["", "0", "-3", "soon"] {
            #expect(ServiceNotification.watchdogTime(["WATCHDOG_USEC": text], pid: 1) == nil)
        }
        #expect(ServiceNotification.watchdogTime([:], pid: 1) == nil)
    }
}
