public import Coordination
internal import Dispatch
internal import LinuxSystem
internal import Logging
internal import Synchronization

/// Which lanes a barrier stops.
public enum BarrierScope: Hashable, Sendable, CustomStringConvertible {
    /// Those of one NUMA node's worker, by the node's number in the placement.
    case node(Int)
    /// Those of all workers that forward.
    case all

    /// The scope in words.
    public var description: String {
        switch self {
        case .node(let number): "node \(number)"
        case .all: "all nodes"
        }
    }
}

/// The supervisor's barriers: one at a time, on a thread of their own.
///
/// What happens when, `Barrier` and `LaneBarrier` say. A barrier that comes while another is closed
/// waits for it; who holds one may take it again in the same task. Nothing here is held across a
/// death: the queue dies with the supervisor, and then the lanes' lease runs out.
public final class Barriers: Sendable {
    /// What is known to others than the barriers' thread.
    private struct State {
        var members: [Int: BarrierMember] = [:]
        var report = BarrierReport()
    }

    /// Used on `queue` alone.
    private struct Coordinator: @unchecked Sendable {
        let barrier: Barrier
    }

    private let queue = DispatchQueue(label: "causeway.barrier", qos: .userInteractive)
    private let coordinator: Coordinator
    private let resumed = DispatchSemaphore(value: 0)
    private let state = Mutex(State())
    let times: BarrierTimes
    private let events: SupervisorEvents
    private let logger: Logger
    /// Told, before a worker is killed, which and why.
    private let onFence: @Sendable (BarrierMember, String) -> Void

    /// The barrier that the present task holds.
    @TaskLocal static var held: HeldBarrier?

    /// Makes the barriers of a supervisor.
    ///
    /// - Parameters:
    ///   - times: how long they wait.
    ///   - hertz: ticks of the time-stamp counter a second.
    ///   - events: where they are recorded.
    ///   - logger: gets a line for what an operator should know.
    ///   - onFence: told before a worker is killed, on the barriers' thread.
    init(
        times: BarrierTimes,
        hertz: Double,
        events: SupervisorEvents,
        logger: Logger,
        onFence: @escaping @Sendable (BarrierMember, String) -> Void
    ) {
        self.times = times
        self.events = events
        self.logger = logger
        self.onFence = onFence
        coordinator = Coordinator(barrier: Barrier(times: times, hertz: hertz))
    }

    // MARK: Members

    /// Takes a worker in whose lanes run, or are about to; in place of the node's last one.
    func join(_ member: BarrierMember) {
        state.withLock { $0.members[member.node] = member }
    }

    /// Forgets a life of a node's worker.
    func leave(node: Int, incarnation: UInt32) {
        state.withLock {
            guard $0.members[node]?.incarnation == incarnation else { return }
            $0.members[node] = nil
        }
    }

    private func members(of scope: BarrierScope) throws(BarrierError) -> [BarrierMember] {
        let members = state.withLock { $0.members }
        switch scope {
        case .all: return members.values.sorted { $0.node < $1.node }
        case .node(let number):
            guard let member = members[number] else { throw .noWorker(node: number) }
            return [member]
        }
    }

    // MARK: Taking it

    /// Stops lanes, runs a body on the barriers' thread, and lets the lanes go on: the shortest way.
    ///
    /// - Parameters:
    ///   - scope: whose lanes.
    ///   - caller: a short name, for `show barrier` and the event log.
    ///   - body: what must be seen by all at once; it must not wait for anything.
    /// - Returns: what the body returns.
    /// - Throws: `BarrierError` before the body if the lanes could not be stopped; `leaseOver` after
    ///   it if they went on before it was done.
    public func run<Value: Sendable>(
        scope: BarrierScope,
        caller: String,
        _ body: @escaping @Sendable (ClosedBarrier) -> Value
    ) async throws(BarrierError) -> Value {
        let result: Result<Value, BarrierError> = await withCheckedContinuation { continuation in
            queue.async { [self] in
                do throws(BarrierError) {
                    let closed = try close(scope, caller)
                    let value = body(closed)
                    try open(closed, scope, caller)
                    continuation.resume(returning: .success(value))
                } catch { continuation.resume(returning: .failure(error)) }
            }
        }
        return try result.get()
    }

