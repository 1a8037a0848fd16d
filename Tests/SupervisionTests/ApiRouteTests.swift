import ControlProtocol
import Foundation
import Routing
import Testing

@testable import Supervision

/// The table of routes, the document that is made of it, and the forms of values.
@Suite struct ApiRouteTests {
    /// A value that a parameter takes, on the dataplane of these tests.
    static func sample(_ parameter: ApiParameter) -> String {
        switch parameter.schema {
        case .format(let format): format.example
        case .integer(let range): "\(range.contains(1) ? 1 : range.lowerBound)"
        case .boolean: "true"
        case .either(let schemas): sample(.path(parameter.name, schemas[0], ""))
        default: ["name", "interface"].contains(parameter.name) ? "tap0" : "x"
        }
    }

    static func path(of route: ApiRoute) -> String {
        route.parameters.filter(\.isInPath).reduce(route.template) { path, parameter in
            let value = sample(parameter).replacing("/", with: "%2F")
            return path.replacing("{\(parameter.name)}", with: value)
        }
    }

    @Test func everyPathOfTheDocumentLeadsToItsRoute() throws {
        guard case .object(let paths) = OpenApiDocument.document["paths"] else {
            Issue.record("the document has no paths")
            return
        }
        var found: Set<String> = []
        for (template, operations) in paths {
            guard case .object(let methods) = operations else { continue }
            for (method, operation) in methods {
                let id = try #require(operation["operationId"].string)
                #expect(found.insert(id).inserted, "\(id) stands twice")
                let route = try #require(ApiTable.routes.first { $0.id == id })
                #expect(route.template == template && route.method.lowercased() == method)
                let path = Self.path(of: route).split(separator: "/").map {
                    String($0).removingPercentEncoding ?? ""
                }
                guard case .route(let other, _) = ApiTable.find(route.method, path) else {
                    Issue.record("\(method) \(template) leads nowhere")
                    continue
                }
                #expect(other.id == id, "\(path) leads to \(other.id)")
            }
        }
        #expect(found == Set(ApiTable.routes.filter(\.isListed).map(\.id)))
        #expect(found.count > 70)
    }

    @Test func everyNamedFormAndEveryLinkIsThere() throws {
        let text = String(decoding: OpenApiDocument.bytes, as: UTF8.self)
        for name in ["Interface", "Route", "Problem"] {
            #expect(text.contains("\"#/components/schemas/\(name)\""))
        }
        for route in ApiTable.routes {
            for link in route.links {
                let other = try #require(ApiTable.routes.first { $0.id == link.operation })
                let names = Set(other.parameters.filter(\.isInPath).map(\.name))
                #expect(Set(link.parameters.keys).isSubset(of: names), "\(route.id) \(link.name)")
            }
        }
    }

    @Test func everyShowCommandHasAPathThatItsGrammarTakes() async throws {
        let context = await (try FakeDataplane()).grammarContext()
        for (form, command) in CommandTable.commands.enumerated()
        where command.name.hasPrefix("show")
            && !["show macro", "show terminal"].contains(command.name)
        {
            for way in ShowPath.ways(of: command.syntax) {
                let words = way.segments.map { segment in
                    switch segment {
                    case .word(let word): word
                    case .value(let key, let types):
                        Self.sample(.path(key, types[0].schema, ""))
                    }
                }
                let options = way.options.flatMap { option in
                    [option.name]
                        + (option.type.map { [Self.sample(.query(option.name, $0.schema, ""))] }
                            ?? [])
                }
                for line in [words, words + options] {
                    let tokens = CommandToken.place(line)
                    let match = try CommandTable.grammar.match(
                        tokens,
                        length: line.joined(separator: " ").utf8.count,
                        context: context
                    )
                    #expect(match.form == form, "\(line)")
                }
                #expect(ApiTable.showWays.contains { $0.shape == way.shape })
            }
        }
    }

