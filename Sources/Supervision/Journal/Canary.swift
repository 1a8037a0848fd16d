internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging

/// The worker that changes go to first, and for how long it must live with one.
struct Canary: Sendable {
    let process: NodeProcess
    let segment: WorkerSegment
    let window: Duration

    /// How long a lane that does not turn at the window's end may take to be found hung, or to go on.
    private static let patience = 100

    /// Waits for the window's end.
    ///
    /// - Returns: how the worker failed; nil: it lives, and its lanes turn.
    func watch() async -> String? {
        if let status = await process.waitForEnd(within: window) { return "\(status)" }
        // A lane that has just stopped is not known to hang yet.
        let turns = (0..<segment.laneCount).map { segment.lane($0).load(.loops) }
        for _ in 0..<Self.patience {
            let areTurning = turns.indices.allSatisfy { index in
                let block = segment.lane(index)
                return block.load(.loops) != turns[index] || block.load(.asleep) == 1
            }
            if areTurning { return nil }
            if let status = await process.waitForEnd(within: .milliseconds(50)) {
                return "\(status)"
            }
        }
        return "its lanes do not turn"
    }
}

/// What is to be done with a change: see `docs/restart.md`.
enum CanaryChoice: Sendable {
    /// It goes to all at once.
    case off
    /// It goes to this worker first.
    case first(Canary)
    /// It cannot be made: why.
    case refused(String)
}

/// A change that a worker did not survive.
public struct PoisonChange: Sendable, Encodable {
    /// The number that it had on that worker; no other change has it.
    public var number: UInt64
    /// What it was.
    public var change: String
    /// The NUMA node of that worker.
    public var numaNode: Int
    /// The number of the worker's life.
    public var incarnation: UInt32
    /// How the worker failed.
    public var cause: String
    /// Seconds since 1970.
    public var unixSeconds: Int
}

extension Journal {
    /// Applies a change on one worker, and on the others when that one has lived with it for a while.
    ///
    /// Nothing is in the file before: if the supervisor dies meanwhile, the next one takes the change from
    /// the one worker, and nobody was told that it is made. The gate is held: what comes meanwhile waits.
    ///
    /// - Throws: `ChangeError`; nothing has changed then, and the one worker may be dead.
    func prove(
        _ slices: [ModelChange],
        keeping change: ConfigurationChange,
        by canary: Canary
    ) async throws(ChangeError) -> UInt64 {
        var outgoing = Outgoing(number: number + 1)
        outgoing.target = .only(canary.process.name)
        outgoing.keepsAll = true
        var undo: [ModelUndo] = []
        do throws(ChangeError) {
            for slice in slices {
                let step = try model.apply(slice)
                if !step.undo.isEmpty { undo.append(step.undo) }
                await send(step.changes, in: &outgoing)
            }
        } catch {
            await takeBack(undo, after: &outgoing)
            throw error
        }
        guard !undo.isEmpty || setsAnew(change) else { return number }
        if outgoing.held == nil { outgoing.held = [] }
        if let failure = await firstFailure(of: canary, &outgoing) {
            await takeBack(undo, after: &outgoing)
            throw failure
        }
        do throws(ChangeError) {
            if try await record(change, number: outgoing.number),
                let failure = await disk?.store.sync()
            {
                await disk?.store.takeBack(isRefused: true)
                throw failure
            }
        } catch {
            await takeBack(undo, after: &outgoing)
            throw error
        }
        try await spread(&outgoing, undo)
        settle(change)
        await compactIfLong()
        return number
    }

    /// Brings the entry's end to the canary and watches it.
    ///
    /// - Returns: why the change cannot stand; nil: it can.
    private func firstFailure(
        of canary: Canary,
        _ outgoing: inout Outgoing
    ) async -> ChangeError? {
        let name = canary.process.name
        if let refusal = await finish(&outgoing).first {
            return ChangeError("\(refusal.process.name): \(refusal.reason)")
        }
        var failure: String?
        if let status = await canary.process.exit {
            failure = "\(status)"
        } else if members[name] == nil {
            // It is being killed: it took too long, or its connection broke.
            let status = await canary.process.waitForEnd(within: times.end)
            failure = status.map { "\($0)" } ?? "it does not answer"
        } else {
            failure = await canary.watch()
        }
        guard let failure else { return nil }
        if await canary.process.exit == nil { await expel(canary.process, failure) }
        return await onPoison(name, outgoing.number, failure)
    }

    /// Brings an entry that one worker has to all others.
    private func spread(
        _ outgoing: inout Outgoing,
        _ undo: [ModelUndo]
    ) async throws(ChangeError) {
        let first = outgoing.target
        outgoing.target = first.others
        let parts = outgoing.kept
        outgoing.sent = 0
        for (index, part) in parts.enumerated() {
            await broadcast(part, of: &outgoing, isLast: index == parts.count - 1, isKept: true)
        }
        let refusals = await acknowledgements(of: &outgoing)
        outgoing.target = .all
        guard !refusals.isEmpty else { return }
        await takeBack(undo, after: &outgoing)
        await disk?.store.takeBack(isRefused: true)
        let reasons = refusals.map { "\($0.process.name): \($0.reason)" }.sorted()
        throw ChangeError(reasons.joined(separator: "; "))
    }
}
