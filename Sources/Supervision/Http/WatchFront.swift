internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore

/// Answers those who only watch: metrics and health, whoever asks.
struct WatchFront: HTTPResponder {
    let dataplane: any Dataplane

    func respond(to request: Request, context: ApiContext) async throws -> Response {
        let id = ApiRequest.id(of: request)
        let reply: ApiReply
        do throws(ApiFault) {
            reply = try await answer(request, id: id)
        } catch { reply = error.reply(requestID: id) }
        return ApiFront.response(reply, id: id, hasNoBody: request.method == .head)
    }

    private func answer(_ request: Request, id: String) async throws(ApiFault) -> ApiReply {
        guard let head = ApiRequest(request, id: id) else {
            throw ApiFault(400, "the path or the query is not properly encoded")
        }
        guard case .route(let route, _) = ApiTable.find(head.method, head.path),
            ApiTable.watchRoutes.contains(where: { $0.id == route.id })
        else {
            var fault = ApiFault(404, "there are only metrics and health here, and only to GET")
            fault.expected = ApiTable.watchRoutes.map { "GET \($0.template)" }
            throw fault
        }
        return try await route.handle(
            ApiCall(
                dataplane: dataplane,
                id: id,
                role: .reader,
                path: head.path,
                values: [:],
                body: [],
                accept: head.accept,
                peer: ApiPeer(pid: 0, uid: .max, gid: .max)
            )
        )
    }
}
