internal import ControlProtocol
internal import Foundation

/// An outcome in the form of `CommandReply`.
private struct OutcomeReply: Encodable {
    var outcome: CommandOutcome
    var isJSON: Bool

    private enum CodingKeys: CodingKey { case ok, text, result, shell }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(true, forKey: .ok)
        if let command = outcome.result as? ShellCommand {
            try container.encode(command.shell, forKey: .shell)
            try container.encode(command.text, forKey: .text)
        } else if isJSON, let result = outcome.result {
            try result.encode(to: container.superEncoder(forKey: .result))
        } else {
            try container.encode(outcome.text, forKey: .text)
        }
    }
}

extension ApiCall {
    fileprivate func command() async throws(ApiFault) -> ApiReply {
        var runner = runner
        runner.isReadOnly = role != .admin
        let outcome = await runner.run(
            line: json["command"].string ?? "",
            scope: json["scope"].wholeNumber
        )
        if let failure = outcome.failure {
            throw ChangeRequest.current?.notes.isStale == true
                ? ApiFault(412, "precondition", failure.message) : ApiFault(failure)
        }
        let isJSON = json["json"].boolean ?? false
        return ApiReply(encoding: OutcomeReply(outcome: outcome, isJSON: isJSON))
    }
}

extension ApiTable {
    private static let forms = CommandTable.commands.map {
        "- `\($0.syntax.summary)`: \($0.summary)"
    }
    .joined(separator: "\n")

    private static let reply = ApiSchema.object(
        [
            ApiField("ok", .boolean, required: true, "true"),
            ApiField("text", .text(0...1_000_000_000), "what it says, for people"),
            ApiField("result", .record, "what it says, if `json` was true"),
            ApiField(
                "shell",
                .list(.text(0...65_536), 0...1024),
                "what the client itself is to do"
            ),
        ],
        isOpen: true
    )

    static let commandRoutes: [ApiRoute] = [
        ApiRoute(
            "POST",
            "/v1/cli",
            "runCommand",
            .command,
            "Runs a command line. These there are, and those of plugins:\n\n\(forms)",
            result: reply
        ) {
            call throws(ApiFault) in try await call.command()
        }.with {
            $0.body = .object(
                [
                    ApiField("command", .text(0...65_536), required: true, "one line"),
                    ApiField("json", .boolean, "whether the answer has `result`, not `text`"),
                    ApiField(
                        "scope",
                        .integer(0...63),
                        "the NUMA node of commands that take one and name none"
                    ),
                ],
                isOpen: true
            )
        },
        ApiRoute(
            "POST",
            "/v1/complete",
            "complete",
            .read,
            "Says what may stand at the end of a command line."
        ) {
            call throws(ApiFault) in
            ApiReply(encoding: await call.runner.complete(line: call.json["line"].string ?? ""))
        }.with {
            $0.body = .object(
                [ApiField("line", .text(0...65_536), required: true, "the line up to the cursor")],
                isOpen: true
            )
            $0.isQuiet = true
        },
        ApiRoute(
            "GET",
            "/v1/session",
            "getSession",
            .read,
            "Says what interactive clients are to know."
        ) {
            call throws(ApiFault) in ApiReply(encoding: call.dataplane.sessionSettings)
        }.with { $0.isQuiet = true },
        ApiRoute("GET", "/v1/openapi.json", "getDocument", .read, "This document.") {
            _ throws(ApiFault) in ApiReply(200, OpenApiDocument.bytes)
        },
    ]
}
