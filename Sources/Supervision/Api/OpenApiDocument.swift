internal import ControlProtocol

/// The OpenAPI 3.1 document of the control socket, made of the routes that requests are led by.
enum OpenApiDocument {
    static let bytes = ApiReply.encode(document)

    static let document: JSONValue = {
        var paths: [String: JSONValue] = [:]
        for route in ApiTable.routes where route.isListed {
            paths[route.template, default: [:]] = (paths[route.template] ?? [:])
                .adding(route.method.lowercased(), operation(route))
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Causeway", "version": .string(Build.version),
                "description":
                    "The control API of a dataplane: HTTP/1.1 with JSON on a unix socket. See docs/api.md.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": "http://causeway", "description": "over the socket api.sock"]],
            "paths": .object(paths),
            "components": [
                "schemas": [
                    "Interface": ApiInterface.schema.json, "Route": ApiStaticRoute.schema.json,
                    "Problem": problem.json,
                ]
            ],
        ]
    }()

    private static let problem = ApiSchema.object(
        [
            ApiField("type", .text(1...200), required: true, "about:blank: the title says all"),
            ApiField("title", .text(1...200), required: true, "what the status means"),
            ApiField("status", .integer(400...599), required: true, "the status of the answer"),
            ApiField("detail", .text(0...100_000), required: true, "what is wrong, and what to do"),
            ApiField("requestId", .text(1...128), required: true, "the request's id"),
            ApiField("ok", .boolean, required: true, "false"),
            ApiField(
                "change",
                .integer(0...Int.max),
                "the number of the last change, where it helps"
            ),
            ApiField(
                "error",
                .object(
                    [
                        ApiField(
                            "kind",
                            .text(1...64),
                            required: true,
                            "syntax, refused, forbidden, request, precondition, key, busy or deadline"
                        ),
                        ApiField("message", .text(0...100_000), required: true, "as detail"),
                        ApiField(
                            "expected",
                            .list(.text(0...100_000), 0...100_000),
                            required: true,
                            "what could have stood there"
                        ),
                        ApiField(
                            "position",
                            .integer(0...Int.max),
                            "where in the command, in bytes"
                        ),
                    ],
                    isOpen: true
                ),
                required: true,
                "the same for programs"
            ),
        ],
        isOpen: true
    )

    private static func operation(_ route: ApiRoute) -> JSONValue {
        var operation: [String: JSONValue] = [
            "operationId": .string(route.id), "summary": .string(summary(route.summary)),
            "description": .string(route.summary), "responses": responses(route),
        ]
        var parameters = route.parameters.map { parameter in
            parameter.isInPath
                ? member(
                    parameter.name,
                    "path",
                    parameter.schema,
                    parameter.summary,
                    isRequired: true
                )
                : member(parameter.name, "query", parameter.schema, parameter.summary)
        }
        parameters += ApiRequest.requestHeaders.map {
            member($0.name, "header", $0.schema, $0.summary)
        }
        if route.effect == .change || route.effect == .command {
            parameters += ApiRequest.changeHeaders.map {
                member($0.name, "header", $0.schema, $0.summary)
            }
        }
        if route.isTagged {
            parameters.append(
                member(
                    "If-None-Match",
                    "header",
                    ApiTag.schema,
                    "the ETag that you know; 304 if it is still so"
                )
            )
        }
        operation["parameters"] = .array(parameters)
        if let body = route.body {
            operation["requestBody"] = [
                "required": true, "content": ["application/json": ["schema": body.json]],
            ]
        }
        if let lines = route.lines {
            operation["requestBody"] = [
                "required": true, "description": "the elements, one a line",
                "content": [
                    "application/x-ndjson": ["schema": ["type": "array", "items": lines.json]]
                ],
            ]
        }
        return .object(operation)
    }

    private static func summary(_ text: String) -> String {
        String(text.prefix { $0 != "\n" })
    }

    private static func member(
        _ name: String,
        _ place: String,
        _ schema: ApiSchema,
        _ summary: String,
        isRequired: Bool = false
    ) -> JSONValue {
        var member: [String: JSONValue] = [
            "name": .string(name), "in": .string(place), "schema": schema.json,
            "description": .string(summary),
        ]
        if isRequired { member["required"] = true }
        return .object(member)
    }

    private static func responses(_ route: ApiRoute) -> JSONValue {
        var content: [String: JSONValue] = [:]
        for (type, schema) in route.result {
            // A text of lines is no JSON value: its schema is that of a line, and stands beside it.
            let isJSON = type == "application/json"
            content[type] =
                isJSON
                ? ["schema": schema.json] : ["schema": ["type": "string"], "x-line": schema.json]
        }
        var good: [String: JSONValue] = [
            "description": "done", "content": .object(content), "headers": headers(route),
        ]
        if !route.links.isEmpty {
            var links: [String: JSONValue] = [:]
            for link in route.links {
                links[link.name] = [
                    "operationId": .string(link.operation),
                    "parameters": .object(link.parameters.mapValues { .string($0) }),
                ]
            }
            good["links"] = .object(links)
        }
        var responses: [String: JSONValue] = [
            "\(route.status)": .object(good),
            "default": [
                "description": "not done",
                "content": [
                    "application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]
                ],
            ],
        ]
        for status in route.otherResults {
            responses["\(status)"] = [
                "description": "the answer is no", "content": .object(content),
            ]
        }
        if route.isTagged { responses["304"] = ["description": "it is as you know it"] }
        return .object(responses)
    }

    private static func headers(_ route: ApiRoute) -> JSONValue {
        var headers: [String: JSONValue] = [
            "X-Request-Id": [
                "schema": ["type": "string"], "description": "the request's, or one that was made",
            ]
        ]
        if route.isTagged {
            headers["ETag"] = [
                "schema": ["type": "string"], "description": "for If-Match and If-None-Match",
            ]
        }
        return .object(headers)
    }
}
