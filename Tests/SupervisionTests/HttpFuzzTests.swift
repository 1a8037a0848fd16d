import Foundation
import Glibc
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Supervision

/// Broken requests to the control socket and to the metrics: each is answered or its connection closed.
@Suite struct HttpFuzzTests {
    private static let requests = [
        "GET /metrics HTTP/1.1\r\nhost: x\r\naccept: application/openmetrics-text; version=1.0.0\r\n\r\n",
        "GET /v1/health/degraded HTTP/1.1\r\nhost: x\r\n\r\n",
        "HEAD /v1/health HTTP/1.0\r\n\r\n",
        "POST /v1/cli HTTP/1.1\r\nhost: x\r\ncontent-length: 27\r\n\r\n{\"command\": \"show version\"}",
        "PUT /v1/ip/routes/10.0.0.0%2F8 HTTP/1.1\r\nhost: x\r\nidempotency-key: k\r\nif-match: \"c7\"\r\n"
            + "content-length: 18\r\n\r\n{\"action\": \"drop\"}",
        "POST /v1/ip/routes:bulk HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
            + "5\r\n{\"op\"\r\n1\r\n}\r\n0\r\n\r\n",
        "GET /v1/events?limit=1&seconds=0 HTTP/1.1\r\nlast-event-id: 1-1\r\n\r\n",
        "GET /v1/show/ip/fib/10.0.0.0%2f8?max=1 HTTP/1.1\r\nhost: x\r\nrequest-timeout: 1\r\n\r\n",
    ]
    private static let words = [
        "GET ", "POST ", "PATCH ", " HTTP/1.1\r\n", "\r\n", "\r\n\r\n", "content-length: ", "%",
        "%2F", "%00",
        "?", "&", "=", "transfer-encoding: chunked\r\n", "expect: 100-continue\r\n",
        "connection: close\r\n",
        "accept: ", "text/plain;version=", "q=0", ";", "/metrics", "/v1/", "//", "/..",
        "ffffffff\r\n", "{}",
    ]

    /// Sends mutated requests, each over a connection of its own whose client says no more; after it a good one.
    private static func attack(_ path: String, count: Int, seed: UInt64) -> [String] {
        var mutator = Mutator(texts: requests.map { Array($0.utf8) }, words: words, seed: seed)
        var silent: [String] = []
        for _ in 0..<count {
            let bytes = mutator.next()
            let client = HttpBed.connected(path)
            guard client >= 0 else { return silent + ["no connection"] }
            defer { close(client) }
            var limit = timeval(tv_sec: 20, tv_usec: 0)
            setsockopt(
                client,
                SOL_SOCKET,
                SO_RCVTIMEO,
                &limit,
                socklen_t(MemoryLayout<timeval>.size)
            )
            bytes.withUnsafeBytes {
                _ = send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            shutdown(client, Int32(SHUT_WR))
            var buffer = [UInt8](repeating: 0, count: 65_536)
            // Bytes of an answer, the end, or a reset: only that nothing comes in all that time is silence.
            let count = read(client, &buffer, buffer.count)
            if count < 0, errno == EAGAIN { silent.append(String(decoding: bytes, as: UTF8.self)) }
        }
        return silent
    }

    @Test(arguments: [1, 2] as [UInt64])
    func theControlSocketAnswersBrokenRequests(seed: UInt64) async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            let silent = await HttpBed.waiting { Self.attack(path, count: 500, seed: seed) }
            #expect(silent.isEmpty, "\(silent)")
            let good = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/health"))
            #expect(good.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test(arguments: [3, 4] as [UInt64])
    func metricsAnswerBrokenRequests(seed: UInt64) async throws {
        let folder = try HttpBed.folder()
        defer { rmdir(folder) }
        let path = folder + "/metrics.sock"
        let server = MetricsServer(
            dataplane: try FakeDataplane(),
            address: .socket(path: path),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let task = Task { try await server.run { _ in start.finish() } }
        for await _ in started {}
        let silent = await HttpBed.waiting { Self.attack(path, count: 500, seed: seed) }
        #expect(silent.isEmpty, "\(silent)")
        let good = await HttpBed.exchange(path, HttpBed.request("GET", "/metrics"))
        #expect(good.hasPrefix("HTTP/1.1 200"))
        let change = await HttpBed.exchange(
            path,
            HttpBed.request("POST", "/v1/cli", body: #"{"command": "show version"}"#)
        )
        #expect(change.hasPrefix("HTTP/1.1 404"), "there are only metrics and health here")
        task.cancel()
        try await task.value
    }
}
