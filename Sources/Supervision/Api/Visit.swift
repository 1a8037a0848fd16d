internal import ControlProtocol
internal import Foundation
internal import HummingbirdCore
internal import NIOCore

/// One request on its way through its route.
struct Visit: Sendable {
    let front: ApiFront
    let head: ApiRequest
    let route: ApiRoute
    let peer: ApiPeer
    let role: ApiRole

    private var api: ApiState { front.dataplane.api }

    /// Checks a request and has it done.
    func answer(
        _ request: Request,
        _ inPath: [String: String]
    ) async throws(ApiFault) -> ApiReply {
        if route.effect == .change || route.effect == .bulk, role != .admin { throw Self.readOnly }
        var call = ApiCall(
            dataplane: front.dataplane,
            id: head.id,
            role: role,
            path: head.path,
            values: try head.check(route, inPath, request),
            body: [],
            accept: head.accept,
            lastEvent: head.lastEvent,
            peer: peer
        )
        if route.lines != nil {
            call.incoming = request.body
        } else {
            call.body = try await body(of: request)
            if let schema = route.body { call.json = try json(call.body, schema) }
        }
        switch route.effect {
        case .read: return try await read(call)
        case .bulk: return try await route.handle(call)
        case .change, .command: return try await change(call)
        }
    }

    static var readOnly: ApiFault {
        ApiFault(
            403,
            "forbidden",
            "you may only read; whoever is in the group of unix { gid GROUP } of the startup file may change"
        )
    }

    private func body(of request: Request) async throws(ApiFault) -> [UInt8] {
        do {
            let limit = ApiFront.maximumBodyBytes
            return Array(try await request.body.collect(upTo: limit).readableBytesView)
        } catch {
            throw ApiFault(413, "the body has more than \(ApiFront.maximumBodyBytes) bytes")
        }
    }

