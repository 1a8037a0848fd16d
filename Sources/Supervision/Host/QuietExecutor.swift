internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#endif

/// Runs tasks that nobody waits for, such as writing down what a dead worker left, one after the other on a
/// thread that gives way to all others.
///
/// On the shared threads, of which there are as many as CPUs, such a task delays the recovery of a worker
/// that dies meanwhile by as long as it takes: 100 ms and more for a full event log.
final class QuietExecutor: TaskExecutor, @unchecked Sendable {
    /// The one that all use; its thread lives as long as the process.
    static let shared = QuietExecutor()

    /// What the thread adds to the process's nice value: it still gets a tenth of a CPU that another
    /// thread wants for itself.
    private static let niceness: Int32 = 10

    /// Guards `jobs`; waiters are woken with each job that is added.
    private let condition = NSCondition()
    /// In the order of their coming; guarded by `condition`.
    private var jobs: [UnownedJob] = []

    private init() {
        Thread { [self] in
            // Nice values belong to threads on Linux, and 0 is the one that asks.
            let process = __priority_which_t(PRIO_PROCESS.rawValue)
            setpriority(process, 0, getpriority(process, 0) + Self.niceness)
            while true { next().runSynchronously(on: asUnownedTaskExecutor()) }
        }.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        condition.lock()
        jobs.append(UnownedJob(job))
        condition.signal()
        condition.unlock()
    }

    private func next() -> UnownedJob {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty { condition.wait() }
        return jobs.removeFirst()
    }
}
