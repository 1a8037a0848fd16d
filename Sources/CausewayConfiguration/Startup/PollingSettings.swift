/// When lanes poll and when they wait; VPP's numbers, unless said otherwise.
public struct PollingSettings: Hashable, Sendable {
    /// From so many packets in 128 turns on, an adaptive input node is polled.
    public var up = 10
    /// Up to so many packets in 128 turns, it waits for interrupts again; below `up`.
    public var down = 5
    /// Empty turns after its last handoff that a lane does not sleep which polls nothing.
    public var handoffTailTurns = 100

    /// VPP's numbers.
    public init() {}
}

extension StartupReader {
    /// `polling { up N down N handoff-tail N }`.
    static let pollingSection = Key(
        name: "polling",
        shape: .block,
        meaning: .apply { reader, value in
            reader.read(value.block ?? [], in: "polling", keys: pollingKeys)
            let polling = reader.configuration.polling
            guard polling.down >= polling.up else { return }
            reader.report(
                .startupConflict,
                at: value.key,
                "polling: up \(polling.up) and down \(polling.down)",
                remedy:
                    "down must be below up, or an adaptive port would change its mode all the time"
            )
        }
    )

    private static let pollingKeys: [Key] = [
        .integer("up", in: 1...1_000_000) { $0.configuration.polling.up = $1.value },
        .integer("down", in: 0...1_000_000) { $0.configuration.polling.down = $1.value },
        .integer("handoff-tail", in: 0...1_000_000) {
            $0.configuration.polling.handoffTailTurns = $1.value
        },
    ]
}
