internal import Coordination
internal import Dispatch
internal import Synchronization

/// A barrier between the task that holds it and the barriers' thread, which keeps it closed.
final class HeldBarrier: Sendable {
    private enum Progress {
        case held
        case ending(CheckedContinuation<BarrierError?, Never>?)
        case over(BarrierError?)
    }

    let closed: ClosedBarrier
    private let scope: BarrierScope
    private let done = DispatchSemaphore(value: 0)
    private let progress = Mutex(Progress.held)

    init(_ closed: ClosedBarrier, _ scope: BarrierScope) {
        self.closed = closed
        self.scope = scope
    }

    /// Whether it also stops the lanes of another scope.
    func covers(_ other: BarrierScope) -> Bool { scope == .all || scope == other }

    /// Whether it is no longer held; a task that was started by the holder may outlive it.
    var isOver: Bool { progress.withLock { if case .held = $0 { false } else { true } } }

    /// Has it opened; the holder's last act.
    ///
    /// - Returns: what went wrong; nil: nothing.
    func end() async -> BarrierError? {
        await withCheckedContinuation { continuation in
            let known: BarrierError?? = progress.withLock { progress in
                if case .over(let error) = progress { return .some(error) }
                progress = .ending(continuation)
                return nil
            }
            if let known { return continuation.resume(returning: known) }
            done.signal()
        }
    }

    /// Whether the holder is done; waits for it that long.
    func waitForEnd(within time: Duration) -> Bool {
        let (seconds, attoseconds) = time.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        return done.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success
    }

    /// Says that it is open.
    func opened(_ error: BarrierError?) {
        let waiter: CheckedContinuation<BarrierError?, Never>? = progress.withLock { progress in
            defer { progress = .over(error) }
            if case .ending(let waiter) = progress { return waiter }
            return nil
        }
        waiter?.resume(returning: error)
    }
}

/// The start of a worker's lanes, between the task that asks for it and the barriers' thread.
final class LaneBeginning: Sendable {
    private struct State {
        var isCancelled = false
        var hasBegun = false
        var missing: [LanePlace]?
        var beginWaiter: CheckedContinuation<Void, Never>?
        var endWaiter: CheckedContinuation<[LanePlace], Never>?
    }

    private let state = Mutex(State())

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func cancel() { state.withLock { $0.isCancelled = true } }

    /// Says that the lanes may be started.
    func begun() {
        let waiter = state.withLock { state in
            state.hasBegun = true
            defer { state.beginWaiter = nil }
            return state.beginWaiter
        }
        waiter?.resume()
    }

    func waitUntilBegun() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if !state.hasBegun { state.beginWaiter = continuation }
                return state.hasBegun
            }
            if isDone { continuation.resume() }
        }
    }

    /// Says which lanes did not come.
    func ended(_ missing: [LanePlace]) {
        let waiter = state.withLock { state in
            state.missing = missing
            defer { state.endWaiter = nil }
            return state.endWaiter
        }
        waiter?.resume(returning: missing)
    }

    /// The lanes that did not come.
    func missing() async -> [LanePlace] {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state in
                if state.missing == nil { state.endWaiter = continuation }
                return state.missing
            }
            if let known { continuation.resume(returning: known) }
        }
    }
}
