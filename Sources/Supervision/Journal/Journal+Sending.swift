internal import ControlProtocol

extension Journal {
    /// An entry on its way to the members.
    struct Outgoing {
        let number: UInt64
        /// How many parts have been sent.
        var sent: UInt32 = 0
        /// The last part so far; whether it is the entry's last is known when the next one comes, or none.
        var held: [UInt8]?
        /// Everything so far, if a joining worker will need it.
        var kept: [[UInt8]] = []

        init(number: UInt64) { self.number = number }

        var isStarted: Bool { sent > 0 || held != nil }
    }

    /// A member that refused an entry.
    struct Refusal: Sendable {
        var process: NodeProcess
        var reason: String
    }

    /// Adds parts to an entry and sends all but the last of them.
    func send(_ parts: [[UInt8]], in outgoing: inout Outgoing) async {
        for part in parts {
            if let held = outgoing.held {
                await broadcast(held, of: &outgoing, isLast: false)
            }
            outgoing.held = part
            if !joining.isEmpty { outgoing.kept.append(part) }
        }
    }

    /// Sends the last part and waits for the acknowledgements.
    ///
    /// - Returns: who refused the entry, and why.
    func finish(_ outgoing: inout Outgoing) async -> [Refusal] {
        if let held = outgoing.held {
            outgoing.held = nil
            await broadcast(held, of: &outgoing, isLast: true)
        }
        if !joining.isEmpty {
            tail.append(Entry(number: outgoing.number, parts: outgoing.kept))
        }
        let number = outgoing.number
        let time = times.change
        return await ask { process throws(StepFailure) in
            let reason = try await process.acknowledgement(
                of: number,
                step: "acknowledgement of change \(number)",
                within: time
            )
            return reason.isEmpty ? nil : Refusal(process: process, reason: reason)
        }
    }

    private func broadcast(_ part: [UInt8], of outgoing: inout Outgoing, isLast: Bool) async {
        let message = NodeMessage.change(
            number: outgoing.number,
            part: outgoing.sent,
            isLast: isLast,
            body: part
        )
        outgoing.sent += 1
        let step = "room for change \(outgoing.number)"
        let time = times.change
        _ = await ask { process throws(StepFailure) -> Refusal? in
            try await process.send(message, step: step, within: time)
            return nil
        }
    }

    /// Does something with all members at once; one that fails is no member afterwards.
    private func ask(
        _ body: @escaping @Sendable (NodeProcess) async throws(StepFailure) -> Refusal?
    ) async -> [Refusal] {
        typealias Outcome = (process: NodeProcess, result: Result<Refusal?, StepFailure>)
        return await withTaskGroup(of: Outcome.self) { group in
            for process in members.values {
                group.addTask {
                    do throws(StepFailure) {
                        return (process, .success(try await body(process)))
                    } catch { return (process, .failure(error)) }
                }
            }
            var refusals: [Refusal] = []
            for await outcome in group {
                switch outcome.result {
                case .success(let refusal): if let refusal { refusals.append(refusal) }
                case .failure(let failure): await drop(outcome.process, failure)
                }
            }
            return refusals
        }
    }

    private func drop(_ process: NodeProcess, _ failure: StepFailure) async {
        // One that has ended is replaced anyway.
        if case .ended = failure.cause { return leave(process) }
        await expel(process, failure.description)
    }
}
