import Foundation
import LinuxSystem
import Testing

@Suite struct PrivilegesTests {
    /// Runs a body on a thread that ends with it, because capabilities belong to threads.
    private func onAThread<Result: Sendable>(
        _ body: @escaping @Sendable () -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: body()) }.start()
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root has capabilities to give up"))
    func keepsWhatIsNamedForThisThreadAndThoseThatItStarts() async throws {
        let before = Privileges.ofCallingThread
        try #require(before.effective.contains(.networkAdministration))
        let (kept, started, status) = await onAThread {
            try? Privileges.keep(.networkAdministration)
            let semaphore = DispatchSemaphore(value: 0)
            nonisolated(unsafe) var started = Capabilities(rawValue: .max)
            Thread {
                started = Privileges.ofCallingThread.effective
                semaphore.signal()
            }.start()
            semaphore.wait()
            let status = SmallFile.read("/proc/thread-self/status") ?? ""
            return (Privileges.ofCallingThread, started, status)
        }
        #expect(kept.effective == .networkAdministration)
        #expect(kept.bounding == .networkAdministration)
        #expect(started == .networkAdministration)
        #expect(status.contains("NoNewPrivs:\t1"))
        #expect(Privileges.ofCallingThread == before)
    }

    @Test(.enabled(if: geteuid() == 0, "only root has capabilities to give up"))
    func nothingComesBack() async {
        let kept = await onAThread {
            try? Privileges.keep([])
            try? Privileges.keep(.networkAdministration)
            return Privileges.ofCallingThread
        }
        #expect(kept.effective == [])
        #expect(kept.bounding == [])
    }

    @Test func masksReadAsTheKernelWritesThem() {
        #expect(Capabilities.networkAdministration.description == "0000000000001000")
        let two: Capabilities = [.rawInputOutput, .systemAdministration]
        #expect(two.description == "0000000000220000")
    }
}
