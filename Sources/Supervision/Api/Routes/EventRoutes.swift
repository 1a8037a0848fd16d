internal import ControlProtocol

/// `GET /v1/events`: what happens, as it does.
struct EventStream: Sendable {
    let call: ApiCall
    let isServerSent: Bool

    /// How often a client is told that nothing happened, which also finds out that it is gone.
    static let aliveSeconds = 5
    /// How long a stream lasts unless its client says so.
    static let defaultSeconds = 3600

    /// Writes events until the time is up, the limit is reached or the client is gone.
    func run(_ writer: ApiWriter) async throws {
        let feed = call.dataplane.api.feed
        let asked = call.values["after"] ?? call.lastEvent
        let place = asked.flatMap { feed.place(of: $0) }
        var number = place ?? feed.last
        var left = call.integer("limit") ?? .max
        let end = ContinuousClock.now + .seconds(call.integer("seconds") ?? Self.defaultSeconds)
        try await write([await beginning(number)], writer)
        if asked != nil, place == nil { try await write([.lost(nil)], writer) }
        let (signals, watcher) = feed.watch()
        let ticking = Task {
            while !Task.isCancelled {
                let rest = end - .now
                // Woken early only by the end, after which nobody listens.
                try? await Task.sleep(for: min(.seconds(Self.aliveSeconds), max(.zero, rest)))
                feed.wake(watcher)
                if rest <= .zero { break }
            }
        }
        defer {
            ticking.cancel()
            feed.forget(watcher)
        }
        var lastWritten = ContinuousClock.now
        feed.wake(watcher)
        for await _ in signals {
            while left > 0 {
                let batch = feed.events(after: number, limit: min(256, left))
                if batch.lost > 0 { try await write([.lost(batch.lost)], writer) }
                number = batch.last
                guard !batch.events.isEmpty else { break }
                try await write(batch.events, writer)
                lastWritten = .now
                left -= batch.events.count
            }
            guard left > 0, ContinuousClock.now < end else { return }
            if ContinuousClock.now - lastWritten >= .seconds(Self.aliveSeconds - 1) {
                try await write([EventFeed.Event(type: "alive")], writer)
                lastWritten = .now
            }
        }
    }

    /// From where the stream goes on, and what the configuration is by then.
    private func beginning(_ number: UInt64) async -> EventFeed.Event {
        var event = EventFeed.Event(type: "begin")
        event.id = "\(call.dataplane.api.feed.run)-\(number)"
        event.unixSeconds = EventFeed.now()
        event.change = await call.dataplane.view().changeNumber
        return event
    }

    private func write(_ events: [EventFeed.Event], _ writer: ApiWriter) async throws {
        guard isServerSent else { return try await writer.write(lines: events) }
        var text: [UInt8] = []
        for event in events {
            if event.type == "alive" {
                text += Array(": alive\n\n".utf8)
                continue
            }
            let id = event.id.isEmpty ? "" : "id: \(event.id)\n"
            text += Array("\(id)event: \(event.type)\ndata: ".utf8)
            text += ApiReply.encode(event) + Array("\n\n".utf8)
        }
        try await writer.write(text)
    }
}

/// A process's place for a stream; given back when nothing holds it, be the stream begun or not.
private final class StreamPlace: Sendable {
    private let clients: ApiClients
    private let pid: Int32

    /// Takes a place; nil: the process has too many.
    init?(_ clients: ApiClients, _ pid: Int32) {
        guard clients.takeStream(pid) else { return nil }
        self.clients = clients
        self.pid = pid
    }

    deinit { clients.giveStream(pid) }
}

extension ApiTable {
    private static let event = ApiSchema.object(
        [
            ApiField("id", .text(0...64), required: true, "for `after`, to go on behind it"),
            ApiField(
                "type",
                .choice(["begin", "process", "change", "poison", "link", "alarm", "lost", "alive"]),
                required: true,
                "what it is about"
            ),
            ApiField("unixSeconds", .number, required: true, "when it happened"),
        ],
        isOpen: true
    )

    static let eventRoutes: [ApiRoute] = [
        ApiRoute(
            "GET",
            "/v1/events",
            "watchEvents",
            .read,
            "Streams what happens: processes, changes, links, alarms. With Accept: text/event-stream as "
                + "server-sent events, else one a line."
        ) {
            call throws(ApiFault) in
            let clients = call.dataplane.api.clients
            let pid = call.peer.pid
            guard let place = StreamPlace(clients, pid) else {
                throw ApiFault(
                    429,
                    "busy",
                    "this process has \(ApiClients.maximumStreams) streams of events already"
                )
            }
            let stream = EventStream(
                call: call,
                isServerSent: call.accept.contains("text/event-stream")
            )
            let type = stream.isServerSent ? "text/event-stream" : ApiReply.lines
            return ApiReply(type: type) { writer in
                defer { withExtendedLifetime(place) {} }
                try await stream.run(writer)
            }
        }.with {
            $0.parameters = [
                .query("after", .format(.key), "the id of the last event seen; as Last-Event-ID"),
                .query("limit", .integer(1...1_000_000), "events after which it ends"),
                .query("seconds", .integer(0...86_400), "after which it ends; 3600 unless said"),
            ]
            $0.result = [
                ("application/x-ndjson", event), ("text/event-stream", .text(0...1_000_000_000)),
            ]
        }
    ]
}
