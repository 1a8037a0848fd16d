internal import ControlProtocol
internal import Routing

/// A static route.
struct ApiStaticRoute: Encodable, Sendable {
    struct Path: Encodable, Sendable {
        var nextHop: String?
        var interface: String?
        var weight: Int
    }

    var prefix: String
    /// What becomes of packets, if there are no paths.
    var action: String?
    var paths: [Path]

    init(_ prefix: IPv4Prefix, _ target: RouteTarget) {
        self.prefix = prefix.description
        paths = []
        if case .paths(let all) = target {
            paths = all.map {
                Path(nextHop: $0.nextHop?.description, interface: $0.interface, weight: $0.weight)
            }
        } else {
            action = target.description
        }
    }

    static let actions = ["drop", "unreachable", "prohibited", "local"]

    private static let path = ApiSchema.object(
        [
            ApiField("nextHop", .format(.address), "the next router"),
            ApiField("interface", .text(1...64), "the interface to leave by"),
            ApiField("weight", .integer(1...255), "the share of flows; 1 unless said"),
        ],
        isOpen: false
    )

    /// Where a route leads, as requests say it.
    static let target = [
        ApiField("action", .choice(actions), "what becomes of packets; without paths"),
        ApiField(
            "paths",
            .list(path, 1...64),
            "where they go; each has a next hop, an interface or both"
        ),
    ]

    static let schema = ApiSchema.object(
        [
            ApiField("prefix", .format(.prefix), required: true, "the destination"),
            ApiField("action", .choice(actions), "what becomes of packets"),
            ApiField("paths", .list(.record, 0...64), required: true, "where they go"),
        ],
        isOpen: true
    )

    /// Reads a target.
    ///
    /// - Returns: nil: neither paths nor an action is given.
    /// - Throws: the fault, for status 409: each field fits, but they do not fit together.
    static func target(of json: JSONValue) throws(ApiFault) -> RouteTarget? {
        let action = json["action"].string
        var paths: [RoutePath] = []
        for path in json["paths"].elements {
            let nextHop = path["nextHop"].string.flatMap { IPv4Address($0) }
            let interface = path["interface"].string
            guard nextHop != nil || interface != nil else {
                throw ApiFault(409, "refused", "a path has neither nextHop nor interface")
            }
            paths.append(
                RoutePath(
                    nextHop: nextHop,
                    interface: interface,
                    weight: path["weight"].wholeNumber ?? 1
                )
            )
        }
        if action != nil, !paths.isEmpty {
            throw ApiFault(409, "refused", "a route has paths or an action, not both")
        }
        switch action {
        case "drop": return .drop
        case "unreachable": return .unreachable
        case "prohibited": return .prohibited
        case "local": return .local
        default: return paths.isEmpty ? nil : .paths(paths)
        }
    }
}

extension ApiCall {
    fileprivate func prefix() throws(ApiFault) -> IPv4Prefix {
        guard let prefix = IPv4Prefix(value("prefix")) else {
            throw ApiFault(400, "\(value("prefix")) is no prefix")
        }
        return prefix
    }

    /// A page of routes, or all of them as lines.
    fileprivate func listRoutes() async -> ApiReply {
        let routing = await dataplane.view().routing
        let after = values["after"].flatMap { IPv4Prefix($0) }
        if accept.contains("application/x-ndjson") {
            return ApiReply(type: ApiReply.lines) { writer in
                let prefixes = routing.staticPrefixes(after: after)
                for start in stride(from: 0, to: prefixes.count, by: 1024) {
                    let slice = prefixes[start..<min(start + 1024, prefixes.count)]
                    try await writer.write(
                        lines: slice.compactMap { prefix in
                            routing.staticRoute(prefix).map { ApiStaticRoute(prefix, $0) }
                        }
                    )
                }
            }
        }
        let limit = integer("limit") ?? 1000
        let prefixes = routing.staticPrefixes(after: after)
        let page = prefixes.prefix(limit)
        return ApiReply(
            encoding: RoutePage(
                total: routing.staticRouteCount,
                routes: page.compactMap { prefix in
                    routing.staticRoute(prefix).map { ApiStaticRoute(prefix, $0) }
                },
                next: prefixes.count > limit ? page.last?.description : nil
            )
        )
    }

