internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

/// How the dataplane is, for those who look after it from outside.
struct HealthReport: Encodable, Sendable {
    /// Something that is not as it should be, while the rest goes on.
    struct Reason: Encodable, Sendable, Hashable {
        /// A word for programs: `node-down`, `node-degraded`, `keeper-dead`, `spare-missing`, `buffers-missing`,
        /// `journal`.
        var id: String
        /// The NUMA node that it is about, if it is about one.
        var numaNode: Int?
        /// A sentence for people.
        var text: String
    }

    /// Whether packets are forwarded, on one NUMA node at least.
    var isReady: Bool
    /// Empty: all is well.
    var reasons: [Reason]

    private enum CodingKeys: String, CodingKey {
        case ok, version, status, ready, degraded, reasons
    }

    /// Encodes it as `GET /v1/health` answers.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(true, forKey: .ok)
        try container.encode(Build.version, forKey: .version)
        try container.encode(
            isReady ? reasons.isEmpty ? "ready" : "degraded" : "down",
            forKey: .status
        )
        try container.encode(isReady, forKey: .ready)
        try container.encode(!reasons.isEmpty, forKey: .degraded)
        try container.encode(reasons, forKey: .reasons)
    }
}

extension Dataplane {
    /// How it is.
    func health(of view: DataplaneView) async -> HealthReport {
        var reasons = view.nodes.flatMap { node in
            node.reasons(
                hasSpare: view.placement.nodes.contains { $0.number == node.number && $0.hasSpare }
            )
        }
        var last: [Int: Recovery] = [:]
        for recovery in await recoveries() { last[recovery.node] = recovery }
        for recovery in last.values.sorted(by: { $0.node < $1.node }) where !recovery.isExact {
            reasons.append(
                .init(
                    id: "buffers-missing",
                    numaNode: recovery.node,
                    text: "node \(recovery.node): packet buffers were missing after worker "
                        + "\(recovery.incarnation) died: see show restarts"
                )
            )
        }
        if let status = await journalStatus(), !status.failure.isEmpty {
            reasons.append(
                .init(id: "journal", text: "the journal cannot be written: \(status.failure)")
            )
        }
        return HealthReport(isReady: view.nodes.contains(where: \.forwards), reasons: reasons)
    }

    /// How it is in one line, for a service manager.
    public func serviceStatus() async -> String {
        let view = await view()
        let forwarding = view.nodes.count { $0.forwards }
        let reasons = await health(of: view).reasons.map(\.text)
        return (["\(forwarding) of \(view.nodes.count) NUMA nodes forward"] + reasons)
            .joined(separator: "; ").split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension NodeStatus {
    /// What is wrong with the node.
    func reasons(hasSpare: Bool) -> [HealthReport.Reason] {
        var reasons: [HealthReport.Reason] = []
        func add(_ id: String, _ text: String) {
            reasons.append(.init(id: id, numaNode: number, text: "node \(number): \(text)"))
        }
        if !forwards {
            add("node-down", reason.isEmpty ? "its worker is \(workerState)" : reason)
        } else if keeperPID == nil {
            let usual = "no keeper runs; the node needs a restart as a whole"
            add("keeper-dead", reason.isEmpty ? usual : reason)
        } else if !reason.isEmpty {
            add("node-degraded", reason)
        }
        if hasSpare, sparePID == nil || spareState != .ready {
            add("spare-missing", "no spare stands by")
        }
        return reasons
    }
}
