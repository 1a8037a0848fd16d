internal import Dispatch

/// Calls back when a descriptor becomes readable; callbacks come one at a time on its queue.
///
/// The descriptor must stay open until `cancel`; the handler keeps alive what it captures until
/// then.
final class ReadWatch: @unchecked Sendable {
    private let source: any DispatchSourceRead

    /// Starts watching.
    ///
    /// - Parameters:
    ///   - descriptor: what to watch.
    ///   - queue: a serial queue.
    ///   - handler: called while there is something to read, unless paused.
    init(
        descriptor: CInt,
        queue: DispatchQueue,
        handler: @escaping @Sendable (ReadWatch) -> Void
    ) {
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { [self] in handler(self) }
        source.activate()
    }

    /// Takes no more callbacks until `resume`; pauses and resumes must pair.
    func pause() { source.suspend() }

    /// Goes on after `pause`.
    func resume() { source.resume() }

    /// Ends the watch for good; must not be called while paused unless `resume` follows.
    func cancel() { source.cancel() }
}

/// Calls back once when a descriptor takes more bytes.
final class WriteWatch: @unchecked Sendable {
    private let source: any DispatchSourceWrite

    /// Starts watching.
    ///
    /// - Parameters:
    ///   - descriptor: what to watch; stays open until the callback or `cancel`.
    ///   - queue: where the callback comes.
    ///   - handler: called once.
    init(descriptor: CInt, queue: DispatchQueue, handler: @escaping @Sendable () -> Void) {
        source = DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { [self] in
            source.cancel()
            handler()
        }
        source.activate()
    }

    /// Ends the watch without a callback.
    func cancel() { source.cancel() }
}
