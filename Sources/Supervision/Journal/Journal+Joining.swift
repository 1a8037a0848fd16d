internal import ControlProtocol
internal import Coordination

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
