internal import ControlProtocol

extension Journal {
    /// An entry on its way to the members.
    struct Outgoing {
        let number: UInt64
        /// How many parts have been sent.
        var sent: UInt32 = 0
        /// The last part so far; whether it is the entry's last is known when the next one comes,
        /// or none.
        var held: [UInt8]?
        /// Everything so far, if a joining worker will need it, or those that get it later.
        var kept: [[UInt8]] = []
        var keepsAll = false
        /// Whom it goes to.
        var target = Target.all

        init(number: UInt64) { self.number = number }

        var isStarted: Bool { sent > 0 || held != nil }
    }

    /// Some of the members.
    enum Target: Sendable {
        case all
        case only(ProcessName)
        case allBut(ProcessName)

        func includes(_ name: ProcessName) -> Bool {
            switch self {
            case .all: true
            case .only(let one): name == one
            case .allBut(let one): name != one
            }
        }

        /// Those that this leaves out.
        var others: Target {
            if case .only(let one) = self { .allBut(one) } else { self }
        }
    }

    /// A member that refused an entry.
    struct Refusal: Sendable {
        var process: NodeProcess
        var reason: String
    }

    /// Adds changes to an entry and sends all of its parts but the last.
    func send(_ changes: [ForwardingChange], in outgoing: inout Outgoing) async {
        for part in ChangeCoding.encodeChunks(changes) {
            if let held = outgoing.held {
                // Small changes of one entry share a message.
                if held.count + part.count <= ChangeCoding.maximumChunkBytes {
                    outgoing.held = held + part
                    continue
                }
                await broadcast(held, of: &outgoing, isLast: false)
            }
            outgoing.held = part
        }
        // Between two slices others of this actor get their turn.
        await Task.yield()
    }

    /// Sends the last part, counts the entry, and waits for the acknowledgements; an entry without
    /// parts is none.
    ///
    /// - Returns: who refused the entry, and why.
    func finish(_ outgoing: inout Outgoing) async -> [Refusal] {
        guard let held = outgoing.held else { return [] }
        outgoing.held = nil
        await broadcast(held, of: &outgoing, isLast: true)
        return await acknowledgements(of: &outgoing)
    }

    /// Counts an entry that has been sent, and waits for the acknowledgements.
    ///
    /// One that a single worker has is not an entry yet: none that joins shall get it.
    func acknowledgements(of outgoing: inout Outgoing) async -> [Refusal] {
        if case .only = outgoing.target {
        } else {
            number = outgoing.number
            if !joining.isEmpty {
                tail.append(Entry(number: outgoing.number, parts: outgoing.kept))
            }
        }
        let number = outgoing.number
        let time = times.change
        return await ask(outgoing.target) { process in
            do throws(StepFailure) {
                let reason = try await process.acknowledgement(
                    of: number,
                    step: "acknowledgement of change \(number)",
                    within: time
                )
                return reason.isEmpty ? .done : .refused(Refusal(process: process, reason: reason))
            } catch { return .failed(process, error) }
        }
    }

    /// Sends a part; `isKept` says that it is in `kept` already.
    func broadcast(
        _ part: [UInt8],
        of outgoing: inout Outgoing,
        isLast: Bool,
        isKept: Bool = false
    ) async {
        let message = NodeMessage.change(
            number: outgoing.number,
            part: outgoing.sent,
            isLast: isLast,
            body: part
        )
        outgoing.sent += 1
        if !isKept, outgoing.keepsAll || !joining.isEmpty { outgoing.kept.append(part) }
        let step = "room for change \(outgoing.number)"
        let time = times.change
        _ = await ask(outgoing.target) { process in
            do throws(StepFailure) {
                try await process.send(message, step: step, within: time)
                return .done
            } catch { return .failed(process, error) }
        }
    }

    /// What became of asking one member.
    ///
    /// An enum and not a throwing closure: Swift 6.3 in release releases the wrong thing when a task group
    /// destroys a tuple with a `Result` of a typed error in it.
    private enum Outcome: Sendable {
        case done
        case refused(Refusal)
        case failed(NodeProcess, StepFailure)
    }

    /// Does something with all members at once; one that fails is no member afterwards.
    private func ask(
        _ target: Target,
        _ body: @escaping @Sendable (NodeProcess) async -> Outcome
    ) async -> [Refusal] {
        let outcomes = await withTaskGroup(of: Outcome.self, returning: [Outcome].self) { group in
            for process in members.values where target.includes(process.name) {
                group.addTask { await body(process) }
            }
            var outcomes: [Outcome] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        var refusals: [Refusal] = []
        for outcome in outcomes {
            switch outcome {
            case .done: break
            case .refused(let refusal): refusals.append(refusal)
            case .failed(let process, let failure): await drop(process, failure)
            }
        }
        return refusals
    }

    private func drop(_ process: NodeProcess, _ failure: StepFailure) async {
        leave(process)
        switch failure.cause {
        case .ended: return
        case .channel:
            // A death closes the connection a moment before it is known, and is dealt with elsewhere.
            if await process.waitForEnd(within: .milliseconds(500)) != nil { return }
        default: break
        }
        await onHung(process, failure.description)
    }
}