    @Test func everyRouteThatReadsIsAnswered() async throws {
        let dataplane = try FakeDataplane()
        let routes = ApiTable.routes.filter {
            $0.isListed && $0.method == "GET" && $0.id != "watchEvents"
        }
        try await HttpBed.withServer(dataplane) { socket in
            for route in routes {
                let path = Self.path(of: route)
                let answer = await HttpBed.exchange(socket, HttpBed.request("GET", path))
                let status = answer.split(separator: " ").dropFirst().first.map(String.init) ?? ""
                // 404: there is no such thing on this dataplane; 409 and 503: it has no workers.
                #expect(
                    ["200", "404", "409", "503"].contains(status),
                    "\(path): \(answer.prefix(300))"
                )
                #expect(!answer.contains("no such address"), "\(path)")
                #expect(answer.contains("X-Request-Id: "), "\(path)")
            }
        }
    }

    @Test func formsTakeWhatTheirPatternsTake() throws {
        let texts = [
            "10.0.0.1", "10.0.0.256", "010.0.0.1", "1.2.3", "10.0.0.0/24", "10.0.0.0/33",
            "10.0.0.0/08",
            "0.0.0.0/0", "02:fe:00:00:00:01", "02fe.0000.0001", "02:fe:00:00:00:0g", "/tmp/a b",
            "/", "",
            "*", "1", "3600", "3601", "007", "\"c12\"", "\"c012\"", "\"c\"", "c12", "key-1", "k y",
            "\u{e9}", "1.2.3.4/5/6",
        ]
        for format in [ApiFormat.address, .prefix, .mac, .path, .key, .seconds] {
            let pattern = try Regex(format.pattern)
            #expect(format.fits(format.example))
            for text in texts {
                let isMatch = text.wholeMatch(of: pattern) != nil
                #expect(format.fits(text) == isMatch, "\(format) \"\(text)\"")
            }
        }
    }

    @Test func tagsAreReadFromLists() {
        #expect(ApiTag.numbers(#""c12""#, isWeak: false) == [12])
        #expect(ApiTag.numbers(#"W/"c1", "c2", "x" , "c3""#, isWeak: false) == [2, 3])
        #expect(ApiTag.numbers(#"W/"c1", "c2""#, isWeak: true) == [1, 2])
        for text in ["", "c12", "\"c012\"", "\"c\"", "\"c1", "\"c-1\"", "*", ",", "\"", "\"c+1\""] {
            #expect(ApiTag.numbers(text, isWeak: true).isEmpty, "\(text)")
        }
    }

    @Test func aSchemaSaysWhatIsWrong() throws {
        let schema = try #require(ApiTable.routes.first { $0.id == "setInterface" }?.body)
        func fault(_ text: String) throws -> String? {
            let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            return schema.fault(in: value, at: "the body")
        }
        #expect(try fault(#"{"isUp": true, "mtu": 1500.0, "handoff": {"nodes": [0, 1]}}"#) == nil)
        #expect(try fault("{}") == nil)
        #expect(try fault("[]") == "the body is an object")
        #expect(try fault(#"{"mtu": 1}"#) == "mtu is a number in 68...9216")
        #expect(try fault(#"{"mtu": 1.5}"#) == "mtu is a number in 68...9216")
        #expect(try fault(#"{"isUp": 1}"#) == "isUp is true or false")
        #expect(
            try fault(#"{"up": true}"#)?.hasPrefix("the body has no \"up\"; there are: isUp")
                == true
        )
        #expect(try fault(#"{"handoff": {}}"#) == "handoff lacks nodes")
        #expect(try fault(#"{"handoff": {"nodes": [0, 64]}}"#) == "nodes[1] is a number in 0...63")
        #expect(try fault(#"{"rxMode": "never"}"#)?.contains("polling, interrupt") == true)
    }

    @Test func whoMayDoWhatIsSaidByGroups() {
        let open = ApiAccess(adminGroup: 100)
        #expect(open.role(uid: 0, groups: []) == .admin)
        #expect(open.role(uid: 1000, groups: [7, 100]) == .admin)
        #expect(open.role(uid: 1000, groups: [7]) == .none)
        #expect(open.socketMode == 0o660)
        let both = ApiAccess(adminGroup: 100, readGroup: 200)
        #expect(both.role(uid: 1000, groups: [200]) == .reader)
        #expect(both.role(uid: 1000, groups: [200, 100]) == .admin)
        #expect(both.role(uid: 1000, groups: [7]) == .none)
        #expect(both.socketMode == 0o666)
        #expect(ApiAccess.groups(uid: 0, gid: 0).contains(0))
        #expect(ApiAccess.groups(uid: 4_000_000_000, gid: 12) == [12], "a user that nobody knows")
    }

    @Test func whoOnlyReadsChangesNothing() async throws {
        let dataplane = try FakeDataplane()
        var runner = CommandRunner(dataplane: dataplane)
        runner.isReadOnly = true
        for line in ["show version", "sh int", "help", "echo x", "set int ?"] {
            #expect(await runner.run(line: line).failure == nil, "\(line)")
        }
        let lines = [
            "set interface state tap0 up", "ip route add 1.0.0.0/8 via drop", "exec /dev/null",
            "wait 1",
            "clear errors", "api trace on", "packet-generator enable-stream", "restart node 0",
        ]
        for line in lines {
            #expect(await runner.run(line: line).failure?.kind == .forbidden, "\(line)")
        }
        #expect(dataplane.changes.isEmpty && !dataplane.api.trace.isOn)
    }

    @Test func aRequestsMarkGoesThroughARecord() {
        let mark = RequestMark(
            key: RequestMark.hash([Array("0".utf8), Array("a".utf8)]),
            request: RequestMark.hash([Array("PUT".utf8), Array("/v1".utf8), []])
        )
        let bytes = mark.encoded() + JournalEvent.closed.encoded()
        #expect(bytes.count == RequestMark.byteCount + 1)
        #expect(RequestMark(bytes[...]) == mark)
        #expect(RequestMark(JournalEvent.closed.encoded()[...]) == nil)
        #expect(RequestMark.hash([[1], [2]]) != RequestMark.hash([[1, 2]]))
    }
}
