import Coordination
import Glibc
import LinuxSystem
import Testing

@testable import Supervision

extension Supervisor {
    /// Lets go of everything without a word, as a crash does.
    fileprivate func vanish() {
        isStopping = true
        locks.removeAll()
    }
}

@Suite(.timeLimit(.minutes(4)))
struct SupervisorLeftoversTests {
    @Test func endsTheOrphansOfACrashedSupervisor() async throws {
        let first = SupervisedMachine(rules: "worker 0 * ignore-term")
        defer { first.remove() }
        try await first.supervisor.start()
        let orphans = await first.supervisor.view().nodes
            .flatMap { [$0.keeperPID, $0.workerPID] }.compactMap { $0 }
        await first.supervisor.vanish()

        let second = SupervisedMachine(directory: first.directory) { $0.times.end = .seconds(1) }
        try await second.supervisor.start()
        #expect(orphans.count == 4)
        #expect(orphans.allSatisfy { ProcessStamp.read(pid: $0) == nil })
        let pids = await second.supervisor.view().nodes.compactMap(\.workerPID)
        #expect(Set(pids).isDisjoint(with: orphans))
        #expect(second.logged("orphan-stopped node=0 pid=\(orphans[1]) process=worker.1 signal=9"))
        #expect(second.logged("orphan-stopped node=1 pid=\(orphans[3]) process=worker.1 signal=15"))
        await second.supervisor.stop()
        #expect(second.leftovers == [])
    }

    @Test func removesStaleFilesAndSaysSo() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        let stale = [
            "run/node7/worker.3.sock", "shm/test/node7.3", "huge/test-handoff-n7",
            "huge/test-n7map_12", "dpdk/test-n7/config",
        ].map { "\(machine.directory)/\($0)" }
        let foreign = [
            "shm/testing/node0.1", "huge/testing-n0map_1", "huge/test-notes",
            "dpdk/test-notes/config",
        ].map { "\(machine.directory)/\($0)" }
        for path in stale + foreign {
            let directory = String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))
            try SmallFile.makeDirectory(directory)
            try SmallFile.write(path, "x")
        }
        try await machine.supervisor.start()
        #expect(stale.filter(SmallFile.exists) == [])
        #expect(foreign.filter { !SmallFile.exists($0) } == [])
        #expect(
            machine.logged(
                "stale-files-removed count=1 path=\(machine.directory)/huge/test-n7map_*"
            )
        )
        #expect(machine.logged("stale-file-removed path=\(machine.directory)/dpdk/test-n7"))
        #expect(
            machine.logged("stale-file-removed path=\(machine.directory)/run/node7/worker.3.sock")
        )
        await machine.supervisor.stop()
    }

    @Test func sparesAProcessThatHasARecordedNumberByChance() async throws {
        let machine = SupervisedMachine()
        defer { machine.remove() }
        let runtime = RuntimeDirectory(path: machine.directory + "/run")
        try runtime.makeDirectory(node: 0)
        var stamp = try #require(ProcessStamp.read(pid: getpid()))
        stamp.startTicks -= 1
        try runtime.write(.init(node: 0, name: "worker.9", stamp: stamp))
        try await machine.supervisor.start()
        #expect(!machine.logged("orphan-found"))
        await machine.supervisor.stop()
    }
}
