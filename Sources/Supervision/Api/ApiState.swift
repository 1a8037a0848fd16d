/// What the control API remembers between requests, beside what it acts on.
public final class ApiState: Sendable {
    /// What happens, for those who watch.
    let feed = EventFeed()
    /// The replies to requests with an Idempotency-Key.
    let replies = ReplyStore()
    /// Who is connected.
    let clients = ApiClients()
    /// The requests that `api trace` keeps.
    let trace = ApiTrace()

    /// Makes an empty one.
    public init() {}
}
