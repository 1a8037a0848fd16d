internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#endif

/// The signals that ask for an end, as a stream: SIGUSR2 for that of the supervisor alone.
struct RunSignals {
    /// One element a signal.
    let stream: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    /// Takes the signals over from their default actions.
    init() {
        // A log reader that goes away must not take the dataplane with it.
        signal(SIGPIPE, SIG_IGN)
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        sources = [SIGTERM, SIGINT, SIGHUP, SIGUSR2].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.activate()
            return source
        }
    }
}
