import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Testing

@testable import Supervision

/// Barriers of a supervisor over the lanes of fake workers, which turn and stand like real ones.
@Suite(.timeLimit(.minutes(2))) struct BarrierSupervisionTests {
    /// Runs a body on a machine that forwards; nothing is left afterwards.
    private func onMachine(
        rules: String = "",
        hang: Duration = .zero,
        fence: Duration = .seconds(20),
        _ body: (SupervisedMachine) async throws -> Void
    ) async throws {
        let machine = SupervisedMachine(rules: rules) { options in
            options.hang = hang
            options.barrier.fence = fence
            options.barrier.lease = .seconds(2)
        }
        defer { machine.remove() }
        try await machine.supervisor.start()
        try await body(machine)
        await machine.supervisor.stop()
        #expect(machine.leftovers == [])
    }

    private func isClosed(_ machine: SupervisedMachine, _ node: Int) async -> Bool {
        (await machine.status(node)?.segment?.load(.epochWanted) ?? 0) & 1 == 1
    }

    @Test func stopsTheLanesOfTheScopeAndRunsTheBody() async throws {
        try await onMachine { machine in
            let barriers = machine.supervisor.barriers
            let value = try await barriers.withClosed(scope: .node(1), caller: "one") { closed in
                #expect(closed.nodes == [1] && closed.isClosed)
                #expect(await isClosed(machine, 1))
                #expect(!(await isClosed(machine, 0)))
                return 7
            }
            #expect(value == 7)
            let nodes = try await barriers.run(scope: .all, caller: "both") { $0.nodes }
            #expect(nodes == [0, 1])
            for node in 0...1 { #expect(!(await isClosed(machine, node))) }
            let report = machine.supervisor.barrierReport
            #expect(report.count == 2 && report.beginnings == 2 && report.failures == 0)
            #expect(report.callers.mapValues(\.count) == ["one": 1, "both": 1])
            await #expect(throws: BarrierError.noWorker(node: 5)) {
                try await barriers.run(scope: .node(5), caller: "nobody") { _ in }
            }
        }
    }

    @Test func whoHoldsItMayTakeItAgain() async throws {
        try await onMachine { machine in
            let barriers = machine.supervisor.barriers
            try await barriers.withClosed(scope: .all, caller: "outer") { outer in
                try await barriers.withClosed(scope: .node(0), caller: "inner") { inner in
                    #expect(inner === outer)
                }
                #expect(await isClosed(machine, 0), "only the outer one opens")
            }
            #expect(!(await isClosed(machine, 0)))
            #expect(machine.supervisor.barrierReport.recursions == 1)
            #expect(machine.supervisor.barrierReport.count == 1)
            await #expect(throws: BarrierError.widerThanHeld) {
                try await barriers.withClosed(scope: .node(0), caller: "narrow") { _ in
                    try await barriers.withClosed(scope: .all, caller: "wide") { _ in }
                }
            }
            #expect(!(await isClosed(machine, 0)))
            // A task that outlives the body holds nothing.
            let late = try await barriers.withClosed(scope: .all, caller: "mother") { _ in
                Task {
                    try await Task.sleep(for: .milliseconds(50))
                    try await barriers.withClosed(scope: .all, caller: "child") { closed in
                        #expect(closed.isClosed)
                    }
                }
            }
            try await late.value
            #expect(machine.supervisor.barrierReport.callers["child"]?.count == 1)
        }
    }

    @Test func manyCallersHaveItOneAfterTheOther() async throws {
        try await onMachine { machine in
            let barriers = machine.supervisor.barriers
            let holders = Holders()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let scope = number % 3 == 0 ? BarrierScope.all : .node(number % 2)
                        try await barriers.withClosed(scope: scope, caller: "many") { _ in
                            await holders.enter()
                            try await Task.sleep(for: .milliseconds(1))
                            await holders.leave()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(await holders.most == 1)
            #expect(machine.supervisor.barrierReport.callers["many"]?.count == 20)
        }
    }

    private actor Holders {
        private var now = 0
        private(set) var most = 0

        func enter() {
            now += 1
            most = max(most, now)
        }

        func leave() { now -= 1 }
    }

    @Test func aBodyThatFailsOpensIt() async throws {
        struct Refusal: Error {}
        try await onMachine { machine in
            let barriers = machine.supervisor.barriers
            await #expect(throws: Refusal.self) {
                try await barriers.withClosed(scope: .all, caller: "test") { _ in throw Refusal() }
            }
            #expect(!(await isClosed(machine, 0)))
            try await barriers.withClosed(scope: .all, caller: "test") { _ in }
        }
    }

    @Test func aStoppedWorkerIsNamedKilledAndReplaced() async throws {
        try await onMachine(fence: .milliseconds(300)) { machine in
            let pid = try #require(await machine.status(1)?.workerPID)
            let block = try #require(await machine.status(1)?.segment).lane(0)
            kill(pid, SIGSTOP)
            while ThreadReading.read(pid: pid, thread: Int(block.load(.threadID)))?.state != "T" {
                usleep(100)
            }
            // A lane that is stopped in its sleep holds nobody up: this one shall not sleep.
            block.pointer(.asleep).pointee = 0
            let nodes = try await machine.supervisor.barriers.run(scope: .all, caller: "trial") {
                $0.nodes
            }
            #expect(nodes == [0])
            await machine.until { await machine.status(1)?.incarnation == 2 }
            await machine.until { await machine.status(1)?.workerState == .forwarding }
            let report = machine.supervisor.barrierReport
            #expect(report.fenced == 1 && report.letGo >= 1)
            let words = "node 1 lane 0: late for barrier \"trial\", its thread is stopped"
            #expect(machine.logged("barrier-fenced node=1 "))
            #expect(await machine.status(1)?.lastDeath == "worker killed: \(words)")
            await machine.until {
                (try? await machine.supervisor.barriers.run(scope: .all, caller: "after") {
                    $0.nodes
                }) == [0, 1]
            }
            let events = machine.supervisor.events.log?.read().events.compactMap(\.kind) ?? []
            #expect(events.contains(.barrierFenced) && events.contains(.barrierLate))
        }
    }

    @Test(arguments: ["stop", "loop"])
    func aHangingLaneIsFoundByItsHeartbeat(kind: String) async throws {
        let rules = kind == "loop" ? "worker 1 1 stuck now" : ""
        try await onMachine(rules: rules, hang: .milliseconds(800)) { machine in
            let first = await machine.status(0)?.workerPID
            if kind == "stop" { kill(try #require(await machine.status(1)?.workerPID), SIGSTOP) }
            await machine.until { await machine.status(1)?.incarnation == 2 }
            await machine.until { await machine.status(1)?.workerState == .forwarding }
            let death = await machine.status(1)?.lastDeath ?? ""
            #expect(death.hasPrefix("worker killed: node 1 lane 0: no turn for "), "\(death)")
            let cause = kind == "loop" ? "its thread runs without end" : "its thread is stopped"
            #expect(death.hasSuffix(cause), "\(death)")
            #expect(await machine.status(0)?.workerPID == first)
            let events = machine.supervisor.events.log?.read().events ?? []
            let hung = events.filter { $0.kind == .laneHung }
            #expect(!hung.isEmpty && hung.allSatisfy { $0.small == 1 && $0.middle == 0 })
        }
    }

    @Test func lanesThatDoNotBeginAreNamed() async throws {
        let machine = SupervisedMachine(rules: "worker 1 * no-lanes at-all") { options in
            options.times.forward = .seconds(15)
        }
        defer { machine.remove() }
        let error = await #expect(throws: SupervisionError.self) {
            try await machine.supervisor.start()
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("node 1 lane 0 did not begin"), "\(text)")
        #expect(machine.leftovers == [])
    }

    @Test func showsWhatBarriersCameTo() async throws {
        try await onMachine { machine in
            let runner = CommandRunner(dataplane: machine.supervisor)
            _ = await runner.run(line: "test barrier count 5 hold 100")
            let report = BarrierTables(machine.supervisor.barrierReport)
            #expect(report.count == 5)
            #expect(report.callers.map(\.caller) == ["test"])
            #expect(report.closedNanoseconds.p50 >= 100_000)
            #expect(report.lanes.map(\.numaNode) == [0, 1])
            #expect(report.text.contains("closed by test"))
        }
    }
}