    private func json(_ body: [UInt8], _ schema: ApiSchema) throws(ApiFault) -> JSONValue {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(body)) else {
            throw ApiFault(400, "the body is no JSON")
        }
        if let fault = schema.fault(in: value, at: "the body") { throw ApiFault(400, fault) }
        return value
    }

    // MARK: - Reading

    private func read(_ call: ApiCall) async throws(ApiFault) -> ApiReply {
        guard route.isTagged else {
            return try await withinDeadline { await Self.result(of: route, call) }
        }
        // Before what is read: a change meanwhile makes the tag old, not the content.
        let number = await front.dataplane.view().configurationNumber
        let tag = ApiTag.text(number)
        if let known = head.conditions.noneMatch,
            known == "*" || ApiTag.numbers(known, isWeak: true).contains(number)
        {
            var reply = ApiReply(304, [])
            reply.headers = [("ETag", tag)]
            return reply
        }
        var reply = try await withinDeadline { await Self.result(of: route, call) }
        if reply.status == 200 { reply.headers.append(("ETag", tag)) }
        return reply
    }

    private static func result(of route: ApiRoute, _ call: ApiCall) async -> ApiReply {
        do throws(ApiFault) {
            return try await route.handle(call)
        } catch { return error.reply(requestID: call.id) }
    }

    private func withinDeadline(
        _ body: @escaping @Sendable () async -> ApiReply
    ) async throws(ApiFault) -> ApiReply {
        guard head.deadline != nil else { return await body() }
        return try await reply(of: Task { await body() }, ChangeRequest().notes)
    }

    // MARK: - Changing

    private func change(_ call: ApiCall) async throws(ApiFault) -> ApiReply {
        let change = try await request(call.body)
        guard let mark = change.mark else {
            return try await reply(of: try begin(call, change), change.notes)
        }
        guard api.clients.takeChange(peer.pid) else { throw Self.tooMany }
        var isNew = false
        let (finding, task) = api.replies.find(mark) {
            isNew = true
            return run(call, change)
        }
        if !isNew { api.clients.giveChange(peer.pid) }
        switch finding {
        case .taken:
            throw ApiFault(422, "key", "this Idempotency-Key is that of another request")
        case .done(let number): return replayed(call, number)
        case .new, .known:
            guard let task else { throw ApiFault(500, "the reply is lost") }
            var reply = try await reply(of: task, change.notes)
            if !isNew { reply.headers.append(("Idempotency-Replayed", "true")) }
            return reply
        }
    }

    /// What a former supervisor answered, as far as the journal knows it.
    private func replayed(_ call: ApiCall, _ number: UInt64) -> ApiReply {
        var reply = ApiReply(change: number)
        if route.effect == .command {
            // A command that is one change says nothing but its number.
            let result: JSONValue = ["change": .integer(Int64(clamping: number))]
            let wantsJSON = call.json["json"].boolean ?? false
            let body: JSONValue =
                wantsJSON ? ["ok": true, "result": result] : ["ok": true, "text": ""]
            reply = ApiReply(encoding: body)
        }
        reply.headers = [("Idempotency-Replayed", "true")]
        return reply
    }

    /// What the request says beside the change, and whether the configuration is the one that it is meant for.
    private func request(_ body: [UInt8]) async throws(ApiFault) -> ChangeRequest {
        var change = ChangeRequest()
        if let key = head.key {
            change.mark = RequestMark(
                key: RequestMark.hash([Array("\(peer.uid)".utf8), Array(key.utf8)]),
                request: RequestMark.hash([
                    Array(head.method.utf8), Array(head.rawPath.utf8), body,
                ])
            )
        }
        guard let tags = head.conditions.match else { return change }
        change.expected = ApiTag.numbers(tags, isWeak: false)
        let present = await front.dataplane.view().configurationNumber
        do throws(ChangeError) {
            try change.check(present)
        } catch {
            var fault = ApiFault(412, "precondition", error.description)
            fault.change = present
            fault.headers = [("ETag", ApiTag.text(present))]
            throw fault
        }
        return change
    }

    private static var tooMany: ApiFault {
        var fault = ApiFault(
            429,
            "busy",
            "\(ApiClients.maximumChanges) changes of this process have not come to an end"
        )
        fault.headers = [("Retry-After", "1")]
        return fault
    }

    private func begin(
        _ call: ApiCall,
        _ change: ChangeRequest
    ) throws(ApiFault) -> Task<ApiReply, Never> {
        guard api.clients.takeChange(peer.pid) else { throw Self.tooMany }
        return run(call, change)
    }

    /// Has the change made, whoever waits for it or does not any more.
    private func run(_ call: ApiCall, _ change: ChangeRequest) -> Task<ApiReply, Never> {
        let mark = change.mark
        return Task {
            var change = change
            let name = await commandName(call)
            // The journal keeps a key with one change; these are several.
            if let name, ["exec", "api trace replay"].contains(name) { change.mark = nil }
            let reply = await ChangeRequest.$current.withValue(change) {
                await Self.result(of: route, call)
            }
            api.clients.giveChange(peer.pid)
            if let mark, !Self.isKept(reply) { api.replies.forget(mark) }
            if !Self.isUntraced(name) { trace(call, reply.status) }
            return reply
        }
    }

    /// Whether a request that comes again is to get this reply; else it is done again.
    private static func isKept(_ reply: ApiReply) -> Bool {
        reply.status < 500 && reply.status != 429
            && reply.byteCount ?? .max <= ReplyStore.maximumReplyBytes
    }

    /// How the command of a request begins; nil: it is none.
    private func commandName(_ call: ApiCall) async -> String? {
        guard route.effect == .command else { return nil }
        return await call.runner.name(of: call.json["command"].string ?? "")
    }

    /// Whether a command is none that a trace is to repeat.
    private static func isUntraced(_ name: String?) -> Bool {
        name.map { Command.isReadOnly($0) || $0.hasPrefix("api ") } ?? false
    }

    private func trace(_ call: ApiCall, _ status: Int) {
        guard api.trace.isOn, status < 400 else { return }
        api.trace.add(
            TracedRequest(
                unixSeconds: EventFeed.now(),
                requestId: head.id,
                uid: peer.uid,
                method: head.method,
                path: head.rawPath,
                body: String(decoding: call.body, as: UTF8.self),
                status: status
            )
        )
    }

    /// Waits for a reply as long as the client does.
    private func reply(
        of task: Task<ApiReply, Never>,
        _ notes: ChangeRequest.Notes
    ) async throws(ApiFault) -> ApiReply {
        guard let limit = head.deadline else {
            return await withTaskCancellationHandler {
                await task.value
            } onCancel: {
                task.cancel()
            }
        }
        let (replies, found) = AsyncStream.makeStream(of: ApiReply?.self)
        Task { found.yield(await task.value) }
        let timer = Task {
            // Cut short, nobody waits any more.
            try? await Task.sleep(for: limit)
            found.yield(nil)
        }
        defer { timer.cancel() }
        for await reply in replies {
            guard let reply else { break }
            return reply
        }
        if Task.isCancelled { task.cancel() }
        throw late(notes)
    }

    private func late(_ notes: ChangeRequest.Notes) -> ApiFault {
        let seconds = head.deadline.map { $0.components.seconds } ?? 0
        var text = "no answer within \(seconds) s"
        if route.effect != .read {
            text +=
                notes.numbers.last.map { "; change \($0) is made, and more may follow" }
                ?? "; the change is not made yet, and may still be"
            text +=
                head.key == nil
                ? "; look at the configuration before you ask again"
                : "; ask again with the same Idempotency-Key for the outcome"
        }
        var fault = ApiFault(504, "deadline", text)
        fault.change = notes.numbers.last
        return fault
    }
}
