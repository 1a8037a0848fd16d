internal import Coordination
internal import LinuxSystem

extension NodeProcess {
    /// What a task waits for.
    enum Condition: Hashable, Sendable {
        case hello
        case state(ProcessState)
        case acknowledged(UInt64)
        case answer(UInt32)
        case writable(UInt64)
        case end
    }

    /// A task that waits, and until when.
    struct Waiter {
        var condition: Condition
        /// What the step is called in messages.
        var step: String
        var continuation: CheckedContinuation<Result<Void, StepFailure>, Never>
        var deadline: Task<Void, Never>
    }

    /// Waits for a condition that may already hold.
    ///
    /// - Parameters:
    ///   - condition: what is waited for.
    ///   - step: the same in the words of the message if it does not come.
    ///   - time: the longest wait.
    /// - Throws: `StepFailure` if the process ends first, its connection breaks, or the time is
    ///   over.
    func wait(
        for condition: Condition,
        step: String,
        within time: Duration
    ) async throws(StepFailure) {
        if holds(condition) { return }
        if let exit { throw failure(.ended(step: step, exit)) }
        nextWaiter += 1
        let id = nextWaiter
        let result: Result<Void, StepFailure> = await withCheckedContinuation { continuation in
            waiters[id] = Waiter(
                condition: condition,
                step: step,
                continuation: continuation,
                deadline: Task { [weak self] in
                    // Cancelled when what is waited for has come.
                    guard (try? await Task.sleep(for: time)) != nil else { return }
                    await self?.expire(id, after: time)
                }
            )
        }
        try result.get()
    }

    /// Waits until the process has reported `state` or a later one.
    func wait(for state: ProcessState, within time: Duration) async throws(StepFailure) {
        try await wait(for: .state(state), step: state.description, within: time)
    }

    /// Waits for the process to end.
    ///
    /// - Returns: how it ended, or nil if it still runs.
    func waitForEnd(within time: Duration) async -> ExitStatus? {
        // Too late or not at all: `exit` says which.
        try? await wait(for: .end, step: "end", within: time)
        return exit
    }

    private func holds(_ condition: Condition) -> Bool {
        switch condition {
        case .hello: identity != nil
        case .state(let state): lastState.rawValue >= state.rawValue
        case .acknowledged(let number): acknowledged.map { $0 >= number } ?? false
        case .answer(let request): finished.contains(request)
        case .writable: false
        case .end: exit != nil
        }
    }

    private func expire(_ id: UInt64, after time: Duration) {
        guard let waiter = waiters[id] else { return }
        resolve(id, .failure(failure(.late(step: waiter.step, within: time))))
    }

    /// Wakes the waiters of a condition.
    func resolve(_ condition: Condition) {
        for id in Array(waiters.keys) where waiters[id]?.condition == condition {
            resolve(id, .success(()))
        }
    }

    /// Wakes one waiter.
    func resolve(_ id: UInt64, _ result: Result<Void, StepFailure>) {
        guard let waiter = waiters.removeValue(forKey: id) else { return }
        waiter.deadline.cancel()
        waiter.continuation.resume(returning: result)
    }
}
