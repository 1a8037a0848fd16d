import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// The control API as programs use it, on a running dataplane.
    @Suite(.needsDataplane) struct ApiTests {
        private static let client = Repository.root + "/deploy/python"

        /// A Python program that knows the client package.
        private static func python(_ text: String, _ words: String...) -> [String] {
            [
                "env", "PYTHONPATH=\(client)", "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3",
                "-c", text,
            ] + words
        }

        private static func lines(_ text: String) -> [JSONValue] {
            text.split(separator: "\n").compactMap { try? JSONValue(parsing: String($0)) }
        }

        /// A supervisor dies and the next one takes over, three times, while a program configures a router.
        @Test func aProgramConfiguresARouterWhileSupervisorsComeAndGo() async throws {
            if let reason = Machine.lacksForDataplane() {
                throw LiveDataplaneError.machineLacks(reason)
            }
            let instance = LiveDataplane.freshName()
            let topology = Testbed.topology(instance: instance)
            var dataplane = try LiveDataplane(starting: instance, topology: topology)
            do {
                try await dataplane.waitUntilForwarding()
                let routes = 300
                let program = try RunningCommand([
                    "env", "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3",
                    Self.client + "/examples/configure_router.py", "--socket",
                    "\(dataplane.runtimeDirectory)/api.sock", "--routes", "\(routes)", "--seconds",
                    "6",
                ])
                for _ in 0..<3 {
                    let before = Self.lines(program.output).count
                    let isOn = await eventually(withinSeconds: 60) {
                        Self.lines(program.output).count > before + 30
                    }
                    #expect(isOn, "the program stands still: \(program.output.suffix(2000))")
                    dataplane.supervisor.signal(SIGKILL)
                    _ = try await dataplane.supervisor.end(withinSeconds: 10)
                    dataplane = try LiveDataplane(starting: instance, topology: topology)
                    try await dataplane.waitUntilForwarding()
                }
                let ending = try await program.end(withinSeconds: 120)
                #expect(ending.status == 0, "\(program.output.suffix(3000)) \(program.errors)")
                let said = Self.lines(program.output)
                let summary = try #require(said.last)
                #expect(summary["asked"].int == routes + 9 && summary["done"].int == routes + 9)
                #expect(summary["failed"].int == 0 && summary["supervisors"].int == 4, "\(summary)")
                let events = said.map { $0["event"] }
                #expect(events.filter { $0["type"].string == "lost" }.count == 3)
                #expect(events.contains { $0["type"].string == "change" })
                let bulk = said.first { $0["bulk"].int != nil }
                #expect(bulk?["bulk"].int == 1000 && bulk?["refused"].int == 0)
                // Each request was made once, in the order in which they were asked.
                let numbers = said.filter { $0["request"].string?.hasPrefix("route") == true }
                    .compactMap { $0["result"].int }
                #expect(
                    numbers.count == routes
                        && zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }
                )
                let shown = try await dataplane.show("interface address")["interfaces"].elements
                #expect(shown.map { $0["addresses"].elements.count } == [1, 1, 1, 1])
                try await dataplane.stop()
            } catch {
                await dataplane.destroy()
                throw error
            }
        }

        /// What a request with a key did is known to the next supervisor.
        @Test func aKeyIsKnownToTheNextSupervisor() async throws {
            let instance = LiveDataplane.freshName()
            let topology = Testbed.topology(instance: instance)
            var dataplane = try LiveDataplane(starting: instance, topology: topology)
            do {
                try await dataplane.waitUntilForwarding()
                func add(_ prefix: String) async throws -> String {
                    try await TestSupport.run(
                        [
                            "curl", "-s", "-i", "--max-time", "20", "--unix-socket",
                            "\(dataplane.runtimeDirectory)/api.sock", "-X", "PUT", "-H",
                            "Idempotency-Key: k1", "-d", #"{"action": "drop"}"#,
                            "http://causeway/v1/ip/routes/\(prefix)%2F8",
                        ],
                        withinSeconds: 30
                    ).output
                }
                let first = try await add("20.0.0.0")
                #expect(first.hasPrefix("HTTP/1.1 200") && !first.contains("Idempotency-Replayed"))
                let body = try #require(first.split(whereSeparator: \.isNewline).last)
                dataplane.supervisor.signal(SIGKILL)
                _ = try await dataplane.supervisor.end(withinSeconds: 10)
                dataplane = try LiveDataplane(starting: instance, topology: topology)
                try await dataplane.waitUntilForwarding()
                let again = try await add("20.0.0.0")
                #expect(again.contains("Idempotency-Replayed: true"), "\(again)")
                #expect(again.split(whereSeparator: \.isNewline).last == body)
                #expect(try await add("21.0.0.0").hasPrefix("HTTP/1.1 422"))
                try await dataplane.stop()
            } catch {
                await dataplane.destroy()
                throw error
            }
        }

        /// One of ten clients never reads, one is killed: the others get all they ask for.
        @Test func tenClientsDoNotNoticeEachOther() async throws {
            try await Testbed.run { testbed in
                let socket = testbed.dataplane.runtimeDirectory + "/api.sock"
                let deaf = try RunningCommand(
                    Self.python(
                        """
                        import socket, sys, time
                        s = socket.socket(socket.AF_UNIX)
                        s.connect(sys.argv[1])
                        s.sendall(b"GET /v1/show/runtime?verbose=true HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n" * 2000)
                        time.sleep(600)
                        """,
                        socket
                    )
                )
                let worker = """
                    import sys
                    from causeway_client import Causeway
                    number, turns = int(sys.argv[2]), int(sys.argv[3])
                    with Causeway(sys.argv[1], patience=30) as router:
                        for turn in range(turns):
                            prefix = f"60.{number}.{turn % 256}.0/24"
                            router.put_route(prefix, action="drop")
                            assert router.get("/v1/ip/routes/" + prefix.replace("/", "%2F"))["action"] == "drop"
                            router.show("interface")
                            router.delete_route(prefix)
                            print(turn, flush=True)
                    """
                let victim = try RunningCommand(Self.python(worker, socket, "9", "1000000"))
                let clients = try (0..<8).map {
                    try RunningCommand(Self.python(worker, socket, "\($0)", "50"))
                }
                _ = await eventually(withinSeconds: 30) {
                    victim.output.split(separator: "\n").count > 3
                }
                victim.signal(SIGKILL)
                for client in clients {
                    let ending = try await client.end(withinSeconds: 120)
                    #expect(ending.status == 0, "\(client.errors)")
                    #expect(client.output.split(separator: "\n").count == 50)
                }
                #expect(deaf.isRunning)
                let sessions = try await testbed.dataplane.show("cli-sessions")["sessions"].elements
                // The deaf one is still there; of the killed one and those that are done nothing is.
                #expect(sessions.count == 2, "\(sessions)")
                deaf.signal(SIGKILL)
                _ = try await deaf.end(withinSeconds: 10)
                let isGone = await eventually(withinSeconds: 20) {
                    (try? await testbed.dataplane.show("cli-sessions")["sessions"].elements.count)
                        == 1
                }
                #expect(isGone)
            }
        }

        @Test func aTraceMakesTheSameStateElsewhere() async throws {
            let file = FileManager.default.temporaryDirectory
                .appendingPathComponent("causeway-trace-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: file) }
            var former = ""
            try await LiveDataplane.run(topology: Testbed.topology(instance: "first")) {
                dataplane in
                try await dataplane.configure("api trace on")
                for (index, port) in Testbed.ports.enumerated() {
                    try await dataplane.configure(
                        "set interface state \(port) up",
                        "set interface ip address \(port) 10.10.\(index).1/24"
                    )
                }
                try await dataplane.configure("ip route add 70.0.0.0/24 count 100 via 10.10.1.2")
                let socket = "\(dataplane.runtimeDirectory)/api.sock"
                let program = Self.python(
                    """
                    import sys
                    from causeway_client import Causeway
                    router = Causeway(sys.argv[1])
                    router.set_interface("left0", mtu=1400)
                    router.put_neighbor("left0", "10.10.0.9", "02:fe:00:00:00:09")
                    lines = ({"op": "add", "prefix": f"71.0.{i}.0/24", "action": "drop"} for i in range(200))
                    assert all(answer["ok"] for answer in router.change_routes(lines))
                    """,
                    socket
                )
                let result = try await TestSupport.run(program, withinSeconds: 60)
                #expect(result.status == 0, "\(result)")
                try await dataplane.configure("api trace save t.json")
                try FileManager.default.moveItem(
                    at: URL(fileURLWithPath: "\(dataplane.runtimeDirectory)/t.json"),
                    to: file
                )
                former = try await Self.state(of: dataplane)
            }
            try await LiveDataplane.run(topology: Testbed.topology(instance: "second")) {
                dataplane in
                let before = try await Self.state(of: dataplane)
                #expect(before != former)
                let replay = try await dataplane.json("api trace replay \(file.path)")
                #expect(replay["requests"].int == 12)
                let after = try await Self.state(of: dataplane)
                #expect(after == former)
            }
        }

        /// What is configured, as text.
        private static func state(of dataplane: LiveDataplane) async throws -> String {
            try await dataplane.ctl("show interface address").output
                + dataplane.ctl("show ip fib 70.0.0.0/7 max 0").output
                + dataplane.ctl("show ip neighbors").output
                + "\(dataplane.show("interface")["interfaces"].elements.map { $0["mtu"].int ?? 0 })"
        }

        /// schemathesis judges the API by its document: every check, all operations, links.
        @Test func schemathesisFindsNothing() async throws {
            let program = Repository.root + "/deploy/schemathesis"
            let setUp = try await TestSupport.run([program, "--setup"], withinSeconds: 300)
            try #require(setUp.status == 0, "\(setUp)")
            try await LiveDataplane.run(topology: Testbed.topology(instance: "judged")) {
                dataplane in
                let judged = try await TestSupport.run(
                    [program, "\(dataplane.runtimeDirectory)/api.sock"],
                    withinSeconds: 240
                )
                #expect(judged.status == 0, "\(judged.output.suffix(12_000)) \(judged.errors)")
                let document = try await TestSupport.run(
                    [
                        "curl", "-s", "--unix-socket", "\(dataplane.runtimeDirectory)/api.sock",
                        "http://causeway/v1/openapi.json",
                    ],
                    withinSeconds: 20
                ).output
                // All but the document itself, which it has read already.
                let operations = document.components(separatedBy: "\"responses\":{").count - 2
                let links = document.components(separatedBy: "\"links\":{").count - 1
                #expect(judged.output.contains("Tested: \(operations)"), "\(judged.output)")
                #expect(links > 5 && judged.output.contains("API Links:"))
            }
        }

        /// Others than the two groups are told so, and readers change nothing.
        @Test func readersReadAndStrangersAreToldWhy() async throws {
            try await LiveDataplane.run(
                topology: Testbed.topology(instance: "roles"),
                startup: "unix { gid 0 read-gid 65533 }"
            ) { dataplane in
                func asked(_ gid: Int, _ line: String) async throws -> String {
                    try await TestSupport.run(
                        [
                            "setpriv", "--reuid", "54321", "--regid", "\(gid)", "--clear-groups",
                            "curl", "-s",
                            "--max-time", "20", "--unix-socket",
                            "\(dataplane.runtimeDirectory)/api.sock",
                            "-d", #"{"command": "\#(line)"}"#, "http://causeway/v1/cli",
                        ],
                        withinSeconds: 30
                    ).output
                }
                let read = try await asked(65533, "show version")
                #expect(read.contains(#""ok":true"#), "\(read)")
                let change = try await asked(65533, "clear errors")
                #expect(change.contains(#""kind":"forbidden""#), "\(change)")
                let stranger = try await asked(65532, "show version")
                #expect(stranger.contains("read-gid"), "\(stranger)")
            }
        }
    }
}
