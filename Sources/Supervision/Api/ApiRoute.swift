internal import ControlProtocol
internal import HummingbirdCore

/// One thing that the API does: where, what it takes, what it gives.
///
/// Requests are led by it, and the document is made of it, so that neither can differ from the other.
struct ApiRoute: Sendable {
    /// What it means for the dataplane.
    enum Effect: Sendable {
        /// Nothing.
        case read
        /// Whoever only reads may not.
        case change
        /// That depends on the command, which says so itself.
        case command
        /// Whoever only reads may not; keys, conditions and deadlines mean nothing to it.
        case bulk
    }

    typealias Handler = @Sendable (ApiCall) async throws(ApiFault) -> ApiReply

    var method: String
    /// `/v1/interfaces/{name}`; `{+name}` at the end takes any number of segments.
    var template: String
    /// Unlike all others; generated clients call it so.
    var id: String
    var summary: String
    var effect: Effect
    var parameters: [ApiParameter] = []
    /// The form of its JSON body; nil: it takes none.
    var body: ApiSchema?
    /// What a body of lines consists of.
    var lines: ApiSchema?
    /// What it gives, by media type.
    var result: [(type: String, schema: ApiSchema)]
    var status = 200
    /// Further statuses that are no problem: 304, and 503 of health.
    var otherResults: [Int] = []
    var links: [ApiLink] = []
    /// Whether what it gives is configuration, which has a tag.
    var isTagged = false
    /// Whether the document has it.
    var isListed = true
    /// Whether it is asked for at every key, or again and again, so that an event each is not worth it.
    var isQuiet = false
    let handle: Handler

    init(
        _ method: String,
        _ template: String,
        _ id: String,
        _ effect: Effect,
        _ summary: String,
        result: ApiSchema = .record,
        handle: @escaping Handler
    ) {
        self.method = method
        self.template = template
        self.id = id
        self.effect = effect
        self.summary = summary
        self.result = [("application/json", result)]
        self.handle = handle
    }

    /// The same with something else about it.
    func with(_ change: (inout ApiRoute) -> Void) -> ApiRoute {
        var route = self
        change(&route)
        return route
    }

    var segments: [Substring] { template.dropFirst().split(separator: "/") }

    /// What a path's segments are for this template; nil: it is another path.
    func match(_ path: [String]) -> [String: String]? {
        var values: [String: String] = [:]
        let segments = segments
        for (index, segment) in segments.enumerated() {
            if segment.hasPrefix("{+") { return path.count > index ? values : nil }
            guard index < path.count else { return nil }
            if segment.hasPrefix("{") {
                values[String(segment.dropFirst().dropLast())] = path[index]
            } else if segment != path[index] {
                return nil
            }
        }
        return path.count == segments.count ? values : nil
    }

    /// Fixed words win over names.
    var weight: Int { segments.reduce(0) { $0 * 2 + ($1.hasPrefix("{") ? 0 : 1) } }
}

/// A parameter of a path or a query.
struct ApiParameter: Sendable {
    var name: String
    var isInPath: Bool
    var schema: ApiSchema
    var summary: String

    static func path(_ name: String, _ schema: ApiSchema, _ summary: String) -> ApiParameter {
        ApiParameter(name: name, isInPath: true, schema: schema, summary: summary)
    }

    static func query(_ name: String, _ schema: ApiSchema, _ summary: String) -> ApiParameter {
        ApiParameter(name: name, isInPath: false, schema: schema, summary: summary)
    }
}

/// Where an answer leads.
struct ApiLink: Sendable {
    var name: String
    /// The other route's `id`.
    var operation: String
    /// Its parameters as OpenAPI's runtime expressions, such as `$request.path.name`.
    var parameters: [String: String]
}

/// A request that has been led to its route.
struct ApiCall: Sendable {
    let dataplane: any Dataplane
    var id: String
    var role: ApiRole
    /// All segments of the path, decoded.
    var path: [String]
    /// The parameters of path and query.
    var values: [String: String]
    var body: [UInt8]
    /// The body as JSON, if its route takes that.
    var json: JSONValue = .null
    /// The body as it comes in, if its route takes lines.
    var incoming: RequestBody?
    var accept = ""
    /// The id of the last event that a client has seen.
    var lastEvent: String?
    /// The client's process and user.
    var peer: ApiPeer

    var runner: CommandRunner { CommandRunner(dataplane: dataplane) }

    func value(_ name: String) -> String { values[name] ?? "" }

    func integer(_ name: String) -> Int? { values[name].flatMap { Int($0) } }

    /// Makes a change, and says its number.
    func change(_ change: ConfigurationChange) async throws(ApiFault) -> ApiReply {
        do throws(ChangeError) {
            return ApiReply(change: try await dataplane.apply(change))
        } catch { throw refusal(error) }
    }

    /// A change that was refused: because of its condition, or for what it is.
    func refusal(_ error: ChangeError) -> ApiFault {
        ChangeRequest.current?.notes.isStale == true
            ? ApiFault(412, "precondition", error.description)
            : ApiFault(409, "refused", error.description)
    }
}
