internal import Coordination

/// The vocabulary of `barrier { ... }` and `lanes { ... }`.
extension StartupReader {
    /// `barrier { warn-usec N log-usec N fence-msec N lease-msec N }`.
    static let barrierSection = Key(
        name: "barrier",
        shape: .block,
        meaning: .apply { reader, value in
            reader.read(value.block ?? [], in: "barrier", keys: barrierKeys)
            let times = reader.configuration.barrier
            guard times.warn > times.log || times.log > times.fence else { return }
            reader.report(
                .startupImpossibleValue,
                at: value.key,
                "barrier: warn \(times.warn), log \(times.log), fence \(times.fence)",
                remedy: "each must be at least the one before"
            )
            reader.configuration.barrier = BarrierTimes()
        },
        countsOnce: true
    )

    private static let barrierKeys: [Key] = [
        .integer("warn-usec", in: 1...10_000_000) {
            $0.configuration.barrier.warn = .microseconds($1.value)
        },
        .integer("log-usec", in: 100...10_000_000) {
            $0.configuration.barrier.log = .microseconds($1.value)
        },
        .integer("fence-msec", in: 10...60_000) {
            $0.configuration.barrier.fence = .milliseconds($1.value)
        },
        .integer("lease-msec", in: 5...10_000) {
            $0.configuration.barrier.lease = .milliseconds($1.value)
        },
    ]

    static let hangKeys: [Key] = [
        .value("hang-msec") { reader, value in
            guard let number = Int(value.word), number == 0 || (50...60_000).contains(number) else {
                return reader.refuse(value, "write 50 to 60000 milliseconds, or 0: nobody looks")
            }
            reader.configuration.hangMilliseconds = number
        }
    ]
}
