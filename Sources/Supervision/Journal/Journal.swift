internal import ControlProtocol
internal import Coordination
internal import Logging
internal import Routing

/// The single writer of configuration: numbers every change and brings it to every worker in order.
///
/// A change passes the gate alone: it is checked against the model, worked out in slices, each of
/// them sent to all members while the next one is worked out, and acknowledged by all at its end. A
/// member that refuses makes the whole change be taken back by a compensating entry; one that does
/// not answer in time is reported as hung and left out. A worker that starts gets the model as a
/// snapshot, then the entries since, and is a member when it forwards. Entries are kept only as
/// long as a worker that is joining needs them.
actor Journal {
    /// Called with a worker that must be killed and replaced: it hangs, or does not take back a
    /// refused change.
    typealias HungHandler = @Sendable (NodeProcess, String) async -> Void
    /// Called with a worker that did not survive the change of that number, and how it failed; gives the words
    /// for who asked for the change.
    typealias PoisonHandler = @Sendable (ProcessName, UInt64, String) async -> ChangeError

    /// An entry as it was sent.
    struct Entry: Sendable {
        var number: UInt64
        var parts: [[UInt8]]
    }

    var model: ForwardingModel
    /// The number of the last entry.
    var number: UInt64 = 0
    /// The number of the last entry that an operator asked for, or of the beginning: what workers learn does
    /// not move it.
    var configured: UInt64 = 0
    /// The workers and spares that get live changes.
    var members: [ProcessName: NodeProcess] = [:]
    /// The number of the snapshot that each joining worker got.
    var joining: [ProcessName: UInt64] = [:]
    /// The entries after the oldest of those numbers.
    var tail: [Entry] = []
    let gate = Gate()
    /// The file that changes are kept in; nil: there is none.
    var disk: JournalDisk?
    let times: StepTimes
    let logger: Logger
    let onHung: HungHandler
    let onPoison: PoisonHandler
    /// Whom an operator's change goes to first, asked for each.
    let canary: @Sendable (ConfigurationChange) async -> CanaryChoice

    init(
        model: ForwardingModel,
        times: StepTimes,
        logger: Logger,
        onHung: @escaping HungHandler,
        onPoison: @escaping PoisonHandler = { ChangeError("\($0) \($2)") },
        canary: @escaping @Sendable (ConfigurationChange) async -> CanaryChoice = { _ in .off }
    ) {
        self.model = model
        self.times = times
        self.logger = logger
        self.onHung = onHung
        self.onPoison = onPoison
        self.canary = canary
    }

    /// Applies a change on every member.
    ///
    /// - Returns: the number of its entry, or of the last one if it changes nothing.
    /// - Throws: `ChangeError`; nothing has changed then.
    @discardableResult
    func commit(_ change: ModelChange) async throws(ChangeError) -> UInt64 {
        if case .configuration(let configuration) = change {
            return try await commit(change.slices(), keeping: configuration)
        }
        return try await commit(change.slices())
    }

    /// Applies the parts of a change on every member, all of them or none.
    ///
    /// Its record is in the file before any worker is told, and on the disk before this returns.
    ///
    /// - Parameters:
    ///   - slices: the parts.
    ///   - change: the whole, to be kept on the disk; nil: it is not.
    /// - Returns: the number of its entry, or of the last one if it changes nothing.
    /// - Throws: `ChangeError`; nothing has changed then.
    func commit(
        _ slices: [ModelChange],
        keeping change: ConfigurationChange? = nil
    ) async throws(ChangeError) -> UInt64 {
        await gate.enter()
        defer { gate.leave() }
        guard change != nil else { return try await commitAlone(slices, keeping: nil) }
        let request = ChangeRequest.current
        try request?.check(configured)
        let former = number
        let made = try await commitAlone(slices, keeping: change)
        if made > former { configured = made }
        request?.notes.add(made)
        return made
    }

    /// `commit` for the one that the gate let through.
    private func commitAlone(
        _ slices: [ModelChange],
        keeping change: ConfigurationChange?
    ) async throws(ChangeError) -> UInt64 {
        if let change {
            switch await canary(change) {
            case .off: break
            case .refused(let reason): throw ChangeError(reason)
            case .first(let canary): return try await prove(slices, keeping: change, by: canary)
            }
        }
        let isRecorded = try await record(change, number: number + 1)
        var work = Work(outgoing: Outgoing(number: number + 1))
        do throws(ChangeError) {
            for slice in slices { try await apply(slice, of: &work, isRecorded: isRecorded) }
        } catch {
            await takeBack(work.undo, after: &work.outgoing)
            if isRecorded { await disk?.store.takeBack(isRefused: false) }
            throw error
        }
        guard isRecorded else {
            try await finish(&work)
            return number
        }
        guard !work.undo.isEmpty || setsAnew(change) else {
            await disk?.store.takeBack(isRefused: false)
            return number
        }
        // What is kept has a number, even if workers need not know of it.
        if work.outgoing.held == nil { work.outgoing.held = [] }
        try await finish(&work)
        settle(change)
        await compactIfLong()
        return number
    }

    /// A change that is being made.
    private struct Work {
        var outgoing: Outgoing
        var undo: [ModelUndo] = []
        /// Brings its record to the disk, while workers take the change.
        var sync: Task<ChangeError?, Never>?
    }

    private func apply(
        _ slice: ModelChange,
        of work: inout Work,
        isRecorded: Bool
    ) async throws(ChangeError) {
        let step = try model.apply(slice)
        if !step.undo.isEmpty { work.undo.append(step.undo) }
        if isRecorded, work.sync == nil, let store = disk?.store {
            work.sync = Task { await store.sync() }
        }
        await send(step.changes, in: &work.outgoing)
    }

    /// Waits for the members and for the disk.
    private func finish(_ work: inout Work) async throws(ChangeError) {
        let refusals = await finish(&work.outgoing)
        let failure = await work.sync?.value
        guard failure != nil || !refusals.isEmpty else { return }
        await takeBack(work.undo, after: &work.outgoing)
        if work.sync != nil { await disk?.store.takeBack(isRefused: true) }
        if let failure { throw failure }
        let reasons = refusals.map { "\($0.process.name): \($0.reason)" }.sorted()
        throw ChangeError(reasons.joined(separator: "; "))
    }

    /// Takes what workers learned; what cannot be is left out.
    ///
    /// - Returns: why something was left out, one reason.
    func learn(_ neighbours: [LearnedNeighbour]) async -> String? {
        await gate.enter()
        defer { gate.leave() }
        var outgoing = Outgoing(number: number + 1)
        var undo: [ModelUndo] = []
        var complaint: String?
        for neighbour in neighbours {
            do throws(ChangeError) {
                let step = try model.apply(.learned(neighbour))
                if !step.undo.isEmpty { undo.append(step.undo) }
                await send(step.changes, in: &outgoing)
            } catch { complaint = error.description }
        }
        let refusals = await finish(&outgoing)
        guard let refusal = refusals.first else { return complaint }
        await takeBack(undo, after: &outgoing)
        return "\(refusal.process.name): \(refusal.reason)"
    }

    /// Applies the inverse of a change that cannot stand, as an entry of its own.
    ///
    /// What was sent of the change is finished first, so that every worker is at the same point.
    func takeBack(_ undo: [ModelUndo], after outgoing: inout Outgoing) async {
        _ = await finish(&outgoing)
        if outgoing.isStarted { number = max(number, outgoing.number) }
        var inverse = Outgoing(number: number + 1)
        inverse.target = outgoing.target
        for step in undo.reversed() {
            do throws(ChangeError) {
                await send(try model.apply(step), in: &inverse)
            } catch {
                logger.critical("undo-failed", metadata: ["reason": "\(error)"])
            }
        }
        for refusal in await finish(&inverse) {
            await expel(refusal.process, "does not take a change back: \(refusal.reason)")
        }
        if inverse.isStarted {
            number = max(number, inverse.number)
            logger.warning("change-taken-back", metadata: ["number": "\(outgoing.number)"])
        }
    }

    /// Takes a worker out at once: it gets no further part of anything.
    func leave(_ process: NodeProcess) {
        members[process.name] = nil
    }

    /// Takes a worker out that must be replaced.
    func expel(_ process: NodeProcess, _ reason: String) async {
        leave(process)
        await onHung(process, reason)
    }

    /// Does something while no change is on its way; those that come wait.
    func paused<Result: Sendable>(
        _ body: @Sendable () async throws(ChangeError) -> Result
    ) async throws(ChangeError) -> Result {
        await gate.enter()
        defer { gate.leave() }
        return try await body()
    }

    /// The model and its number, for `show`.
    func view() -> (model: ForwardingModel, number: UInt64, configured: UInt64) {
        (model, number, configured)
    }
}
