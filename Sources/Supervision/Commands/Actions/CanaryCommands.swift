extension CommandTable {
    /// `canary ...` and `show canary`.
    static let canaryCommands: [Command] = [
        Command(
            .word("canary", "let changes go to one node first")
                + .choice([
                    .word("on", "changes go to one node first")
                        + .options([
                            .option("node", .numaNode, "to this one; else the first that forwards"),
                            .option("window", .word("SECONDS"), "how long it must live with one"),
                        ]),
                    .word("off", "changes go to all nodes at once"),
                ]),
            "Has each change go to one NUMA node first, and taken back if its worker dies of it."
        ) { input, session throws(CommandFailure) in
            var rule: CanaryRule?
            if input.has("on") {
                rule = CanaryRule(node: input.integer("node"))
                if let text = input.text("window") {
                    guard let seconds = Double(text), (0.01...3600).contains(seconds) else {
                        throw .refused("window \(text): write seconds, 0.01 to 3600")
                    }
                    rule?.windowMilliseconds = Int((seconds * 1000).rounded())
                }
            }
            do throws(ChangeError) {
                try await session.dataplane.setCanary(rule)
            } catch { throw .refused(error) }
            return DoneResult()
        },
        Command(
            .words("show canary", help: "whether changes go to one node first"),
            "Shows where changes go first, and which were taken back."
        ) { _, session throws(CommandFailure) in
            CanaryReport(await session.dataplane.canaryStatus())
        },
    ]
}

/// `show canary`: where changes go first, and which of them a worker did not survive.
struct CanaryReport: CommandResult {
    /// A change that is with one worker.
    struct Pending: Encodable, Sendable {
        var change: String
        var milliseconds: Int
    }

    var isOn: Bool
    /// Nil: the first that forwards.
    var numaNode: Int?
    var windowMilliseconds: Int?
    var pending: Pending?
    /// Oldest first.
    var poison: [PoisonChange]

    init(_ status: CanaryStatus) {
        isOn = status.rule != nil
        numaNode = status.rule?.node
        windowMilliseconds = status.rule?.windowMilliseconds
        pending = status.pending.map { Pending(change: $0.change, milliseconds: $0.milliseconds) }
        poison = status.poison
    }

    var text: String {
        var text = "canary off\n"
        if isOn {
            let window = Figure.fixed(Double(windowMilliseconds ?? 0) / 1000, digits: 2)
            let node = numaNode.map { "node \($0)" } ?? "the first node that forwards"
            text = "canary on \(node), window \(window) s\n"
        }
        if let pending {
            text += "on its way for \(pending.milliseconds) ms: \(pending.change)\n"
        }
        for change in poison {
            text += "taken back: \(change.change) (\(change.number)), node \(change.numaNode)'s "
            text += "worker \(change.incarnation) ended: \(change.cause)\n"
        }
        return text
    }
}
