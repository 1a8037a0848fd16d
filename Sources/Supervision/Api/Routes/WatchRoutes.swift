internal import ControlProtocol

extension ApiTable {
    private static let health = ApiSchema.object(
        [
            ApiField("status", .text(1...64), required: true, "in a word"),
            ApiField("version", .text(1...200), required: true, "the supervisor's"),
        ],
        isOpen: true
    )

    private static func health(
        _ path: String,
        _ id: String,
        _ summary: String,
        _ isGood: @escaping @Sendable (HealthReport) -> Bool
    ) -> ApiRoute {
        ApiRoute("GET", path, id, .read, summary, result: health) { call throws(ApiFault) in
            let report = await call.dataplane.health(of: await call.dataplane.view())
            return ApiReply(isGood(report) ? 200 : 503, encoding: report)
        }.with {
            $0.isQuiet = true
            $0.otherResults = path == "/v1/health" ? [] : [503]
        }
    }

    /// What those may read who only watch: metrics and health.
    static let watchRoutes: [ApiRoute] = [
        health("/v1/health", "getHealth", "Says how the dataplane is.") { _ in true },
        // It answers, so it is alive; nothing else is asked.
        ApiRoute("GET", "/v1/health/alive", "getAlive", .read, "Says that the supervisor is alive.")
        {
            _ throws(ApiFault) in ApiReply(encoding: ["alive": true])
        }.with { $0.isQuiet = true },
        health("/v1/health/ready", "getReady", "Says whether every node forwards.", \.isReady),
        health("/v1/health/degraded", "getDegraded", "Says whether anything is amiss.") {
            $0.reasons.isEmpty
        },
        ApiRoute(
            "GET",
            "/metrics",
            "getMetrics",
            .read,
            "Gives what is counted, as OpenMetrics or Prometheus' text."
        ) {
            call throws(ApiFault) in
            let format = MetricsText.Format(accept: call.accept)
            let families = await call.dataplane.metrics()
            return ApiReply(type: format.contentType, MetricsText.bytes(of: families, as: format))
        }.with {
            $0.isQuiet = true
            $0.result = [
                ("text/plain", .text(0...1_000_000_000)),
                ("application/openmetrics-text", .text(0...1_000_000_000)),
            ]
        },
    ]
}
