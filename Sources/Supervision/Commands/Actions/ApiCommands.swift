internal import ControlProtocol
internal import Foundation
internal import HummingbirdCore
internal import LinuxSystem
internal import NIOCore

extension CommandTable {
    private static let trace = Syntax.words("api trace", help: "requests that asked for changes")

    /// `api trace ...`, `show api ...` and `show cli-sessions`.
    static let apiCommands = [
        Command(
            trace
                + .choice([
                    .word("on", "keep them from now on"), .word("off", "keep no more"),
                    .word("clear", "forget them"), .word("status", "how many are kept"),
                ]),
            "Keeps the requests to the control API that ask for changes, or says how many are kept."
        ) { input, session throws(CommandFailure) in
            let trace = session.dataplane.api.trace
            if input.has("on") { trace.turn(on: true) }
            if input.has("off") { trace.turn(on: false) }
            if input.has("clear") { trace.clear() }
            return ApiTraceReport(trace)
        },
        Command(
            trace + .word("save", "into a file")
                + .value("file", .word("NAME"), "a file in the runtime directory"),
            "Writes the kept requests into a file of JSON lines."
        ) { input, session throws(CommandFailure) in
            let name = try input.required(input.text("file"), "NAME")
            guard TraceFileName.isPlain(name) else {
                throw .refused(TraceFileName.refusal(of: name))
            }
            let kept = session.dataplane.api.trace.content.requests
            let bytes = kept.flatMap { ApiReply.encode($0) + [UInt8(ascii: "\n")] }
            do throws(ChangeError) {
                return SavedRequests(
                    file: try await session.dataplane.save(name, bytes),
                    requests: kept.count
                )
            } catch { throw .refused(error) }
        },
        Command(
            trace + .word("replay", "do them again")
                + .value("file", .path, "a file that api trace save wrote"),
            "Does the requests of a file again, in their order; stops at the first that fails."
        ) { input, session throws(CommandFailure) in
            let path = try input.required(input.text("file"), "FILE")
            return try await ApiReplay(path: path, dataplane: session.dataplane).run()
        },
        sessions(.words("show cli-sessions", help: "who is connected")),
        sessions(.words("show api clients", help: "who is connected")),
        Command(
            .words("show api trace-status", help: "requests that are kept"),
            "Shows whether requests for changes are kept, and how many are."
        ) { _, session throws(CommandFailure) in ApiTraceReport(session.dataplane.api.trace) },
        Command(
            .words("show api message-table", help: "what may be asked for"),
            "Shows the requests that the control socket answers."
        ) { _, _ throws(CommandFailure) in ApiRoutesReport() },
    ]

    private static func sessions(_ syntax: Syntax) -> Command {
        Command(
            syntax,
            "Shows who is connected to the control socket."
        ) { _, session throws(CommandFailure) in SessionsReport(session.dataplane.api.clients) }
    }
}

/// Does the requests of a trace again.
private struct ApiReplay {
    let path: String
    let dataplane: any Dataplane

    /// The most bytes of a file.
    private static let maximumBytes = 1 << 29

    func run() async throws(CommandFailure) -> any CommandResult {
        guard let text = SmallFile.read(path, limit: Self.maximumBytes) else {
            throw .refused("cannot read \(path)")
        }
        var done = 0
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n")).enumerated() {
            let decoder = JSONDecoder()
            guard let request = try? decoder.decode(TracedRequest.self, from: Data(line)) else {
                throw .refused("\(path):\(index + 1): this is no request of api trace save")
            }
            do throws(ApiFault) {
                try await repeated(request)
            } catch {
                throw .refused(
                    "\(path):\(index + 1): \(request.method) \(request.path): \(error.message); "
                        + "those before it are done"
                )
            }
            done += 1
        }
        return ReplayedRequests(file: path, requests: done)
    }

    private func repeated(_ request: TracedRequest) async throws(ApiFault) {
        let path = request.path.split(separator: "/").map {
            String($0).removingPercentEncoding ?? String($0)
        }
        guard case .route(let route, let values) = ApiTable.find(request.method, path),
            route.effect != .read
        else { throw ApiFault(404, "there is no such change") }
        var call = ApiCall(
            dataplane: dataplane,
            id: request.requestId,
            role: .admin,
            path: path,
            values: values,
            body: Array(request.body.utf8),
            peer: ApiPeer(pid: 0, uid: 0, gid: 0)
        )
        if route.lines != nil {
            call.incoming = RequestBody(buffer: ByteBuffer(string: request.body))
        } else if route.body != nil {
            guard let json = try? JSONDecoder().decode(JSONValue.self, from: Data(call.body)) else {
                throw ApiFault(400, "its body is no JSON")
            }
            call.json = json
        }
        let reply = try await route.handle(call)
        guard case .stream(let write) = reply.body else { return }
        let answers = LineCounter()
        do {
            try await write(ApiWriter { answers.take($0) })
        } catch { throw ApiFault(500, "\(error)") }
        if answers.hasFailure { throw ApiFault(409, "refused", "a line was refused") }
    }
}

