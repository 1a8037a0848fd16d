internal import Foundation
internal import HTTPTypes
internal import HummingbirdCore

extension HTTPField.Name {
    static let requestID = Self("X-Request-Id") ?? .eTag
    static let idempotencyKey = Self("Idempotency-Key") ?? .eTag
    static let requestTimeout = Self("Request-Timeout") ?? .eTag
    static let lastEventID = Self("Last-Event-ID") ?? .eTag
}

/// What a request says in its head, taken apart and checked.
struct ApiRequest: Sendable {
    var method: String
    /// The path's segments, decoded.
    var path: [String]
    /// As it came, without the query.
    var rawPath: String
    var query: [(name: String, value: String)]
    /// Its own, or one that was made.
    var id: String
    var key: String?
    var conditions: (match: String?, noneMatch: String?)
    /// How long its client waits for the answer; nil: as long as it takes.
    var deadline: Duration?
    var accept: String
    var lastEvent: String?

    /// Reads a head that has no fault in its id; what else is wrong with it, `check` says.
    init?(_ request: Request, id: String) {
        let target = request.head.path ?? "/"
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        rawPath = String(parts.first ?? "/")
        method = request.method.rawValue
        self.id = id
        let segments = rawPath.split(separator: "/")
        path = segments.compactMap { String($0).removingPercentEncoding }
        guard path.count == segments.count, rawPath.hasPrefix("/") else { return nil }
        query = []
        for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { $0.replacing("+", with: " ").removingPercentEncoding }
            guard let name = sides[0], let value = sides.count > 1 ? sides[1] : "" else {
                return nil
            }
            query.append((name, value))
        }
        key = request.headers[.idempotencyKey]
        // `*` is any configuration, and there always is one.
        let match = request.headers[.ifMatch]
        conditions = (match == "*" ? nil : match, request.headers[.ifNoneMatch])
        accept = request.headers[.accept] ?? ""
        lastEvent = request.headers[.lastEventID]
        if let text = request.headers[.requestTimeout], let seconds = Int(text) {
            deadline = .seconds(seconds)
        }
    }

    /// The id that a request brings, if it is one, else a new one.
    static func id(of request: Request) -> String {
        if let id = request.headers[.requestID], ApiFormat.key.fits(id) { return id }
        return UUID().uuidString.lowercased()
    }

    /// The headers that requests may have beside HTTP's own, as the document lists them.
    static let requestHeaders: [(name: String, schema: ApiSchema, summary: String)] = [
        (
            "X-Request-Id", .format(.key),
            "comes back, and stands in the log; one is made if there is none"
        ),
        (
            "Request-Timeout", .format(.seconds),
            "seconds after which the answer is 504, with what is known by then"
        ),
    ]

    /// Those of requests that ask for a change of configuration.
    static let changeHeaders: [(name: String, schema: ApiSchema, summary: String)] = [
        (
            "Idempotency-Key", .format(.key),
            "a request that comes again with this key gets the reply of the first"
        ),
        (
            "If-Match", ApiTag.schema,
            "the ETag of the configuration that the change is meant for"
        ),
    ]

    /// Checks headers and parameters against a route.
    ///
    /// - Returns: the values of the parameters.
    /// - Throws: the first fault.
    func check(
        _ route: ApiRoute,
        _ inPath: [String: String],
        _ request: Request
    ) throws(ApiFault) -> [String: String] {
        for (name, schema, _) in Self.requestHeaders
            + (route.effect == .read || route.effect == .bulk ? [] : Self.changeHeaders)
        {
            guard let field = HTTPField.Name(name), let text = request.headers[field],
                let fault = schema.fault(inText: text, at: name)
            else { continue }
            throw ApiFault(400, fault)
        }
        if route.isTagged, let tags = conditions.noneMatch,
            let fault = ApiTag.schema.fault(inText: tags, at: "If-None-Match")
        {
            throw ApiFault(400, fault)
        }
        var values = inPath
        for (name, value) in query {
            guard route.parameters.contains(where: { $0.name == name && !$0.isInPath }) else {
                let names = route.parameters.filter { !$0.isInPath }.map(\.name)
                var fault = ApiFault(
                    400,
                    "\(route.template) has no parameter \"\(name.prefix(64))\""
                )
                fault.expected = names
                throw fault
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw ApiFault(400, "\(name) is given twice")
            }
        }
        for parameter in route.parameters {
            guard let text = values[parameter.name] else { continue }
            if let fault = parameter.schema.fault(inText: text, at: parameter.name) {
                throw ApiFault(400, fault)
            }
        }
        return values
    }
}
