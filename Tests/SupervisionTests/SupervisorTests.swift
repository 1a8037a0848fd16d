import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(1)))
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
}
