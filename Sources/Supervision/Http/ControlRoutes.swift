internal import ControlProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// What each address of the control socket answers.
struct ControlRoutes: Sendable {
    let runner: CommandRunner

    /// The most bytes of a request's body.
    static let maximumBodyBytes = 1 << 20
    /// The most words of a `GET /v1/show/...`.
    static let maximumWords = 64

    /// Answers a request, and records that.
    func answer(
        _ name: String,
        _ body: () async throws -> Response
    ) async throws -> Response {
        let events = runner.dataplane.events
        let start = events.now
        let response = try await body()
        events.request(name, since: start, status: response.status.code)
        return response
    }

    /// Answers `POST /v1/cli`.
    func command(_ request: Request) async throws -> Response {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.maximumBodyBytes)
        } catch {
            return try refuse(
                .contentTooLarge,
                "the body has more than \(Self.maximumBodyBytes) bytes"
            )
        }
        let asked: CommandRequest
        do {
            asked = try JSONDecoder().decode(
                CommandRequest.self,
                from: Data(body.readableBytesView)
            )
        } catch {
            return try refuse(
                .badRequest,
                "the body is not {\"command\": \"...\", \"json\": true|false}"
            )
        }
        let outcome = await runner.run(line: asked.command, scope: asked.scope)
        return try reply(
            outcome.status,
            OutcomeReply(outcome: outcome, isJSON: asked.json ?? false)
        )
    }

    /// Answers `POST /v1/complete`.
    func complete(_ request: Request) async throws -> Response {
        guard let body = try? await request.body.collect(upTo: Self.maximumBodyBytes),
            let asked = try? JSONDecoder().decode(
                CompletionRequest.self,
                from: Data(body.readableBytesView)
            )
        else { return try refuse(.badRequest, "the body is not {\"line\": \"...\"}") }
        return try reply(.ok, await runner.complete(line: asked.line))
    }

    /// Answers `GET /v1/session`.
    func session() throws -> Response { try reply(.ok, runner.dataplane.sessionSettings) }

    /// `GET /v1/show/WORD/WORD...`: the result itself.
    func show(_ request: Request) async throws -> Response {
        let parts = request.uri.path.split(separator: "/").dropFirst(1)
        let words = parts.compactMap { String($0).removingPercentEncoding }
        guard words.count == parts.count, words.count <= Self.maximumWords else {
            return try refuse(.badRequest, "the path is not one of words")
        }
        let outcome = await runner.run(words: words)
        guard let json = outcome.json else {
            return try reply(outcome.status, OutcomeReply(outcome: outcome, isJSON: true))
        }
        return response(.ok, json)
    }

    /// Any other address.
    func unknown() throws -> Response {
        try refuse(
            .notFound,
            "no such address",
            expected: [
                "POST /v1/cli", "POST /v1/complete", "GET /v1/show/...", "GET /v1/session",
                "GET /v1/health", "GET /metrics",
            ]
        )
    }

    private func refuse(
        _ status: HTTPResponse.Status,
        _ message: String,
        expected: [String] = []
    ) throws -> Response {
        try reply(
            status,
            CommandReply<JSONValue>(
                ok: false,
                error: CommandFault(kind: "request", message: message, expected: expected)
            )
        )
    }

    private func reply(_ status: HTTPResponse.Status, _ body: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return response(status, Array(try encoder.encode(body)))
    }

    private func response(_ status: HTTPResponse.Status, _ json: [UInt8]) -> Response {
        .inParts(status, type: "application/json; charset=utf-8", json)
    }
}

/// An outcome in the form of `CommandReply`.
private struct OutcomeReply: Encodable {
    var outcome: CommandOutcome
    var isJSON: Bool

    private enum CodingKeys: CodingKey { case ok, text, result, error, shell }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(!outcome.isError, forKey: .ok)
        if let failure = outcome.failure {
            try container.encode(CommandFault(failure), forKey: .error)
        } else if let command = outcome.result as? ShellCommand {
            try container.encode(command.shell, forKey: .shell)
            try container.encode(command.text, forKey: .text)
        } else if isJSON, let result = outcome.result {
            try result.encode(to: container.superEncoder(forKey: .result))
        } else {
            try container.encode(outcome.text, forKey: .text)
        }
    }
}

extension CommandOutcome {
    /// 400 for what is no command, 409 for what cannot be done.
    fileprivate var status: HTTPResponse.Status {
        switch failure?.kind {
        case nil: .ok
        case .syntax: .badRequest
        case .refused: .conflict
        }
    }
}
