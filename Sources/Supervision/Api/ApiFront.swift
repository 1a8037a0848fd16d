internal import ControlProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore

/// Where a request came from.
struct ApiContext: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) { channel = source.channel }
}

/// Answers every request of the control socket: finds its route, checks it, bounds it, and has it done.
struct ApiFront: HTTPResponder {
    let dataplane: any Dataplane
    let access: ApiAccess
    let logger: Logger

    /// The most bytes of a request's body that is not one of lines.
    static let maximumBodyBytes = 1 << 20

    func respond(to request: Request, context: ApiContext) async throws -> Response {
        let channel = ObjectIdentifier(context.channel)
        let target = (request.head.path ?? "/").prefix(200)
        let title = "\(request.method.rawValue) \(target)"
        let id = ApiRequest.id(of: request)
        let start = dataplane.events.now
        var route: ApiRoute?
        var reply: ApiReply
        do throws(ApiFault) {
            guard let (peer, role) = dataplane.api.clients.begin(channel, title, access: access)
            else {
                throw ApiFault(403, "forbidden", "the kernel does not say whose connection this is")
            }
            guard role != .none else { throw Self.stranger(peer) }
            guard let head = ApiRequest(request, id: id) else {
                throw ApiFault(400, "the path or the query is not properly encoded")
            }
            let (found, inPath) = try find(head)
            route = found
            let visit = Visit(front: self, head: head, route: found, peer: peer, role: role)
            reply = try await visit.answer(request, inPath)
        } catch { reply = error.reply(requestID: id) }
        dataplane.api.clients.end(channel)
        if let route, !route.isQuiet {
            let name = "\(route.method) \(route.template)"
            dataplane.events.request(name, since: start, status: reply.status)
        }
        if let route, route.effect != .read {
            logger.info(
                "request",
                metadata: [
                    "id": "\(id)", "request": "\(title)", "status": "\(reply.status)",
                ]
            )
        }
        return Self.response(reply, id: id, hasNoBody: request.method == .head)
    }

    private static func stranger(_ peer: ApiPeer) -> ApiFault {
        ApiFault(
            403,
            "forbidden",
            "user \(peer.uid) is in no group that may use this socket; unix { gid GROUP } and "
                + "unix { read-gid GROUP } of the startup file name them"
        )
    }

    private func find(_ head: ApiRequest) throws(ApiFault) -> (ApiRoute, [String: String]) {
        switch ApiTable.find(head.method, head.path) {
        case .route(let route, let values): return (route, values)
        case .otherMethod(let methods):
            var fault = ApiFault(405, "\(head.rawPath) has no \(head.method)")
            fault.expected = methods
            fault.headers = [("Allow", methods.joined(separator: ", "))]
            throw fault
        case .nothing:
            var fault = ApiFault(404, "no such address; GET /v1/openapi.json lists what there is")
            fault.expected = ["GET /v1/openapi.json", "GET /v1/show/...", "POST /v1/cli"]
            throw fault
        }
    }

    static func response(_ reply: ApiReply, id: String, hasNoBody: Bool) -> Response {
        var response: Response
        switch reply.body {
        case .bytes(let bytes):
            guard let status = HTTPResponse.Status.known(reply.status) else {
                return Response(status: .internalServerError)
            }
            response = .inParts(status, type: reply.type, bytes)
        case .stream(let write):
            response = Response(
                status: .ok,
                headers: [.contentType: reply.type, .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    // The writer is used by this task alone, and not after it.
                    nonisolated(unsafe) var writer = writer
                    try await write(ApiWriter { try await writer.write($0) })
                    try await writer.finish(nil)
                }
            )
        }
        response.headers[.requestID] = id
        for (name, value) in reply.headers {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        if reply.status == 304 { response.headers[.contentType] = nil }
        if hasNoBody {
            response.headers[.contentLength] = reply.byteCount.map { "\($0)" }
            response.body = .init()
        }
        return response
    }
}

extension HTTPResponse.Status {
    fileprivate static func known(_ code: Int) -> HTTPResponse.Status? { .init(code: code) }
}
