internal import ControlProtocol
internal import Foundation
internal import HummingbirdCore
internal import NIOCore
internal import Routing

/// `POST /v1/ip/routes:bulk`: routes by lines, each of which gets a line of answer, in their order.
///
/// Lines that follow each other and do the same become one change. A line that is refused stops none of the others.
struct RouteLines {
    /// What becomes of a line.
    private struct Answer: Encodable {
        var line: Int
        var ok: Bool
        var change: UInt64?
        var message: String?
    }

    /// What a line asks for.
    private struct Order: Equatable {
        enum Verb: String { case add, replace, remove }

        var verb: Verb
        var target: RouteTarget?
    }

    private let call: ApiCall
    private let writer: ApiWriter
    private var line = 0
    private var order: Order?
    private var prefixes: [IPv4Prefix] = []
    private var lines: [Int] = []
    /// Lines that need no change to be answered, kept in their order among the others.
    private var answers: [Answer] = []

    /// The most lines of one change.
    private static let maximumBatch = 4096
    /// The most bytes of a line.
    private static let maximumLineBytes = 65_536

    static let schema = ApiSchema.object(
        [
            ApiField(
                "op",
                .choice(["add", "replace", "remove"]),
                required: true,
                "adds paths, or puts them in the place of others, or takes all away"
            ),
            ApiField("prefix", .format(.prefix), required: true, "the destination"),
        ] + ApiStaticRoute.target,
        isOpen: false
    )

    static let answer = ApiSchema.object(
        [
            ApiField("line", .integer(1...Int.max), required: true, "which line is meant, from 1"),
            ApiField("ok", .boolean, required: true, "whether it is done"),
            ApiField("change", .integer(0...Int.max), "the number of the change that did it"),
            ApiField("message", .text(0...100_000), "why it is not"),
        ],
        isOpen: true
    )

    init(call: ApiCall, writer: ApiWriter) {
        self.call = call
        self.writer = writer
    }

    /// Takes lines until the body ends.
    ///
    /// - Throws: if the client is gone; what it was told of, and the batch on its way, is done.
    consuming func run(_ body: RequestBody) async throws {
        var rest: [UInt8] = []
        for try await part in body {
            var bytes = rest + Array(part.readableBytesView)
            var start = 0
            while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
                try await take(bytes[start..<end])
                start = end + 1
            }
            bytes.removeFirst(start)
            rest = bytes
            guard rest.count <= Self.maximumLineBytes else {
                line += 1
                try await refuse(
                    "a line has more than \(Self.maximumLineBytes) bytes; nothing behind it is read"
                )
                return try await flush()
            }
        }
        if !rest.isEmpty { try await take(rest[...]) }
        try await flush()
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) async throws {
        line += 1
        guard !bytes.allSatisfy({ $0 == 32 || $0 == 13 || $0 == 9 }) else { return }
        guard let json = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else {
            return try await refuse("this is no JSON")
        }
        if let fault = Self.schema.fault(in: json, at: "the line") {
            return try await refuse(fault)
        }
        guard let verb = json["op"].string.flatMap({ Order.Verb(rawValue: $0) }),
            let prefix = json["prefix"].string.flatMap({ IPv4Prefix($0) })
        else { return try await refuse("op or prefix is none") }
        let target: RouteTarget?
        do throws(ApiFault) {
            target = try ApiStaticRoute.target(of: json)
        } catch { return try await refuse(error.message) }
        if target == nil, verb != .remove {
            return try await refuse("the line has neither paths nor an action")
        }
        let next = Order(verb: verb, target: target)
        if next != order || prefixes.count >= Self.maximumBatch { try await flush() }
        order = next
        prefixes.append(prefix)
        lines.append(line)
    }

    private mutating func refuse(_ message: String) async throws {
        try await flush()
        answers.append(Answer(line: line, ok: false, message: message))
        if answers.count >= 256 { try await tell() }
    }

    private mutating func tell() async throws {
        let told = answers
        answers = []
        try await writer.write(lines: told)
    }

    /// Makes the change of the lines so far and answers them.
    private mutating func flush() async throws {
        if let order, !prefixes.isEmpty {
            try await make(order, 0..<prefixes.count)
        }
        order = nil
        prefixes = []
        lines = []
        try await tell()
    }

    /// Has `api trace` keep lines that are done, as one request.
    private func trace(_ order: Order, _ prefixes: [IPv4Prefix]) {
        let trace = call.dataplane.api.trace
        guard trace.isOn else { return }
        let lines = prefixes.map { prefix in
            let route = ApiStaticRoute(prefix, order.target ?? .drop)
            let line = Line(
                op: order.verb.rawValue,
                prefix: route.prefix,
                action: order.target == nil ? nil : route.action,
                paths: route.paths.isEmpty ? nil : route.paths
            )
            return String(decoding: ApiReply.encode(line), as: UTF8.self)
        }
        trace.add(
            TracedRequest(
                unixSeconds: EventFeed.now(),
                requestId: call.id,
                uid: call.peer.uid,
                method: "POST",
                path: "/v1/ip/routes:bulk",
                body: lines.joined(separator: "\n"),
                status: 200
            )
        )
    }

    /// A line as it comes.
    private struct Line: Encodable {
        var op: String
        var prefix: String
        var action: String?
        var paths: [ApiStaticRoute.Path]?
    }

    /// Makes the change of some lines; if it is refused, of each half by itself.
    private mutating func make(_ order: Order, _ range: Range<Int>) async throws {
        let some = Array(prefixes[range])
        let change: ConfigurationChange =
            switch order.verb {
            case .add: .addRoutes(some, order.target ?? .drop, replace: false)
            case .replace: .addRoutes(some, order.target ?? .drop, replace: true)
            case .remove: .removeRoutes(some, order.target)
            }
        do throws(ChangeError) {
            let number = try await call.dataplane.apply(change)
            answers += range.map { Answer(line: lines[$0], ok: true, change: number) }
            trace(order, some)
        } catch {
            guard range.count > 1 else {
                answers.append(
                    Answer(line: lines[range.lowerBound], ok: false, message: error.description)
                )
                return
            }
            let middle = range.lowerBound + range.count / 2
            try await make(order, range.lowerBound..<middle)
            try await make(order, middle..<range.upperBound)
        }
    }
}
