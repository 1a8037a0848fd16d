/// Every route of the control socket.
enum ApiTable {
    /// In the order of the document.
    static let routes: [ApiRoute] =
        interfaceRoutes + routeRoutes + neighbourRoutes + eventRoutes + commandRoutes + watchRoutes
        + showRoutes + [anyShow]

    /// Where a request goes.
    enum Finding: Sendable {
        case route(ApiRoute, [String: String])
        /// There is such a path, with other methods.
        case otherMethod([String])
        case nothing
    }

    /// Routes by their first two segments, so that a request is compared with few.
    private static let index = Dictionary(grouping: routes) { key($0.segments.map(String.init)) }

    private static func key(_ segments: [String]) -> String {
        segments.first == "metrics" ? "metrics" : segments.prefix(2).joined(separator: "/")
    }

    static func find(_ method: String, _ path: [String]) -> Finding {
        let wanted = method == "HEAD" ? "GET" : method
        var methods: [String] = []
        var best: (route: ApiRoute, values: [String: String])?
        for route in index[key(path)] ?? [] {
            guard let values = route.match(path) else { continue }
            if !methods.contains(route.method) { methods.append(route.method) }
            guard route.method == wanted else { continue }
            if let best, best.route.weight >= route.weight { continue }
            best = (route, values)
        }
        if let best { return .route(best.route, best.values) }
        if methods.contains("GET") { methods.append("HEAD") }
        return methods.isEmpty ? .nothing : .otherMethod(methods)
    }
}
