internal import ControlProtocol

/// The ways of a `show` command's form as paths: words and arguments become segments, what may stand in any order
/// becomes parameters of the query.
struct ShowPath: Sendable {
    /// A segment.
    enum Segment: Sendable {
        case word(String)
        /// What may stand here has one of these types.
        case value(key: String, [ArgumentType])
    }

    var segments: [Segment] = []
    /// Options of the query; without a type it is a word that is there or not.
    var options: [(name: String, type: ArgumentType?, help: String)] = []

    /// All ways of a form, shortest first.
    static func ways(of syntax: Syntax) -> [ShowPath] {
        switch syntax {
        case .keyword(let word, _): return [ShowPath(segments: [.word(word)])]
        case .argument(let key, let type, _):
            return [ShowPath(segments: [.value(key: key, [type])])]
        case .sequence(let parts):
            return parts.reduce([ShowPath()]) { ways, part in
                ways.flatMap { way in
                    Self.ways(of: part).map {
                        ShowPath(
                            segments: way.segments + $0.segments,
                            options: way.options + $0.options
                        )
                    }
                }
            }
        case .choice(let parts): return parts.flatMap { ways(of: $0) }
        case .optional(let part): return [ShowPath()] + ways(of: part)
        case .repeated(let part): return ways(of: part)
        case .options(let parts):
            return [ShowPath(options: parts.flatMap { option($0) })]
        }
    }

    private static func option(
        _ syntax: Syntax
    ) -> [(name: String, type: ArgumentType?, help: String)] {
        let parts = syntax.parts
        guard case .keyword(let word, let help)? = parts.first else { return [] }
        if parts.count == 2, case .argument(_, let type, _) = parts[1] {
            return [(word, type, help)]
        }
        return parts.count == 1 ? [(word, nil, help)] : []
    }

    /// The path behind `/v1/`, such as `show/interface/{interface}`.
    var template: String {
        segments.map { segment in
            switch segment {
            case .word(let word): word
            case .value(let key, _): "{\(key)}"
            }
        }.joined(separator: "/")
    }

    /// The same for ways that no path tells from each other.
    var shape: String {
        template.replacing(/{[^}]*}/, with: "{}")
    }

    /// This way and another of the same shape as one.
    func merged(with other: ShowPath) -> ShowPath {
        var way = self
        way.segments = zip(segments, other.segments).map { mine, its in
            guard case .value(let key, let types) = mine, case .value(let second, let more) = its,
                key != second
            else { return mine }
            return .value(key: "\(key)Or\(second.capitalizedFirst)", types + more)
        }
        let known = Set(options.map(\.name))
        way.options += other.options.filter { !known.contains($0.name) }
        return way
    }

    /// Unlike that of any other way.
    var id: String {
        segments.map { segment in
            switch segment {
            case .word(let word): word.split(separator: "-").map(\.capitalizedFirst).joined()
            case .value(let key, _): "By" + key.capitalizedFirst
            }
        }.joined().lowercasedFirst
    }

    var parameters: [ApiParameter] {
        segments.compactMap { segment in
            guard case .value(let key, let types) = segment else { return nil }
            let schemas = types.map(\.schema)
            return .path(
                key,
                schemas.count == 1 ? schemas[0] : .either(schemas),
                types.map(\.label).joined(separator: " or ")
            )
        } + options.map { .query($0.name, $0.type?.schema ?? .boolean, $0.help) }
    }
}

extension ArgumentType {
    /// As the API takes it.
    var schema: ApiSchema {
        switch self {
        case .address: .format(.address)
        case .prefix, .interfaceAddress: .format(.prefix)
        case .mac: .format(.mac)
        case .integer(let range): .integer(range)
        case .count: .integer(0...1_000_000_000_000)
        case .numaNode: .integer(0...63)
        case .path: .format(.path)
        case .interface, .word, .rest, .field, .fieldPair, .header, .sizes, .integers, .bytes:
            .text(1...200)
        }
    }
}

extension StringProtocol {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}

extension ApiCall {
    /// Runs the command of a path and its options.
    fileprivate func show(_ way: ShowPath) async throws(ApiFault) -> ApiReply {
        let view = await dataplane.view()
        for segment in way.segments {
            guard case .value(let key, let types) = segment, types == [.interface],
                !view.interfaces.contains(where: { $0.name == value(key) })
            else { continue }
            throw .noInterface(value(key), view.interfaces.map(\.name))
        }
        var words = Array(path.dropFirst())
        for (name, type, _) in way.options {
            guard let value = values[name] else { continue }
            if type == nil {
                if value == "true" { words.append(name) }
            } else {
                words += [name, value]
            }
        }
        return try await show(words, isKnownPath: true)
    }

    fileprivate func show(_ words: [String], isKnownPath: Bool) async throws(ApiFault) -> ApiReply {
        let outcome = await runner.run(words: words)
        guard let json = outcome.json else {
            var fault = ApiFault(outcome.failure ?? .refused("it says nothing"))
            // The words are those of a command: what does not fit is a name of something that is not there.
            if isKnownPath, fault.status == 400 { fault.status = 404 }
            throw fault
        }
        return ApiReply(200, json)
    }
}

extension ApiTable {
    /// The most words of a `GET /v1/show/...`.
    static let maximumWords = 64

    /// The ways of all `show` commands that the supervisor answers.
    static let showWays: [ShowPath] = {
        let shows = CommandTable.commands.filter {
            $0.name.hasPrefix("show") && !["show macro", "show terminal"].contains($0.name)
        }
        var ways: [ShowPath] = []
        for way in shows.flatMap({ ShowPath.ways(of: $0.syntax) }) {
            if let known = ways.firstIndex(where: { $0.shape == way.shape }) {
                ways[known] = ways[known].merged(with: way)
            } else {
                ways.append(way)
            }
        }
        return ways
    }()

    static let showRoutes: [ApiRoute] = {
        showWays.map { way in
            let words = way.template.split(separator: "/").joined(separator: " ")
            return ApiRoute(
                "GET",
                "/v1/\(way.template)",
                way.id,
                .read,
                "The result of `\(words)`."
            ) {
                call throws(ApiFault) in try await call.show(way)
            }.with { $0.parameters = way.parameters }
        }
    }()

    /// Whatever words a command has, in any spelling that a line may have; commands of plugins too.
    static let anyShow = ApiRoute(
        "GET",
        "/v1/show/{+words}",
        "showAnything",
        .read,
        "The result of `show ...`."
    ) {
        call throws(ApiFault) in
        guard call.path.count - 1 <= maximumWords else {
            throw ApiFault(400, "the path has more than \(maximumWords) words")
        }
        return try await call.show(Array(call.path.dropFirst()), isKnownPath: false)
    }.with { $0.isListed = false }
}
