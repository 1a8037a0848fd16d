public import ControlClient
public import ControlProtocol

/// The instance that a shell talks to.
public protocol ShellBackend: Sendable {
    /// Runs a line, for a NUMA node if its command takes one.
    func run(_ line: String, scope: Int?) async throws(ControlClientError)
        -> CommandReply<JSONValue>
    /// Says what may stand at the end of a line.
    func complete(_ line: String) async throws(ControlClientError) -> CompletionReply
    /// Says which supervisor this is, and what it wants of sessions.
    func session() async throws(ControlClientError) -> SessionSettings
}

extension ControlClient: ShellBackend {
    /// Runs a line; `show lanes` takes two readings, a second apart, and makes rates of them.
    public func run(_ line: String, scope: Int?) async throws(ControlClientError)
        -> CommandReply<JSONValue>
    {
        guard CommandLineSession.isLanes(line) else {
            return try await run(line, isJSON: false, scope: scope)
        }
        let before = try await lanes()
        // A sleep fails only when it is cancelled; the next request fails then, too.
        try? await Task.sleep(for: .seconds(1))
        var rates = LaneRates.between(before, try await lanes())
        if let scope { rates.removeAll { $0.numaNode != scope } }
        return CommandReply(ok: true, text: LaneTable.text(rates))
    }
}
