import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import Supervision

@Suite struct HttpControlServerTests {
    /// Runs `body` against a server on a socket of its own.
    private func withServer(
        _ dataplane: FakeDataplane,
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
            stallMilliseconds: stallMilliseconds
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run { start.finish() } }
            for await _ in started {}
            try await body(path)
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(access(path, F_OK) != 0, "the socket is gone after the server")
    }

    private static func folder() throws -> String {
        var template = Array("/tmp/causeway-http-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Sends raw bytes and reads until the server closes, in a thread that may wait.
    private static func exchange(_ path: String, _ request: String) async -> String {
        await waiting { raw(path, request) }
    }

    /// Runs `body` in a thread that may wait, as tasks may not.
    private static func waiting<Result: Sendable>(
        _ body: @escaping @Sendable () -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    /// A client's socket; -1: it could not be connected.
    private static func connected(_ path: String) -> Int32 {
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

    private static func raw(_ path: String, _ request: String) -> String {
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

    private static func request(_ method: String, _ path: String, body: String = "") -> String {
        "\(method) \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
            + "content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func body(_ answer: String) -> String {
        guard let range = answer.firstRange(of: "\r\n\r\n") else { return "" }
        return String(answer[range.upperBound...])
    }

    @Test func runsCommandsAndTellsFaults() async throws {
        let dataplane = try FakeDataplane()
        try await withServer(dataplane) { path in
            let done = await Self.exchange(
                path,
                Self.request("POST", "/v1/cli", body: #"{"command":"show interface addr"}"#)
            )
            #expect(done.hasPrefix("HTTP/1.1 200 OK"))
            #expect(
                Self.body(done)
                    == #"{"ok":true,"text":"tap0 (up):\n  L3 10.0.0.1/24\ntap1 (dn):\n"}"#
            )
            let json = await Self.exchange(
                path,
                Self.request("POST", "/v1/cli", body: #"{"command":"show log","json":true}"#)
            )
            #expect(
                Self.body(json)
                    == #"{"ok":true,"result":{"log":["level=info message=\"started\""]}}"#
            )
            let wrong = await Self.exchange(
                path,
                Self.request("POST", "/v1/cli", body: #"{"command":"show log no"}"#)
            )
            #expect(wrong.hasPrefix("HTTP/1.1 400 "))
            #expect(
                Self.body(wrong)
                    == #"{"error":{"expected":[],"kind":"syntax","message":"#
                    + #""unexpected \"no\" after \"show log\"","position":9},"ok":false}"#
            )
            let refused = await Self.exchange(
                path,
                Self.request("POST", "/v1/cli", body: #"{"command":"exec /nowhere"}"#)
            )
            #expect(refused.hasPrefix("HTTP/1.1 409 "))
        }
    }

    @Test func answersShowAddressesWithTheResultItself() async throws {
        try await withServer(try FakeDataplane()) { path in
            let interface = await Self.exchange(
                path,
                Self.request("GET", "/v1/show/interface/tap1")
            )
            #expect(Self.body(interface).hasPrefix(#"{"interfaces":[{"addresses":[],"#))
            let fib = await Self.exchange(path, Self.request("GET", "/v1/show/ip/fib/10.0.0.0%2F8"))
            #expect(Self.body(fib).hasPrefix("{"), "\(fib)")
            #expect(fib.contains("Content-Type: application/json; charset=utf-8"))
            let wrong = await Self.exchange(path, Self.request("GET", "/v1/show/nothing"))
            #expect(wrong.hasPrefix("HTTP/1.1 400 "))
            let health = await Self.exchange(path, Self.request("GET", "/v1/health"))
            #expect(Self.body(health).contains(#""ok":true"#))
            #expect(Self.body(health).contains(#""version":"0.1.0""#))
            let unknown = await Self.exchange(path, Self.request("GET", "/v2"))
            #expect(unknown.hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test func refusesBodiesThatAreTooLongOrNotJSON() async throws {
        try await withServer(try FakeDataplane()) { path in
            let long = String(repeating: "x", count: ControlRoutes.maximumBodyBytes + 1)
            let tooLong = await Self.exchange(path, Self.request("POST", "/v1/cli", body: long))
            #expect(tooLong.hasPrefix("HTTP/1.1 413 "), "\(tooLong.prefix(100))")
            let noJSON = await Self.exchange(path, Self.request("POST", "/v1/cli", body: "show"))
            #expect(noJSON.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func opensItsSocketForOwnerAndGroupOnly() async throws {
        try await withServer(try FakeDataplane()) { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o660)
            #expect(access(path + ".new", F_OK) != 0)
        }
    }

    @Test func refusesASocketThatSomebodyListensOn() async throws {
        let dataplane = try FakeDataplane()
        try await withServer(dataplane) { path in
            let second = ControlServer(
                dataplane: dataplane,
                socketPath: path,
                logger: Logger(label: "test")
            )
            await #expect(throws: ControlServerError.inUse(path: path)) { try await second.run() }
            let health = await Self.exchange(path, Self.request("GET", "/v1/health"))
            #expect(health.hasPrefix("HTTP/1.1 200"), "the first one goes on")
        }
    }

    @Test func replacesASocketThatNobodyListensOn() async throws {
        let folder = try Self.folder()
        let path = folder + "/api.sock"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(descriptor)
        let server = ControlServer(
            dataplane: try FakeDataplane(),
            socketPath: path,
            logger: Logger(label: "test")
        )
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let task = Task { try await server.run { start.finish() } }
        for await _ in started {}
        let health = await Self.exchange(path, Self.request("GET", "/v1/health"))
        #expect(health.hasPrefix("HTTP/1.1 200"))
        task.cancel()
        try await task.value
        rmdir(folder)
    }

    @Test func refusesPathsThatNoSocketCanHave() async throws {
        let path = "/tmp/" + String(repeating: "x", count: 120)
        let server = ControlServer(
            dataplane: try FakeDataplane(),
            socketPath: path,
            logger: Logger(label: "test")
        )
        await #expect(throws: ControlServerError.pathTooLong(path: path)) { try await server.run() }
        let nowhere = ControlServer(
            dataplane: try FakeDataplane(),
            socketPath: "/nowhere/api.sock",
            logger: Logger(label: "test")
        )
        await #expect(throws: ControlServerError.self) { try await nowhere.run() }
    }

    @Test func givesUpOnAClientThatDoesNotReadItsAnswer() async throws {
        let dataplane = try FakeDataplane()
        dataplane.recorded.withLock {
            $0.log = Array(repeating: String(repeating: "x", count: 1000), count: 20_000)
        }
        try await withServer(dataplane, stallMilliseconds: 100) { path in
            let client = Self.connected(path)
            defer { close(client) }
            let request = Array(Self.request("GET", "/v1/show/log").utf8)
            #expect(request.withUnsafeBytes { write(client, $0.baseAddress, $0.count) } > 0)
            // POLLRDHUP, the server hangs up: seen without reading, so that nothing makes room in
            // the socket.
            await Self.waiting {
                var watched = pollfd(fd: client, events: Int16(0x2000), revents: 0)
                #expect(poll(&watched, 1, 60_000) == 1)
            }
            let whole = await Self.exchange(path, Self.request("GET", "/v1/show/log"))
            #expect(whole.utf8.count > 20_000_000, "one that reads gets all of it")
        }
    }

    @Test func answersManyAtOnce() async throws {
        try await withServer(try FakeDataplane()) { path in
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        await Self.exchange(path, Self.request("GET", "/v1/show/errors"))
                            .hasPrefix("HTTP/1.1 200")
                    }
                }
                for await isGood in group { #expect(isGood) }
            }
        }
    }
}
