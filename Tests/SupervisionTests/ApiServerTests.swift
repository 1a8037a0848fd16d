import ControlProtocol
import Foundation
import Glibc
import Routing
import Synchronization
import Testing

@testable import Supervision

/// Requests over the control socket.
@Suite struct ApiServerTests {
    private static func status(_ answer: String) -> String {
        answer.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    }

    private static func lines(_ answer: String) -> [JSONValue] {
        // The body comes in chunks, whose lengths stand between the lines.
        answer.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("{") }.compactMap {
            try? JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
        }
    }

    @Test func configuresAnInterfaceByItsName() async throws {
        let dataplane = try FakeDataplane()
        try await HttpBed.withServer(dataplane) { path in
            let set = await HttpBed.exchange(
                path,
                HttpBed.request(
                    "PATCH",
                    "/v1/interfaces/tap1",
                    body: #"{"isUp": true, "mtu": 1400, "rxMode": "adaptive"}"#
                )
            )
            #expect(Self.status(set) == "200" && HttpBed.body(set) == #"{"change":3}"#)
            let add = await HttpBed.exchange(
                path,
                HttpBed.request("PUT", "/v1/interfaces/tap1/addresses/10.1.0.1%2F24")
            )
            #expect(HttpBed.body(add) == #"{"change":4}"#)
            let none = await HttpBed.exchange(
                path,
                HttpBed.request("DELETE", "/v1/interfaces/tap1/addresses/10.1.0.1%2F24")
            )
            #expect(Self.status(none) == "404", "this dataplane does not do what it is told")
            let unknown = await HttpBed.exchange(
                path,
                HttpBed.request("PATCH", "/v1/interfaces/tap9", body: "{}")
            )
            #expect(
                Self.status(unknown) == "404" && unknown.contains(#""expected":["tap0","tap1"]"#)
            )
        }
        let said = dataplane.changes.map { "\($0)" }
        #expect(said.count == 4)
        #expect(said[0].hasPrefix("mtu") && said[1].hasPrefix("rxMode"), "\(said)")
        #expect(said[2].contains("isUp: true") && said[3].hasPrefix("addAddress"), "\(said)")
    }

    @Test func namesTheMethodsOfAnAddress() async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            let answer = await HttpBed.exchange(
                path,
                HttpBed.request("DELETE", "/v1/interfaces/tap0")
            )
            #expect(Self.status(answer) == "405")
            #expect(answer.contains("Allow: GET, PATCH, HEAD"))
            let head = await HttpBed.exchange(path, HttpBed.request("HEAD", "/v1/interfaces"))
            #expect(Self.status(head) == "200" && HttpBed.body(head).isEmpty)
            let query = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/interfaces?x=1"))
            #expect(Self.status(query) == "400")
        }
    }

    @Test func givesRequestsTheirIds() async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            let own = await HttpBed.exchange(
                path,
                HttpBed.request("GET", "/v1/nothing", headers: ["X-Request-Id: abc-1"])
            )
            #expect(own.contains("X-Request-Id: abc-1") && own.contains(#""requestId":"abc-1""#))
            let made = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/session"))
            let other = await HttpBed.exchange(
                path,
                HttpBed.request("GET", "/v1/session", headers: ["X-Request-Id: a b"])
            )
            #expect(made.contains("X-Request-Id: ") && Self.status(other) == "400")
        }
    }

    @Test func givesTheSameReplyToTheSameKey() async throws {
        let dataplane = try FakeDataplane()
        dataplane.recorded.withLock { $0.delay = .milliseconds(100) }
        try await HttpBed.withServer(dataplane) { path in
            func put(_ key: String, _ action: String) async -> String {
                await HttpBed.exchange(
                    path,
                    HttpBed.request(
                        "PUT",
                        "/v1/ip/routes/10.0.0.0%2F8",
                        headers: ["Idempotency-Key: \(key)"],
                        body: #"{"action": "\#(action)"}"#
                    )
                )
            }
            async let first = put("one", "drop")
            async let second = put("one", "drop")
            let bodies = await [HttpBed.body(first), HttpBed.body(second)]
            #expect(bodies == [#"{"change":1}"#, #"{"change":1}"#])
            let third = await put("one", "drop")
            #expect(third.contains("Idempotency-Replayed: true"))
            #expect(Self.status(await put("one", "local")) == "422")
            #expect(HttpBed.body(await put("two", "drop")) == #"{"change":2}"#)
            // What a former supervisor did, as its journal says.
            let body = #"{"action": "local"}"#
            dataplane.api.replies.restore(
                RequestMark(
                    key: RequestMark.hash([Array("\(getuid())".utf8), Array("old".utf8)]),
                    request: RequestMark.hash([
                        Array("PUT".utf8), Array("/v1/ip/routes/10.0.0.0%2F8".utf8),
                        Array(body.utf8),
                    ])
                ),
                change: 41
            )
            #expect(HttpBed.body(await put("old", "local")) == #"{"change":41}"#)
        }
        #expect(dataplane.changes.count == 2)
    }

    @Test func changesOnlyTheConfigurationThatWasMeant() async throws {
        let dataplane = try FakeDataplane()
        try await HttpBed.withServer(dataplane) { path in
            func patch(_ tag: String) async -> String {
                await HttpBed.exchange(
                    path,
                    HttpBed.request(
                        "PATCH",
                        "/v1/interfaces/tap0",
                        headers: ["If-Match: \(tag)"],
                        body: #"{"isUp": false}"#
                    )
                )
            }
            let read = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/interfaces/tap0"))
            #expect(read.contains(#"ETag: "c7""#))
            #expect(Self.status(await patch(#""c6""#)) == "412")
            #expect(Self.status(await patch("c7")) == "412", "no tag fits nothing")
            #expect(dataplane.changes.isEmpty)
            #expect(Self.status(await patch(#""c7""#)) == "200")
            let known = await HttpBed.exchange(
                path,
                HttpBed.request("GET", "/v1/interfaces", headers: [#"If-None-Match: "c7""#])
            )
            #expect(Self.status(known) == "304" && HttpBed.body(known).isEmpty)
        }
    }

    @Test func saysWhatIsKnownWhenTimeIsUp() async throws {
        let dataplane = try FakeDataplane()
        dataplane.recorded.withLock { $0.delay = .seconds(3) }
        try await HttpBed.withServer(dataplane) { path in
            let headers = ["Request-Timeout: 1", "Idempotency-Key: k"]
            func remove() async -> String {
                await HttpBed.exchange(
                    path,
                    HttpBed.request(
                        "POST",
                        "/v1/cli",
                        headers: headers,
                        body: #"{"command": "ip route add 1.0.0.0/8 via drop", "json": true}"#
                    )
                )
            }
            let late = await remove()
            #expect(Self.status(late) == "504")
            #expect(late.contains("ask again with the same Idempotency-Key"))
            var answer = late
            while Self.status(answer) == "504" { answer = await remove() }
            #expect(HttpBed.body(answer) == #"{"ok":true,"result":{"change":1}}"#)
            #expect(dataplane.changes.count == 1)
        }
    }

    @Test func changesRoutesByLines() async throws {
        let dataplane = try FakeDataplane()
        dataplane.recorded.withLock {
            $0.refuse = { change in
                if case .addRoutes(let prefixes, _, _) = change,
                    prefixes.contains(where: { $0.description == "10.0.3.0/24" })
                {
                    return "no room for it"
                }
                return nil
            }
        }
        try await HttpBed.withServer(dataplane) { path in
            var body = (0..<6).map { #"{"op":"add","prefix":"10.0.\#($0).0/24","action":"drop"}"# }
            body += ["nonsense", "", #"{"op":"add","prefix":"10.1.0.0/16"}"#]
            body.append(
                #"{"op":"replace","prefix":"10.2.0.0/16","paths":[{"nextHop":"10.0.0.2"}]}"#
            )
            let answer = await HttpBed.exchange(
                path,
                HttpBed.request("POST", "/v1/ip/routes:bulk", body: body.joined(separator: "\n"))
            )
            #expect(answer.contains("Content-Type: application/x-ndjson"))
            let lines = Self.lines(answer)
            #expect(lines.map { $0["line"].wholeNumber } == [1, 2, 3, 4, 5, 6, 7, 9, 10])
            #expect(
                lines.map { $0["ok"].boolean }
                    == [true, true, true, false, true, true, false, false, true]
            )
            #expect(lines[3]["message"].string == "no room for it")
        }
    }

    @Test func streamsEventsAndGoesOnBehindTheLast() async throws {
        let dataplane = try FakeDataplane()
        let feed = dataplane.api.feed
        for number in 1...5 { feed.add(.change(UInt64(number))) }
        try await HttpBed.withServer(dataplane) { path in
            let behind = await HttpBed.exchange(
                path,
                HttpBed.request("GET", "/v1/events?after=\(feed.run)-2&limit=3")
            )
            let events = Self.lines(behind)
            #expect(events.map { $0["type"].string } == ["begin", "change", "change", "change"])
            #expect(events.dropFirst().map { $0["change"].wholeNumber } == [3, 4, 5])
            let foreign = await HttpBed.exchange(
                path,
                HttpBed.request(
                    "GET",
                    "/v1/events?seconds=0",
                    headers: ["Last-Event-ID: 1-1", "Accept: text/event-stream"]
                )
            )
            #expect(foreign.contains("Content-Type: text/event-stream"))
            #expect(foreign.contains("event: lost\n") && foreign.contains("another supervisor"))
            for number in 6...UInt64(EventFeed.capacity + 10) { feed.add(.change(number)) }
            let late = await HttpBed.exchange(
                path,
                HttpBed.request("GET", "/v1/events?after=\(feed.run)-2&limit=1")
            )
            #expect(Self.lines(late).dropFirst().first?["lost"].wholeNumber == 8)
        }
    }

    @Test func tracesChangesAndDoesThemAgainElsewhere() async throws {
        let first = try FakeDataplane()
        try await HttpBed.withServer(first) { path in
            func cli(_ line: String) async -> String {
                await HttpBed.exchange(
                    path,
                    HttpBed.request("POST", "/v1/cli", body: #"{"command": "\#(line)"}"#)
                )
            }
            _ = await cli("ip route add 9.0.0.0/8 via drop")
            #expect(await cli("api trace on").contains("API trace is on: 0 requests"))
            _ = await cli("ip route add 1.0.0.0/8 via drop")
            _ = await cli("show version")
            _ = await cli("no command")
            _ = await HttpBed.exchange(
                path,
                HttpBed.request("PATCH", "/v1/interfaces/tap0", body: #"{"mtu": 1300}"#)
            )
            let bulk = (0..<3).map { #"{"op":"add","prefix":"10.0.\#($0).0/24","action":"local"}"# }
            _ = await HttpBed.exchange(
                path,
                HttpBed.request("POST", "/v1/ip/routes:bulk", body: bulk.joined(separator: "\n"))
            )
            #expect(await cli("api trace off").contains("API trace is off: 3 requests of 3"))
            #expect(await cli("api trace save t.json").contains("3 requests in /run/test/t.json"))
        }
        let saved = try #require(first.recorded.withLock { $0.saved["t.json"] })
        let file = "/tmp/causeway-replay-\(getpid())"
        try Data(saved).write(to: URL(fileURLWithPath: file))
        defer { unlink(file) }
        let second = try FakeDataplane()
        let outcome = await CommandRunner(dataplane: second).run(line: "api trace replay \(file)")
        #expect(outcome.text == "3 requests of \(file) done again\n")
        #expect(second.changes.map { "\($0)" } == first.changes.dropFirst().map { "\($0)" })
        try Data("{}\n".utf8).write(to: URL(fileURLWithPath: file))
        let wrong = await CommandRunner(dataplane: second).run(line: "api trace replay \(file)")
        #expect(wrong.failure?.message.hasPrefix("\(file):1: ") == true)
    }

    @Test func listsSessions() async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            let idle = HttpBed.connected(path)
            defer { close(idle) }
            let answer = await HttpBed.exchange(
                path,
                HttpBed.request("GET", "/v1/show/cli-sessions")
            )
            let sessions = try JSONDecoder().decode(
                JSONValue.self,
                from: Data(HttpBed.body(answer).utf8)
            )["sessions"].elements
            #expect(sessions.count == 2)
            #expect(sessions.allSatisfy { $0["pid"].wholeNumber == Int(getpid()) })
            let own = sessions.filter { $0["isBusy"].boolean == true }
            #expect(own.map { $0["request"].string } == ["GET /v1/show/cli-sessions"])
        }
    }

    @Test func oneProcessHasABoundedNumberOfConnections() async throws {
        try await HttpBed.withServer(try FakeDataplane()) { path in
            let held = (0..<ApiClients.maximumConnections).map { _ in HttpBed.connected(path) }
            #expect(held.allSatisfy { $0 >= 0 })
            // The next one is closed without an answer.
            var isRefused = false
            for _ in 0..<1000 where !isRefused {
                isRefused = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/session"))
                    .isEmpty
            }
            #expect(isRefused)
            for descriptor in held { close(descriptor) }
            var isServed = false
            for _ in 0..<1000 where !isServed {
                isServed = await HttpBed.exchange(path, HttpBed.request("GET", "/v1/session"))
                    .hasPrefix("HTTP/1.1 200")
            }
            #expect(isServed)
        }
    }
}
