import Foundation
import Glibc
import Logging
import Testing

@testable import Supervision

/// A control server on a socket of its own, and a client that sends what it is told to.
enum HttpBed {
    /// Runs `body` against a server on a socket of its own.
    static func withServer(
        _ dataplane: FakeDataplane,
        access: ApiAccess = ApiAccess(),
        stallMilliseconds: Int64 = 60_000,
        _ body: @Sendable @escaping (String) async throws -> Void
    ) async throws {
        let folder = try Self.folder()
        defer { rmdir(folder) }
        let path = folder + "/api.sock"
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let server = ControlServer(
            dataplane: dataplane,
            socketPath: path,
            logger: Logger(label: "test") { _ in
                SwiftLogNoOpLogHandler()
            },
            access: access,
            stallMilliseconds: stallMilliseconds
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run { start.finish() } }
            for await _ in started {}
            try await body(path)
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(Glibc.access(path, F_OK) != 0, "the socket is gone after the server")
    }

    static func folder() throws -> String {
        var template = Array("/tmp/causeway-http-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Sends raw bytes and reads until the server closes, in a thread that may wait.
    static func exchange(_ path: String, _ request: String) async -> String {
        await waiting { raw(path, request) }
    }

    /// Runs `body` in a thread that may wait, as tasks may not.
    static func waiting<Result: Sendable>(
        _ body: @escaping @Sendable () -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    /// A client's socket; -1: it could not be connected.
    static func connected(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if status == 0 { return descriptor }
        close(descriptor)
        return -1
    }

    static func raw(_ path: String, _ request: String) -> String {
        let descriptor = connected(path)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = Array(request.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { break }
            bytes = bytes.dropFirst(count)
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
            answer += buffer[0..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    static func request(
        _ method: String,
        _ path: String,
        headers: [String] = [],
        body: String = ""
    ) -> String {
        "\(method) \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
            + headers.map { $0 + "\r\n" }.joined()
            + "content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func body(_ answer: String) -> String {
        guard let range = answer.firstRange(of: "\r\n\r\n") else { return "" }
        return String(answer[range.upperBound...])
    }
}
