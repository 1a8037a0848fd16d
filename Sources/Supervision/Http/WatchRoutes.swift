internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// What those may read who only watch: metrics and health.
struct WatchRoutes: Sendable {
    let dataplane: any Dataplane

    /// Adds `/metrics` and `/v1/health...` to a router.
    func add(to router: Router<BasicRequestContext>) {
        router.get("/metrics") { request, _ in await metrics(request) }
        router.get("/v1/health") { _, _ in
            let report = await health()
            return try Self.reply(.ok, report)
        }
        // It answers, so it is alive; nothing else is asked.
        router.get("/v1/health/alive") { _, _ in try Self.reply(.ok, ["alive": true]) }
        router.get("/v1/health/ready") { _, _ in
            let report = await health()
            return try Self.reply(report.isReady ? .ok : .serviceUnavailable, report)
        }
        router.get("/v1/health/degraded") { _, _ in
            let report = await health()
            return try Self.reply(report.reasons.isEmpty ? .ok : .serviceUnavailable, report)
        }
    }

    private func health() async -> HealthReport {
        await dataplane.health(of: await dataplane.view())
    }

    private func metrics(_ request: Request) async -> Response {
        let format = MetricsText.Format(accept: request.headers[.accept])
        let families = await dataplane.metrics()
        let bytes = MetricsText.bytes(of: families, as: format)
        return .inParts(.ok, type: format.contentType, bytes)
    }

    private static func reply(
        _ status: HTTPResponse.Status,
        _ body: some Encodable
    ) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return .inParts(
            status,
            type: "application/json; charset=utf-8",
            Array(try encoder.encode(body))
        )
    }
}

extension Response {
    /// Bytes of a part of an answer.
    private static var partBytes: Int { 1 << 16 }

    /// An answer that is cut so that a client which takes it slowly is seen to take it.
    static func inParts(
        _ status: HTTPResponse.Status,
        type: String,
        _ body: [UInt8]
    ) -> Response {
        var rest = ByteBuffer(bytes: body)
        var parts: [ByteBuffer] = []
        while let part = rest.readSlice(length: min(rest.readableBytes, partBytes)),
            part.readableBytes > 0
        {
            parts.append(part)
        }
        return Response(
            status: status,
            headers: [.contentType: type],
            body: ResponseBody(contentsOf: parts)
        )
    }
}
