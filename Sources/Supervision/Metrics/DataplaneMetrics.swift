internal import ControlProtocol
internal import Coordination

extension Dataplane {
    /// Everything that is worth watching, read at one moment; stops no lane and asks no worker.
    func metrics() async -> [MetricFamily] {
        let view = await view()
        let health = await health(of: view)
        return general(view, health) + NodeMetrics(view).families + barrierMetrics
            + recoveryMetrics(await recoveries()) + journalMetrics(await journalStatus())
    }

    private func general(_ view: DataplaneView, _ health: HealthReport) -> [MetricFamily] {
        [
            MetricFamily(
                "build",
                .info,
                "The version of the supervisor",
                [.init(labels: [.init("version", Build.version)], value: .whole(1))]
            ),
            MetricFamily(
                "uptime_seconds",
                .gauge,
                "Since this supervisor started",
                .fraction(view.uptimeSeconds)
            ),
            MetricFamily(
                "ready",
                .gauge,
                "Whether the dataplane forwards, on one NUMA node at least",
                .whole(health.isReady ? 1 : 0)
            ),
            MetricFamily(
                "degraded",
                .gauge,
                "How many reasons there are not to call all well",
                .whole(UInt64(health.reasons.count))
            ),
            MetricFamily(
                "change",
                .gauge,
                "The number of the last change of the configuration",
                .whole(view.changeNumber)
            ),
        ]
    }

    private var barrierMetrics: [MetricFamily] {
        let report = barrierReport
        func closed(_ part: Double) -> MetricFamily.Sample {
            .init(
                labels: [.init("quantile", part)],
                value: .fraction(Double(report.closed.quantile(part)) / 1e9)
            )
        }
        return [
            MetricFamily(
                "barrier_closed_seconds",
                .summary,
                "How long barriers were closed",
                [
                    closed(0.5), closed(0.99), closed(1),
                    .init(
                        suffix: "_sum",
                        labels: [],
                        value: .fraction(Double(report.closed.sum) / 1e9)
                    ),
                    .init(suffix: "_count", labels: [], value: .whole(report.closed.count)),
                ]
            ),
            MetricFamily(
                "barrier_hold_downs",
                .counter,
                "Barriers that waited because the last one had just been open",
                .whole(report.holdDowns)
            ),
            MetricFamily(
                "barrier_failures",
                .counter,
                "Barriers that could not be closed",
                .whole(report.failures)
            ),
            MetricFamily(
                "barrier_fenced",
                .counter,
                "Workers that were killed because a lane did not come to a barrier",
                .whole(report.fenced)
            ),
        ]
    }

    /// Of the recoveries that are remembered, the last one of each NUMA node.
    private func recoveryMetrics(_ recoveries: [Recovery]) -> [MetricFamily] {
        var last: [Int: Recovery] = [:]
        for recovery in recoveries { last[recovery.node] = recovery }
        let nodes = last.values.sorted { $0.node < $1.node }
        func family(
            _ name: String,
            _ help: String,
            _ value: (Recovery) -> MetricFamily.Value?
        ) -> MetricFamily {
            MetricFamily(
                "last_recovery_" + name,
                .gauge,
                help,
                nodes.compactMap { recovery in
                    value(recovery).map {
                        .init(labels: [.init("node", recovery.node)], value: $0)
                    }
                }
            )
        }
        return [
            family("timestamp_seconds", "When the worker died, since 1970") {
                .whole(UInt64(clamping: $0.unixSeconds))
            },
            family("forwarding_seconds", "From the death to forwarding again") { recovery in
                recovery.forwardingMicroseconds.map { .fraction(Double($0) / 1e6) }
            },
            family("lost_packets", "Packets known to be lost with the worker") { .whole($0.lost) },
            family("exact", "Whether every packet buffer was accounted for") {
                .whole($0.isExact ? 1 : 0)
            },
        ]
    }

    private func journalMetrics(_ status: JournalStatus?) -> [MetricFamily] {
        guard let status else { return [] }
        return [
            MetricFamily(
                "journal_bytes",
                .gauge,
                "The journal's length on the disk",
                .whole(UInt64(clamping: status.bytes))
            ),
            MetricFamily(
                "journal_records",
                .gauge,
                "Records since its last snapshot",
                .whole(UInt64(clamping: status.records))
            ),
            MetricFamily(
                "journal_syncs",
                .counter,
                "How often records were brought to the disk",
                .whole(UInt64(clamping: status.syncs))
            ),
            MetricFamily(
                "journal_failing",
                .gauge,
                "Whether the last change could not be kept",
                .whole(status.failure.isEmpty ? 0 : 1)
            ),
        ]
    }
}
