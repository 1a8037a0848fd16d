import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import Supervision

@Suite struct HttpControlServerTests {
    @Test func runsCommandsAndTellsFaults() async throws {
        let dataplane = try FakeDataplane()
        try await HttpBed.withServer(dataplane) { path in
            let done = await HttpBed.exchange(
                path,
                HttpBed.request("POST", "/v1/cli", body: #"{"command":"show interface addr"}"#)
            )
            #expect(done.hasPrefix("HTTP/1.1 200 OK"))
            #expect(
                HttpBed.body(done)
                    == #"{"ok":true,"text":"tap0 (up):\n  L3 10.0.0.1/24\ntap1 (dn):\n"}"#
            )
            let json = await HttpBed.exchange(
                path,
                HttpBed.request("POST", "/v1/cli", body: #"{"command":"show log","json":true}"#)
            )
            #expect(
                HttpBed.body(json)
                    == #"{"ok":true,"result":{"log":["level=info message=\"started\""]}}"#
            )
            let wrong = await HttpBed.exchange(
                path,
                HttpBed.request("POST", "/v1/cli", body: #"{"command":"show log no"}"#)
            )
            #expect(wrong.hasPrefix("HTTP/1.1 400 "))
            #expect(wrong.contains("Content-Type: application/problem+json"))
            #expect(
                HttpBed.body(wrong).contains(
                    #""error":{"expected":[],"kind":"syntax","message":"#
                        + #""unexpected \"no\" after \"show log\"","position":9},"ok":false"#
                )
            )
            let refused = await HttpBed.exchange(
                path,
                HttpBed.request("POST", "/v1/cli", body: #"{"command":"exec /nowhere"}"#)
            )
            #expect(refused.hasPrefix("HTTP/1.1 409 "))
        }
    }

    @Test func answersShowAddressesWithTheResultItself() async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            let interface = await HttpBed.exchange(
                path,
                HttpBed.request("GET", "/v1/show/interface/tap1")
            )
            #expect(HttpBed.body(interface).hasPrefix(#"{"interfaces":[{"addresses":[],"#))
            let fib = await HttpBed.exchange(
                path,
                HttpBed.request("GET", "/v1/show/ip/fib/10.0.0.0%2F8")
            )
            #expect(HttpBed.body(fib).hasPrefix("{"), "\(fib)")
            #expect(fib.contains("Content-Type: application/json; charset=utf-8"))
            let wrong = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/show/nothing"))
            #expect(wrong.hasPrefix("HTTP/1.1 400 "))
            let health = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/health"))
            #expect(HttpBed.body(health).contains(#""ok":true"#))
            #expect(HttpBed.body(health).contains(#""version":"0.1.0""#))
            let unknown = await HttpBed.exchange(path, HttpBed.request("GET", "/v2"))
            #expect(unknown.hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test func refusesBodiesThatAreTooLongOrNotJSON() async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            let long = String(repeating: "x", count: ApiFront.maximumBodyBytes + 1)
            let tooLong = await HttpBed.exchange(
                path,
                HttpBed.request("POST", "/v1/cli", body: long)
            )
            #expect(tooLong.hasPrefix("HTTP/1.1 413 "), "\(tooLong.prefix(100))")
            let noJSON = await HttpBed.exchange(
                path,
                HttpBed.request("POST", "/v1/cli", body: "show")
            )
            #expect(noJSON.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func opensItsSocketForOwnerAndGroupOnly() async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o660)
            #expect(access(path + ".new", F_OK) != 0)
        }
    }

    @Test func refusesASocketThatSomebodyListensOn() async throws {
        let dataplane = try FakeDataplane()
        try await HttpBed.withServer(dataplane) { path in
            let second = ControlServer(
                dataplane: dataplane,
                socketPath: path,
                logger: Logger(label: "test")
            )
            await #expect(throws: ControlServerError.inUse(path: path)) { try await second.run() }
            let health = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/health"))
            #expect(health.hasPrefix("HTTP/1.1 200"), "the first one goes on")
        }
    }

    @Test func replacesASocketThatNobodyListensOn() async throws {
        let folder = try HttpBed.folder()
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
        let health = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/health"))
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
        try await HttpBed.withServer(dataplane, stallMilliseconds: 1000) { path in
            let client = HttpBed.connected(path)
            defer { close(client) }
            let request = Array(HttpBed.request("GET", "/v1/show/log").utf8)
            #expect(request.withUnsafeBytes { write(client, $0.baseAddress, $0.count) } > 0)
            // POLLRDHUP, the server hangs up: seen without reading, so that nothing makes room in
            // the socket.
            await HttpBed.waiting {
                var watched = pollfd(fd: client, events: Int16(0x2000), revents: 0)
                #expect(poll(&watched, 1, 60_000) == 1)
            }
            let whole = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/show/log"))
            #expect(whole.utf8.count > 20_000_000, "one that reads gets all of it")
        }
    }

    @Test func answersManyAtOnce() async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        await HttpBed.exchange(path, HttpBed.request("GET", "/v1/show/errors"))
                            .hasPrefix("HTTP/1.1 200")
                    }
                }
                for await isGood in group { #expect(isGood) }
            }
        }
    }
}