/// Looks through the answers to lines for one that is bad.
private final class LineCounter {
    private(set) var hasFailure = false

    func take(_ part: ByteBuffer) {
        if String(buffer: part).contains("\"ok\":false") { hasFailure = true }
    }
}

/// `api trace status`.
private struct ApiTraceReport: CommandResult {
    var isOn: Bool
    var requests: Int
    var total: Int
    var capacity = ApiTrace.capacity

    init(_ trace: ApiTrace) {
        let content = trace.content
        isOn = content.isOn
        requests = content.requests.count
        total = content.total
    }

    var text: String {
        "API trace is \(isOn ? "on" : "off"): \(requests) requests of \(total) kept, at most \(capacity)\n"
    }
}

/// `show api message-table`.
private struct ApiRoutesReport: CommandResult {
    /// A request.
    struct Route: Encodable, Sendable {
        var method: String
        var path: String
        var id: String
        var summary: String
    }

    var requests = ApiTable.routes.map {
        Route(method: $0.method, path: $0.template, id: $0.id, summary: $0.summary)
    }

    var text: String {
        var table = TextTable([
            .init("Method", 7, .left), .init("Path", 40, .left), .init("Summary", 0, .left),
        ])
        for request in requests {
            // The rest of a long one is in the OpenAPI document.
            let line = request.summary.prefix { $0 != "\n" }
            table.add([request.method, request.path, String(line)])
        }
        return table.text
    }
}

/// `api trace save`.
private struct SavedRequests: CommandResult {
    var file: String
    var requests: Int

    var text: String { "\(requests) requests in \(file)\n" }
}

/// `api trace replay`.
private struct ReplayedRequests: CommandResult {
    var file: String
    var requests: Int

    var text: String { "\(requests) requests of \(file) done again\n" }
}

/// `show cli-sessions`: the connections of the control socket.
struct SessionsReport: CommandResult {
    /// A connection.
    struct Session: Encodable, Sendable {
        var number: Int
        var pid: Int32
        var uid: UInt32
        /// What it may do; nil: it has asked for nothing yet.
        var role: ApiRole?
        var seconds: Double
        var requests: Int
        var isBusy: Bool
        /// What it asks for, or asked for last.
        var request: String
    }

    var sessions: [Session]
    /// Connections that were closed because their process had too many.
    var refused: Int

    init(_ clients: ApiClients) {
        let now = EventFeed.now()
        let found = clients.sessions
        refused = found.refused
        sessions = found.all.map {
            Session(
                number: $0.number,
                pid: $0.peer.pid,
                uid: $0.peer.uid,
                role: $0.role,
                seconds: max(0, now - $0.since),
                requests: $0.requests,
                isBusy: $0.isBusy,
                request: $0.request
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("Session", 7), .init("PID", 8), .init("UID", 6), .init("Role", 7, .left),
            .init("Seconds", 8), .init("Requests", 8), .init("Request", 40, .left),
        ])
        for session in sessions {
            table.add([
                "\(session.number)", "\(session.pid)", "\(session.uid)",
                session.role?.rawValue ?? "-", "\(Int(session.seconds))", "\(session.requests)",
                session.request + (session.isBusy ? " ..." : ""),
            ])
        }
        return table.text
    }
}