    fileprivate func getRoute() async throws(ApiFault) -> ApiReply {
        let prefix = try prefix()
        guard let target = await dataplane.view().routing.staticRoute(prefix) else {
            throw ApiFault(404, "\(prefix) has no static route")
        }
        return ApiReply(encoding: ApiStaticRoute(prefix, target))
    }

    fileprivate func putRoute() async throws(ApiFault) -> ApiReply {
        guard let target = try ApiStaticRoute.target(of: json) else {
            throw ApiFault(409, "refused", "the body has neither paths nor an action")
        }
        return try await change(.addRoutes([try prefix()], target, replace: true))
    }

    fileprivate func deleteRoute() async throws(ApiFault) -> ApiReply {
        let prefix = try prefix()
        guard await dataplane.view().routing.staticRoute(prefix) != nil else {
            throw ApiFault(404, "\(prefix) has no static route")
        }
        return try await change(.removeRoutes([prefix], nil))
    }
}

/// Some of the static routes.
private struct RoutePage: Encodable {
    var total: Int
    var routes: [ApiStaticRoute]
    /// For `after` of the next page.
    var next: String?

    static let schema = ApiSchema.object(
        [
            ApiField("total", .integer(0...Int.max), required: true, "static routes in all"),
            ApiField(
                "routes",
                .list(.named("Route"), 0...10_000),
                required: true,
                "in the order of their prefixes"
            ),
            ApiField(
                "next",
                .format(.prefix),
                "`after` of the next page; absent: this is the last"
            ),
        ],
        isOpen: true
    )
}

extension ApiTable {
    private static let prefix = ApiParameter.path(
        "prefix",
        .format(.prefix),
        "the destination; the slash is %2F"
    )
    private static let samePrefix = ["prefix": "$request.path.prefix"]

    static let routeRoutes: [ApiRoute] = [
        ApiRoute(
            "GET",
            "/v1/ip/routes",
            "listRoutes",
            .read,
            "Lists static routes: a page, or with Accept: application/x-ndjson all behind `after`, one a line.",
            result: RoutePage.schema
        ) {
            call throws(ApiFault) in await call.listRoutes()
        }.with {
            $0.parameters = [
                .query("after", .format(.prefix), "only those behind this prefix"),
                .query("limit", .integer(1...10_000), "the most of a page; 1000 unless said"),
            ]
            $0.result.append(("application/x-ndjson", .named("Route")))
            $0.isTagged = true
        },
        ApiRoute(
            "GET",
            "/v1/ip/routes/{prefix}",
            "getRoute",
            .read,
            "Gives the static route of exactly this prefix.",
            result: .named("Route")
        ) {
            call throws(ApiFault) in try await call.getRoute()
        }.with {
            $0.parameters = [prefix]
            $0.isTagged = true
        },
        ApiRoute(
            "PUT",
            "/v1/ip/routes/{prefix}",
            "putRoute",
            .change,
            "Sets where a prefix leads, whatever it led to before.",
            result: changeSchema
        ) {
            call throws(ApiFault) in try await call.putRoute()
        }.with {
            $0.parameters = [prefix]
            $0.body = .object(ApiStaticRoute.target, isOpen: false)
            $0.links = [
                ApiLink(name: "read", operation: "getRoute", parameters: samePrefix),
                ApiLink(name: "remove", operation: "deleteRoute", parameters: samePrefix),
            ]
        },
        ApiRoute(
            "DELETE",
            "/v1/ip/routes/{prefix}",
            "deleteRoute",
            .change,
            "Takes the static route of a prefix away.",
            result: changeSchema
        ) {
            call throws(ApiFault) in try await call.deleteRoute()
        }.with {
            $0.parameters = [prefix]
            $0.links = [ApiLink(name: "read", operation: "getRoute", parameters: samePrefix)]
        },
        ApiRoute(
            "POST",
            "/v1/ip/routes:bulk",
            "changeRoutes",
            .bulk,
            "Changes routes by lines of JSON, and answers each with a line; read while you write.",
            result: .record
        ) {
            call throws(ApiFault) in
            guard let incoming = call.incoming else { throw ApiFault(400, "there is no body") }
            return ApiReply(type: ApiReply.lines) { writer in
                try await RouteLines(call: call, writer: writer).run(incoming)
            }
        }.with {
            $0.lines = RouteLines.schema
            $0.result = [("application/x-ndjson", RouteLines.answer)]
        },
    ]
}
