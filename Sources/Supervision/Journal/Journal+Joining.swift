internal import ControlProtocol
internal import Coordination
internal import Routing

extension Journal {
    /// Brings a worker that is `ready` to the present state and makes it a member.
    ///
    /// The snapshot travels while live changes go on for the others; what came meanwhile follows
    /// it.
    ///
    /// - Parameters:
    ///   - process: the worker.
    ///   - activate: makes the worker forward; live changes wait for its end.
    /// - Throws: `StepFailure`; the worker is no member then.
    func join(
        _ process: NodeProcess,
        activate: @Sendable () async throws(StepFailure) -> Void
    ) async throws(StepFailure) {
        let name = process.name
        await gate.enter()
        let snapshotNumber = number
        let frozen = model
        joining[name] = snapshotNumber
        gate.leave()
        do throws(StepFailure) {
            let parts = await Self.snapshotParts(of: frozen)
            let snapshot = Entry(number: snapshotNumber, parts: parts)
            try await bring(snapshot, to: process, what: "snapshot", within: times.snapshot)
            await gate.enter()
            defer { gate.leave() }
            for entry in tail where entry.number > snapshotNumber {
                try await bring(entry, to: process, what: "change", within: times.change)
            }
            try await activate()
            members[name] = process
            endJoining(name)
        } catch {
            endJoining(name)
            throw error
        }
    }

    /// Brings a worker that forwards by what an earlier supervisor told it to the present state, and makes it a member.
    ///
    /// It gets all that there is under new indices, and then the old ones are taken from it: at no moment is a route
    /// missing that it had and should have.
    ///
    /// - Parameters:
    ///   - worker: the worker, and what it has.
    ///   - held: the last change, if the worker may have taken a part of it only.
    /// - Throws: `StepFailure`; the worker is no member then.
    func adopt(_ worker: Survivors.Worker, _ held: HeldChange?) async throws(StepFailure) {
        await gate.enter()
        defer { gate.leave() }
        let parts = await Self.parts(of: model, after: worker.inheritance.tables, held)
        let entry = Entry(number: number, parts: parts)
        try await bring(entry, to: worker.process, what: "snapshot", within: times.snapshot)
        members[worker.process.name] = worker.process
    }

    /// Lets the indices of an earlier supervisor be used, once all workers are without them.
    func adoptFormerIndices() { model.adoptFormerIndices() }

    @concurrent
    private nonisolated static func parts(
        of model: ForwardingModel,
        after tables: [ForwardingChange],
        _ held: HeldChange?
    ) async -> [[UInt8]] {
        var changes = held.map { $0.base + $0.step } ?? model.snapshot()
        var used = UsedIndices()
        for change in tables {
            switch change {
            case .adjacency(let index, let record):
                used.adjacencies.insert(index)
                guard record.kind == .rewrite,
                    let absence = model.routing.absence(of: IPv4Address(bits: record.nextHop))
                else { continue }
                changes.append(.routesRemoved([absence]))
            case .pathList(let index, _): used.pathLists.insert(index)
            default: break
            }
        }
        return ChangeCoding.encodeChunks(changes + used.removals)
    }

    private func endJoining(_ name: ProcessName) {
        joining[name] = nil
        let oldest = joining.values.min() ?? .max
        tail.removeAll { $0.number <= oldest }
    }

    /// Works the snapshot out away from the actor: it takes a second for a million routes.
    @concurrent
    private nonisolated static func snapshotParts(of model: ForwardingModel) async -> [[UInt8]] {
        let parts = ChangeCoding.encodeChunks(model.snapshot())
        return parts.isEmpty ? [[]] : parts
    }

    private func bring(
        _ entry: Entry,
        to process: NodeProcess,
        what: String,
        within time: Duration
    ) async throws(StepFailure) {
        for (index, part) in entry.parts.enumerated() {
            let message = NodeMessage.change(
                number: entry.number,
                part: UInt32(index),
                isLast: index == entry.parts.count - 1,
                body: part
            )
            try await process.send(
                message,
                step: "room for \(what) \(entry.number)",
                within: times.change
            )
        }
        let refusal = try await process.acknowledgement(
            of: entry.number,
            step: "acknowledgement of \(what) \(entry.number)",
            within: time
        )
        guard refusal.isEmpty else {
            throw await process.failure(.refused("refuses the \(what): \(refusal)"))
        }
    }
}