    /// Stops lanes, runs a body that may wait, and lets the lanes go on.
    ///
    /// The lanes stay closed as long as the body runs and the supervisor lives. A body of several
    /// steps asks `ClosedBarrier.isClosed` before each. A body that takes the barrier again, for the
    /// same scope or a narrower one, has it at once.
    ///
    /// - Parameters:
    ///   - scope: whose lanes.
    ///   - caller: a short name, for `show barrier` and the event log.
    ///   - body: what must be seen by all at once.
    /// - Returns: what the body returns.
    /// - Throws: `BarrierError` before the body if the lanes could not be stopped; what the body
    ///   throws; `BarrierError.leaseOver` after it if lanes went on before it was done.
    public func withClosed<Value: Sendable>(
        scope: BarrierScope,
        caller: String,
        _ body: @Sendable (ClosedBarrier) async throws -> Value
    ) async throws -> Value {
        if let held = Self.held, !held.isOver {
            guard held.covers(scope) else { throw BarrierError.widerThanHeld }
            state.withLock { $0.report.recursions += 1 }
            events.barrier(.barrierRecursion, since: events.now, caller: caller)
            return try await body(held.closed)
        }
        let held = try await hold(scope, caller)
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(
                try await Self.$held.withValue(held) { try await body(held.closed) }
            )
        } catch { outcome = .failure(error) }
        let error = await held.end()
        let value = try outcome.get()
        if let error { throw error }
        return value
    }

    /// Has the barriers' thread close a barrier and keep it closed until it is told to open it.
    private func hold(
        _ scope: BarrierScope,
        _ caller: String
    ) async throws(BarrierError) -> HeldBarrier {
        let result: Result<HeldBarrier, BarrierError> = await withCheckedContinuation { waiter in
            queue.async { [self] in
                let held: HeldBarrier
                do throws(BarrierError) {
                    held = HeldBarrier(try close(scope, caller), scope)
                    waiter.resume(returning: .success(held))
                } catch { return waiter.resume(returning: .failure(error)) }
                while !held.waitForEnd(within: times.lease / 4) {
                    if !coordinator.barrier.renew(held.closed) { break }
                }
                do throws(BarrierError) {
                    try open(held.closed, scope, caller)
                    held.opened(nil)
                } catch { held.opened(error) }
            }
        }
        return try result.get()
    }

    /// Has no barrier closed until `resume`, after those that are; for who changes the members.
    func pause() async {
        await withCheckedContinuation { waiter in
            queue.async { [self] in
                waiter.resume()
                resumed.wait()
            }
        }
    }

    /// Ends a `pause`; once for each.
    nonisolated func resume() { resumed.signal() }

    // MARK: On the barriers' thread

    private func close(
        _ scope: BarrierScope,
        _ caller: String
    ) throws(BarrierError) -> ClosedBarrier {
        do throws(BarrierError) {
            return try coordinator.barrier.close(try members(of: scope)) { [self] incident in
                note(incident, caller)
            }
        } catch {
            state.withLock { $0.report.noteFailure(error) }
            logger.warning(
                "barrier-failed",
                metadata: ["caller": "\(caller)", "reason": "\(error)"]
            )
            throw error
        }
    }

    private func open(
        _ closed: ClosedBarrier,
        _ scope: BarrierScope,
        _ caller: String
    ) throws(BarrierError) {
        let end = events.now
        do throws(BarrierError) {
            let reading = try coordinator.barrier.open(closed)
            state.withLock { $0.report.note(reading, closed, caller: caller) }
            let lanes = reading.lanes.count
            events.barrier(
                .barrierClosed,
                since: closed.begin,
                until: closed.closed,
                caller: caller,
                small: lanes
            )
            events.barrier(.barrierHeld, since: closed.closed, until: end, caller: caller)
        } catch {
            state.withLock { $0.report.noteFailure(error) }
            events.barrier(
                .barrierHeld,
                since: closed.closed,
                until: end,
                caller: caller,
                small: 1
            )
            logger.error("barrier-broken", metadata: ["caller": "\(caller)", "reason": "\(error)"])
            throw error
        }
    }

    private func note(_ incident: BarrierIncident, _ caller: String) {
        state.withLock { $0.report.note(incident) }
        switch incident {
        case .heldDown(let nanoseconds, let isJump):
            events.barrierHeldDown(nanoseconds: nanoseconds, isJump: isJump)
            guard isJump else { return }
            logger.warning("barrier-clock-changed", metadata: ["wait-ns": "\(nanoseconds)"])
        case .late(let places):
            for place in places { events.lane(.barrierLate, place) }
        case .letGo(let places, let nanoseconds):
            for place in places { events.lane(.barrierLate, place, value: nanoseconds) }
            logger.warning(
                "barrier-late",
                metadata: [
                    "caller": "\(caller)", "time-us": "\(nanoseconds / 1000)",
                    "lanes": "\(places.map(\.description).joined(separator: "; "))",
                ]
            )
        case .left(let node):
            events.barrierLeft(node: node)
        case .fenced(let member, let place, let cause):
            events.lane(.barrierFenced, place)
            let reason = "\(place): late for barrier \"\(caller)\", \(cause)"
            logger.error(
                "barrier-fenced",
                metadata: ["node": "\(member.node)", "reason": "\(reason)"]
            )
            onFence(member, reason)
        case .leaseOver:
            logger.warning("barrier-lease-over", metadata: ["caller": "\(caller)"])
        }
    }

    /// What barriers came to so far.
    public var report: BarrierReport { state.withLock { $0.report } }

    // MARK: The first barrier of lanes

    /// Has a worker's lanes begin together: they stand until all of them have come.
    ///
    /// - Parameters:
    ///   - member: the worker; it belongs to barriers once its lanes have come.
    ///   - time: how long the lanes may take.
    ///   - start: has the worker start them.
    /// - Returns: the lanes that did not come, with the graph node that each is in.
    /// - Throws: what `start` throws.
    func beginLanes<Failure: Error>(
        of member: BarrierMember,
        within time: Duration,
        _ start: @Sendable () async throws(Failure) -> Void
    ) async throws(Failure) -> [LanePlace] {
        let beginning = LaneBeginning()
        queue.async { [self] in
            let missing = coordinator.barrier.beginLanes(
                of: member,
                within: time,
                isCancelled: { beginning.isCancelled },
                begun: { beginning.begun() }
            )
            if !beginning.isCancelled { join(member) }
            state.withLock { $0.report.beginnings += 1 }
            beginning.ended(missing)
        }
        await beginning.waitUntilBegun()
        do throws(Failure) { try await start() } catch {
            beginning.cancel()
            _ = await beginning.missing()
            throw error
        }
        return await beginning.missing()
    }
}
